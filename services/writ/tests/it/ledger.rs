//! `writ audit verify` and `export` against the ledger's own tables.

mod kept;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;
use writ_chain::chain::Appended;
use writ_chain::checkpoint::{Checkpoint, global_origin, sign};
use writ_chain::cosignature::WitnessSigner;
use writ_chain::global::{TenantHead, interval_root};
use writ_chain::keys::NamedSigner;
use writ_chain::leaf::Leaf;
use writ_chain::merkle::{Frontier, leaf_hash};

use writ_chain::note;
use writ_chain::tiles::tile_root;
use writ_testkit::{Db, Postgres};

use crate::fixture::{checkpoint, keys_file, leaves, leaves_with_month, org, signer};
use crate::{code, err, out, writ};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../audit-ledger/migrations");

/// The place of a leaf, as the ledger keeps it.
async fn place(pg: &mut PgConnection, org: Uuid, leaf: &Appended) {
    let read = Leaf::parse(&leaf.leaf_bytes).unwrap();
    let insert = "insert into ledger.places (org_id, seq, event_id, leaf_hash)
        values ($1, $2, $3, $4)";
    sqlx::query(insert)
        .bind(org)
        .bind(i64::try_from(leaf.seq).unwrap())
        .bind(read.position.event_id)
        .bind(leaf.leaf_hash.as_slice())
        .execute(pg)
        .await
        .unwrap();
}

/// A leaf, and what it is found by.
async fn enter(pg: &mut PgConnection, org: Uuid, leaf: &Appended) {
    let read = Leaf::parse(&leaf.leaf_bytes).unwrap();
    let body = read.entry().unwrap();
    let insert = "insert into ledger.entries (org_id, seq, event_id, leaf_bytes, leaf_hash,
        salt, single_fact, type, action, target, occurred_at)
        values ($1, $2, $3, $4, $5, $5, true, $6, $7, $8, $9)";
    sqlx::query(insert)
        .bind(org)
        .bind(i64::try_from(leaf.seq).unwrap())
        .bind(read.position.event_id)
        .bind(&leaf.leaf_bytes)
        .bind(leaf.leaf_hash.as_slice())
        .bind(body.kind)
        .bind(body.action)
        .bind(body.target)
        .bind(writ_pg::fit::time(body.occurred_at))
        .execute(pg)
        .await
        .unwrap();
}

struct Stored {
    db: Db,
    dir: tempfile::TempDir,
}

impl Stored {
    /// Two organisations with 5 and 3 entries, sealed at every size but the last.
    async fn new() -> Self {
        let db = Postgres::shared().await.fresh_database().await;
        let owner = writ_pg::StoreUrl::new(db.owner_url.clone());
        writ_pg::migrate(&owner, "ledger", "ledger", &MIGRATIONS)
            .await
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        keys_file(dir.path());
        let stored = Self { db, dir };
        stored.fill(org(1), 5).await;
        stored.fill(org(2), 3).await;
        stored.seal_globally(4).await;
        stored
    }

    /// One interval for each size: the heads of that size of every organisation that has one.
    async fn seal_globally(&self, intervals: u64) {
        let mut pg = PgConnection::connect(&self.db.superuser_url).await.unwrap();
        let mut tree = Frontier::default();
        for index in 0..intervals {
            let heads: Vec<TenantHead> = [(1, 5), (2, 3)]
                .into_iter()
                .filter(|(_, count)| index + 1 < *count)
                .map(|(n, count)| TenantHead {
                    tenant: org(n),
                    size: index + 1,
                    root: checkpoint(org(n), &leaves(org(n), count), index + 1).0.root,
                })
                .collect();
            let root = interval_root(&heads).unwrap();
            tree.append(leaf_hash(&root));
            let head = Checkpoint {
                origin: global_origin(signer().verifier().name()),
                size: tree.size(),
                root: tree.root(),
                extensions: Vec::new(),
            };
            let insert =
                "insert into ledger.global_log (index, interval_root, root, note, frontier)
                values ($1, $2, $3, $4, '')";
            sqlx::query(insert)
                .bind(i64::try_from(index).unwrap())
                .bind(root.as_slice())
                .bind(tree.root().as_slice())
                .bind(sign(&head, &[&signer()]).unwrap())
                .execute(&mut pg)
                .await
                .unwrap();
        }
    }

    async fn fill(&self, org: Uuid, count: u64) {
        let mut pg = PgConnection::connect(&self.db.superuser_url).await.unwrap();
        let leaves = leaves(org, count);
        for leaf in &leaves {
            place(&mut pg, org, leaf).await;
            enter(&mut pg, org, leaf).await;
        }
        for size in 1..count {
            let (head, note) = checkpoint(org, &leaves, size);
            let insert = "insert into ledger.checkpoints (org_id, size, version, root, note,
                head_hash, frontier, global_index) values ($1, $2, $2, $3, $4, $3, '', $2 - 1)";
            sqlx::query(insert)
                .bind(org)
                .bind(i64::try_from(size).unwrap())
                .bind(head.root.as_slice())
                .bind(note)
                .execute(&mut pg)
                .await
                .unwrap();
        }
    }

    /// What an administrator could do behind the application's back.
    async fn tamper(&self, sql: impl Into<String>) {
        let mut pg = PgConnection::connect(&self.db.superuser_url).await.unwrap();
        sqlx::raw_sql("set session_replication_role = replica")
            .execute(&mut pg)
            .await
            .unwrap();
        let changed = sqlx::query(AssertSqlSafe(sql.into()))
            .execute(&mut pg)
            .await
            .unwrap();
        assert!(changed.rows_affected() > 0);
    }

    async fn run(&self, args: &[&str]) -> std::process::Output {
        let keys = self.dir.path().join("keys.json");
        let mut all: Vec<String> = args.iter().map(|&it| it.to_owned()).collect();
        all.extend(["--keys".into(), keys.to_string_lossy().into_owned()]);
        all.extend(["--database-url".into(), self.db.owner_url.clone()]);
        let run = move || writ(&all.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(run).await.unwrap()
    }
}

#[tokio::test]
async fn every_organisation_is_verified_with_every_checkpoint() {
    let stored = Stored::new().await;
    let run = stored.run(&["audit", "verify", "--all-checkpoints"]).await;
    assert_eq!(code(&run), 0, "{}{}", out(&run), err(&run));
    assert!(out(&run).contains("5 entries, 4 sealed"), "{}", out(&run));
    assert!(out(&run).contains("3 entries, 2 sealed"), "{}", out(&run));
    assert!(out(&run).contains("4 intervals, 4 sealed"), "{}", out(&run));
}

#[tokio::test]
async fn one_changed_byte_is_found_in_its_organisation_only() {
    let stored = Stored::new().await;
    stored
        .tamper(
            "update ledger.entries set leaf_bytes = set_byte(leaf_bytes, 90, 1)
             where seq = 1 and org_id = '00000000-0000-0000-0000-000000000001'",
        )
        .await;
    let run = stored.run(&["audit", "verify"]).await;
    assert_eq!(code(&run), 2, "{}{}", out(&run), err(&run));
    let text = out(&run);
    assert!(text.contains("entry 1 has another stored hash"), "{text}");
    let fine = text.lines().filter(|line| line.starts_with("ok")).count();
    assert_eq!(fine, 2, "the other ledger and the log over both: {text}");
}

#[tokio::test]
async fn a_removed_entry_and_a_missing_checkpoint_are_incomplete() {
    let stored = Stored::new().await;
    stored
        .tamper("delete from ledger.entries where seq = 0")
        .await;
    assert_eq!(code(&stored.run(&["audit", "verify"]).await), 4);
    let stored = Stored::new().await;
    stored.tamper("delete from ledger.checkpoints").await;
    let owner = org(1).to_string();
    let run = stored.run(&["audit", "verify", "--org", &owner]).await;
    assert_eq!(code(&run), 4, "{}", out(&run));
    let all = stored.run(&["audit", "verify"]).await;
    assert_eq!(
        code(&all),
        2,
        "the log over all ledgers has signed heads that are gone"
    );
}

#[tokio::test]
async fn an_older_head_that_does_not_fit_is_found() {
    let stored = Stored::new().await;
    // Organisation 2's first three entries are not organisation 1's, so its heads are foreign.
    stored
        .tamper(
            "update ledger.checkpoints set note = (select note from ledger.checkpoints
                where org_id = '00000000-0000-0000-0000-000000000002' and size = 2)
             where org_id = '00000000-0000-0000-0000-000000000001' and size = 2",
        )
        .await;
    let run = stored.run(&["audit", "verify", "--all-checkpoints"]).await;
    assert_eq!(code(&run), 2, "{}{}", out(&run), err(&run));
}

#[tokio::test]
async fn an_older_checkpoint_that_does_not_open_is_found() {
    let stored = Stored::new().await;
    let owner = org(1).to_string();
    let all = ["audit", "verify", "--all-checkpoints", "--org", &owner];
    assert_eq!(code(&stored.run(&all).await), 0);
    let of_two = "where size = 2 and org_id = '00000000-0000-0000-0000-000000000001'";
    let head = checkpoint(org(1), &leaves(org(1), 5), 2).0;
    let stranger = NamedSigner::from_seed("writ.test/ledger", &[9; 32]).unwrap();
    let note = sign(&head, &[&stranger]).unwrap();
    let set = |note: &str| format!("update ledger.checkpoints set note = '{note}' {of_two}");
    stored.tamper(set(&note)).await;
    let run = stored.run(&all).await;
    assert_eq!(code(&run), 3, "{}{}", out(&run), err(&run));
    assert!(out(&run).contains("of 2 entries"), "{}", out(&run));
    assert_eq!(code(&stored.run(&all[..2]).await), 0, "not asked for");
    stored.tamper(set("x")).await;
    assert_eq!(code(&stored.run(&all).await), 2);
}

#[tokio::test]
async fn an_export_verifies_offline() {
    let stored = Stored::new().await;
    let to = stored
        .dir
        .path()
        .join("bundle.jsonl")
        .to_string_lossy()
        .into_owned();
    let owner = org(1).to_string();
    let run = stored
        .run(&["audit", "export", "--org", &owner, "--out", &to])
        .await;
    assert_eq!(code(&run), 0, "{}", err(&run));
    let keys = stored
        .dir
        .path()
        .join("keys.json")
        .to_string_lossy()
        .into_owned();
    let alone = ["audit", "verify", "--file", &to, "--keys", &keys];
    let run = writ(&alone);
    assert_eq!(code(&run), 4, "it is not shown in the log over all");
    let run = writ(&[&alone[..], &["--quorum", "0"]].concat());
    assert_eq!(code(&run), 0, "{}", out(&run));
    assert!(out(&run).contains("4 entries, 4 sealed"), "{}", out(&run));
    let again = stored
        .run(&["audit", "export", "--org", &owner, "--out", &to])
        .await;
    assert_eq!(code(&again), 1, "an existing file is not overwritten");
}

#[tokio::test]
async fn a_ledger_removed_with_all_its_checkpoints_is_missed() {
    let stored = Stored::new().await;
    for table in ["entries", "checkpoints"] {
        let sql = if table == "entries" {
            "delete from ledger.entries where org_id = '00000000-0000-0000-0000-000000000002'"
        } else {
            "delete from ledger.checkpoints where org_id = '00000000-0000-0000-0000-000000000002'"
        };
        stored.tamper(sql).await;
    }
    let run = stored.run(&["audit", "verify"]).await;
    assert_eq!(code(&run), 2, "{}{}", out(&run), err(&run));
    assert!(
        out(&run).contains("interval 0: the heads kept"),
        "{}",
        out(&run)
    );
}

#[tokio::test]
async fn a_role_that_sees_nothing_is_not_told_that_all_is_well() {
    let stored = Stored::new().await;
    let owner = org(9).to_string();
    let run = stored.run(&["audit", "verify", "--org", &owner]).await;
    assert_eq!(code(&run), 7, "{}{}", out(&run), err(&run));
}

impl Stored {
    /// Six entries of one more organisation, the fifth saying that the first three were taken out. What
    /// is in `without` is not there.
    async fn with_month_taken_out(&self, without: &[u64]) -> String {
        let mut pg = PgConnection::connect(&self.db.superuser_url).await.unwrap();
        let leaves = leaves_with_month(org(3));
        for leaf in &leaves {
            place(&mut pg, org(3), leaf).await;
            if !without.contains(&leaf.seq) {
                enter(&mut pg, org(3), leaf).await;
            }
        }
        let (head, note) = checkpoint(org(3), &leaves, 6);
        let insert = "insert into ledger.checkpoints (org_id, size, version, root, note, head_hash,
            frontier, global_index) values ($1, 6, 6, $2, $3, $2, '', 9)";
        let bound = sqlx::query(insert).bind(org(3)).bind(head.root.as_slice());
        bound.bind(note).execute(&mut pg).await.unwrap();
        org(3).to_string()
    }

    /// A witness signs the head of the global log over the first three intervals; its key is trusted.
    async fn cosigned(&self, size: i64) {
        let witness = WitnessSigner::from_seed("witness.test", &[9; 32]).unwrap();
        let keys = serde_json::json!({
            "keys": [signer().verifier().to_string()],
            "witnessKeys": [witness.verifier().to_string()],
        });
        std::fs::write(self.dir.path().join("keys.json"), keys.to_string()).unwrap();
        let mut pg = PgConnection::connect(&self.db.superuser_url).await.unwrap();
        let note: String = sqlx::query_scalar("select note from ledger.global_log where index = 2")
            .fetch_one(&mut pg)
            .await
            .unwrap();
        let line = witness.cosign(note::text_of(&note).unwrap(), 1_800_000_000);
        let insert = "insert into ledger.cosignatures (witness, size, line, signed_at)
            values ('witness.test', $1, $2, now())
            on conflict (witness) do update set size = excluded.size, line = excluded.line";
        let bound = sqlx::query(insert).bind(size).bind(line);
        bound.execute(&mut pg).await.unwrap();
    }
}

#[tokio::test]
async fn a_month_that_was_taken_out_is_said_and_what_is_left_verifies() {
    let stored = Stored::new().await;
    let owner = stored.with_month_taken_out(&[0, 1, 2]).await;
    let verify = ["audit", "verify", "--org", owner.as_str()];
    let run = stored.run(&verify).await;
    assert_eq!(code(&run), 0, "{}{}", out(&run), err(&run));
    let said = "2025-01 was taken out: entries 0 to 2";
    assert!(out(&run).contains(said), "{}", out(&run));
    stored
        .tamper(
            "update ledger.places set leaf_hash = decode(repeat('07', 32), 'hex')
             where seq = 1 and org_id = '00000000-0000-0000-0000-000000000003'",
        )
        .await;
    let run = stored.run(&verify).await;
    assert_eq!(code(&run), 2, "a hash was changed: {}", out(&run));
}

#[tokio::test]
async fn what_is_missing_without_a_word_is_incomplete_whatever_columns_say() {
    let stored = Stored::new().await;
    let owner = stored.with_month_taken_out(&[0, 1, 2, 3]).await;
    let verify = ["audit", "verify", "--org", owner.as_str()];
    assert_eq!(
        code(&stored.run(&verify).await),
        4,
        "entry 3 is in no month"
    );
    stored
        .tamper(
            "update ledger.entries set target = 'entries:0-3 of 2025-01' where action is not null",
        )
        .await;
    let run = stored.run(&verify).await;
    assert_eq!(code(&run), 2, "the column is found out: {}", out(&run));
    assert!(
        out(&run).contains("entries 3 to 3 are missing"),
        "{}",
        out(&run)
    );
}

#[tokio::test]
async fn a_live_ledger_needs_a_witness_where_one_is_trusted() {
    let stored = Stored::new().await;
    stored.cosigned(3).await;
    let run = stored.run(&["audit", "verify"]).await;
    assert_eq!(code(&run), 0, "{}{}", out(&run), err(&run));
    let said = "witnessed by witness.test at 2027-01-15T08:00:00+00:00, up to interval 2";
    assert!(out(&run).contains(said), "{}", out(&run));
    let two = stored.run(&["audit", "verify", "--quorum", "2"]).await;
    assert_eq!(code(&two), 5, "{}", out(&two));
    let owner = org(1).to_string();
    let one = stored
        .run(&["audit", "verify", "--org", &owner, "--quorum", "1"])
        .await;
    assert_eq!(code(&one), 64, "{}", out(&one));

    stored.cosigned(2).await;
    let run = stored.run(&["audit", "verify"]).await;
    assert_eq!(code(&run), 2, "signed for another head: {}", out(&run));
    stored.cosigned(7).await;
    let run = stored.run(&["audit", "verify"]).await;
    assert_eq!(code(&run), 4, "{}", out(&run));
    assert!(out(&run).contains("the log was set back"), "{}", out(&run));
    stored.tamper("delete from ledger.cosignatures").await;
    assert_eq!(code(&stored.run(&["audit", "verify"]).await), 5);
}

/// Each column that a search, a statement or a report reads, changed behind the application's back.
#[tokio::test]
async fn what_an_entry_is_found_by_is_what_it_says() {
    let changes = [
        ("type", "entries set type = 'policy.updated.v1'"),
        ("action", "entries set action = 'agent.pause'"),
        ("actor", "entries set actor = 'agent:a'"),
        ("target", "entries set target = 'agent:a'"),
        ("outcome", "entries set outcome = 'allowed'"),
        ("reason_code", "entries set reason_code = 'R'"),
        ("occurred_at", "entries set occurred_at = now()"),
        ("event_id", "entries set event_id = gen_random_uuid()"),
        (
            "emitter",
            "entries set emitter = 'incarnation:x', emitter_seq = 1",
        ),
        (
            "window",
            "entries set window_from = now(), window_count = 1",
        ),
        ("place", "places set leaf_hash = sha256('x')"),
        ("place", "places set event_id = gen_random_uuid()"),
    ];
    let stored = Stored::new().await;
    stored.fill(org(4), 13).await;
    let owner = org(4).to_string();
    let verify = ["audit", "verify", "--org", owner.as_str()];
    assert_eq!(code(&stored.run(&verify).await), 0);
    for (seq, (_, change)) in changes.iter().enumerate() {
        let one = format!("org_id = '{}' and seq = {seq}", org(4));
        let sql = format!("update ledger.{change} where {one}");
        stored.tamper(sql).await;
    }
    let run = stored.run(&verify).await;
    assert_eq!(code(&run), 2, "{}{}", out(&run), err(&run));
    for (seq, (columns, change)) in changes.iter().enumerate() {
        let said = format!("entry {seq} is found and counted by what it does not say: {columns}\n");
        assert!(out(&run).contains(&said), "{change}: {}", out(&run));
    }
}

#[tokio::test]
async fn tiles_are_of_the_entries_they_stand_for() {
    let stored = Stored::new().await;
    stored.fill(org(4), 300).await;
    let owner = org(4).to_string();
    let verify = ["audit", "verify", "--org", owner.as_str()];
    let run = stored.run(&verify).await;
    assert_eq!(code(&run), 4, "{}{}", out(&run), err(&run));
    assert!(
        out(&run).contains("1 tiles of level 0 are missing"),
        "{}",
        out(&run)
    );
    let hashes: Vec<[u8; 32]> = leaves(org(4), 256).iter().map(|it| it.leaf_hash).collect();
    let mut pg = PgConnection::connect(&stored.db.superuser_url)
        .await
        .unwrap();
    let insert = "insert into ledger.tiles (org_id, level, index, root, hashes)
        values ($1, 0, 0, $2, $3)";
    let bound = sqlx::query(insert).bind(org(4));
    let bound = bound
        .bind(tile_root(&hashes).as_slice())
        .bind(hashes.concat());
    bound.execute(&mut pg).await.unwrap();
    assert_eq!(code(&stored.run(&verify).await), 0);
    stored
        .tamper("update ledger.tiles set hashes = set_byte(hashes, 8000, 1 + get_byte(hashes, 8000) % 255)")
        .await;
    let run = stored.run(&verify).await;
    assert_eq!(code(&run), 2, "{}", out(&run));
    assert!(
        out(&run).contains("tile 0/0 is not of the entries"),
        "{}",
        out(&run)
    );
    stored.tamper("update ledger.tiles set index = 1").await;
    let run = stored.run(&verify).await;
    assert_eq!(code(&run), 4, "{}", out(&run));
    assert!(
        out(&run).contains("tile 0/1 stands for entries that are not here"),
        "{}",
        out(&run)
    );
}

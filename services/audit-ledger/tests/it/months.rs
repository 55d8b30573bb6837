//! Months of entries that are taken out, keys that change, streams that lose something: all of it is
//! in the ledger, and proofs go on.

use http::StatusCode;
use sqlx::PgConnection;
use writ_chain::checkpoint::open;
use writ_chain::keys::NamedSigner;
use writ_chain::merkle::{verify_consistency, verify_inclusion};
use writ_chain::verify::{Class, Trust, verify_export};
use writ_contract::{OrgId, Service, Stream, wire};
use writ_testkit::{Nats, Postgres, eventually};

use crate::stage::{KEY_NAME, SOON, Stage, checkpoint_key, envelope, org};

async fn detach(sql: &mut PgConnection, month: &str) -> Result<String, String> {
    let detached = sqlx::query_scalar("select ledger.detach_month($1::date)")
        .bind(month)
        .fetch_one(sql)
        .await;
    detached.map_err(|refused| refused.to_string())
}

/// As if what is there had been recorded in that month of last year.
async fn backdate(sql: &mut PgConnection, month: &str) {
    for step in [
        "set session_replication_role = replica".to_owned(),
        format!("select ledger.make_partition('{month}-01')"),
        format!("update ledger.entries set recorded_at = '{month}-15T00:00:00Z'"),
        "set session_replication_role = default".to_owned(),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(step))
            .execute(&mut *sql)
            .await
            .unwrap();
    }
}

async fn types(stage: &Stage, org: OrgId) -> Vec<String> {
    sqlx::query_scalar("select type from ledger.entries where org_id = $1 order by seq")
        .bind(org.0)
        .fetch_all(&mut stage.sql().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_month_is_taken_out_after_its_export_and_proofs_go_on() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let fact = envelope(org, "pol_1", 1, &wire::Policy::default());
    stage.publish_again::<wire::Policy>("pol_1", &fact).await;
    stage
        .decisions(org, 1, &(1..=300).collect::<Vec<_>>())
        .await;
    stage.sealed(org, 302).await;
    let mut sql = stage.sql().await;
    backdate(&mut sql, "2025-01").await;
    let refused = detach(&mut sql, "2025-01-01").await.unwrap_err();
    assert!(refused.contains("has no export"), "{refused}");
    let (status, bundle) = stage.get("/api/v1/audit/export", &key).await;
    assert_eq!(status, StatusCode::OK);
    // That it began and that it was read to its end are entries themselves.
    stage.sealed(org, 304).await;
    assert_eq!(
        detach(&mut sql, "2025-01-01").await.unwrap(),
        "entries_2025_01"
    );
    stage.publish_again::<wire::Policy>("pol_1", &fact).await;
    stage.policies(org, 7, 1).await;
    let left = eventually(SOON, "what was done is recorded", || async {
        let left = types(&stage, org).await;
        if left.len() == 4 { Ok(left) } else { Err(left) }
    })
    .await;
    assert_eq!(left[..2], ["ledger.export_begun.v1", "ledger.exported.v1"]);
    assert!(
        left[2..].contains(&"ledger.month_detached.v1".to_owned()),
        "{left:?}"
    );
    let trust = Trust::new(org.0, vec![checkpoint_key()].into());
    assert_eq!(
        verify_export(bundle.split_inclusive('\n'), trust).class(),
        Class::Clean
    );
    let exported = bundle.lines().next().unwrap();
    let exported: serde_json::Value = serde_json::from_str(exported).unwrap();
    let old = open(
        exported["checkpoint"].as_str().unwrap(),
        &[checkpoint_key()],
    )
    .unwrap();
    proofs_go_on(&stage, &key, old.checkpoint().size, &old.checkpoint().root).await;
    the_month_after(&stage, org, &key).await;
}

/// It holds the entry about the first, which is said again when it is taken out itself.
async fn the_month_after(stage: &Stage, org: OrgId, key: &str) {
    let (status, _) = stage.get("/api/v1/audit/export", key).await;
    assert_eq!(status, StatusCode::OK);
    let mut sql = stage.sql().await;
    eventually(SOON, "the export is recorded", || async {
        let left = types(stage, org).await;
        if left.len() == 6 { Ok(()) } else { Err(left) }
    })
    .await;
    backdate(&mut sql, "2025-02").await;
    // What is not sealed yet stays, and so does what no export has gone past.
    let refused = detach(&mut sql, "2025-02-01").await.unwrap_err();
    assert!(
        refused.contains("has no export") || refused.contains("not sealed"),
        "{refused}"
    );
    stage.sealed_size(org, 308).await;
    let (status, _) = stage.get("/api/v1/audit/export", key).await;
    assert_eq!(status, StatusCode::OK);
    detach(&mut sql, "2025-02-01").await.unwrap();
    let said = eventually(SOON, "both months are stated", || async {
        let said: Vec<String> = sqlx::query_scalar(
            "select target from ledger.entries where type = 'ledger.month_detached.v1' order by 1",
        )
        .fetch_all(&mut stage.sql().await)
        .await
        .unwrap();
        if said.len() == 2 { Ok(said) } else { Err(said) }
    })
    .await;
    assert_eq!(
        said,
        ["entries:0-301 of 2025-01", "entries:302-307 of 2025-02"]
    );
}

/// From the tiles alone: the first entry, which is gone, is in the tree of today, and that tree extends
/// the one that was exported.
async fn proofs_go_on(stage: &Stage, key: &str, old: u64, old_root: &[u8; 32]) {
    let note = eventually(SOON, "the tree has grown", || async {
        let (_, _, note) = stage.raw("/api/v1/audit/log/checkpoint", key).await;
        let note = open(&String::from_utf8(note).unwrap(), &[checkpoint_key()]).unwrap();
        if note.checkpoint().size == 306 {
            Ok(note)
        } else {
            Err(note)
        }
    })
    .await;
    let (size, root) = (note.checkpoint().size, note.checkpoint().root);
    let mut leaves = Vec::new();
    for path in ["0/000", "0/001.p/50"] {
        let path = format!("/api/v1/audit/log/tile/{path}");
        let (status, _, tile) = stage.raw(&path, key).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        leaves.extend_from_slice(tile.as_chunks::<32>().0);
    }
    let path = writ_chain::merkle::prove_inclusion(leaves.as_slice(), 0, size).unwrap();
    assert!(verify_inclusion(&leaves[0], 0, size, &path, &root));
    let proof = writ_chain::merkle::prove_consistency(leaves.as_slice(), old, size).unwrap();
    assert!(verify_consistency(old, old_root, size, &root, &proof));
    let (status, _, _) = stage.raw("/api/v1/audit/log/tile/entries/000", key).await;
    assert_eq!(
        status,
        StatusCode::NOT_FOUND,
        "the entries themselves are with the operator"
    );
}

#[tokio::test]
async fn a_month_that_is_not_over_stays_and_the_service_itself_takes_nothing_out() {
    let stage = Stage::running().await;
    let mut sql = stage.sql().await;
    let now: String = sqlx::query_scalar("select date_trunc('month', now())::date::text")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    for month in [now.as_str(), "2025-01-02", "1999-01-01"] {
        assert!(detach(&mut sql, month).await.is_err(), "{month}");
    }
    for role in ["ledger_api", "ledger_writer"] {
        use sqlx::Connection as _;
        let mut sql = PgConnection::connect(&stage.db.url_for(role))
            .await
            .unwrap();
        let refused = detach(&mut sql, "2025-01-01").await.unwrap_err();
        assert!(refused.contains("permission denied"), "{refused}");
        let month = now.get(..7).unwrap().replace('-', "_");
        let name = format!("entries_{month}");
        let direct = format!("delete from ledger.{name}");
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(direct))
            .execute(&mut sql)
            .await;
        assert!(refused.is_err());
    }
}

#[tokio::test]
async fn while_a_key_changes_both_sign_and_the_change_is_an_entry() {
    let mut stage = Stage::running().await;
    let org = org();
    stage.policies(org, 1, 2).await;
    stage.sealed(org, 2).await;
    stage.stop().await;
    stage.seeds = (79, Some(77));
    stage.start().await;
    stage.policies(org, 3, 1).await;
    stage.sealed(org, 4).await;
    assert!(
        types(&stage, org)
            .await
            .contains(&"ledger.key_changed.v1".to_owned())
    );
    let note: String = sqlx::query_scalar("select note from ledger.checkpoints where size = 4")
        .fetch_one(&mut stage.sql().await)
        .await
        .unwrap();
    let new = NamedSigner::from_seed(KEY_NAME, &[79; 32]).unwrap();
    for key in [checkpoint_key(), new.verifier().clone()] {
        assert_eq!(open(&note, &[key]).unwrap().checkpoint().size, 4);
    }
    stage.stop().await;
    stage.seeds = (79, None);
    stage.start().await;
    stage.policies(org, 4, 1).await;
    stage.sealed(org, 5).await;
    let note: String = sqlx::query_scalar("select note from ledger.checkpoints where size = 5")
        .fetch_one(&mut stage.sql().await)
        .await
        .unwrap();
    assert!(open(&note, &[checkpoint_key()]).is_err());
    assert!(open(&note, &[new.verifier().clone()]).is_ok());
}

#[tokio::test]
async fn a_stream_that_lost_what_was_read_is_told_of_in_every_ledger() {
    let mut stage = Stage::running().await;
    let org = org();
    stage.policies(org, 1, 5).await;
    stage.sealed(org, 5).await;
    stage.stop().await;
    stage.lose_stream(Stream::Control).await;
    stage.policies(org, 6, 1).await;
    stage.start().await;
    stage.sealed(org, 7).await;
    let told = types(&stage, org).await;
    let damaged = told
        .iter()
        .filter(|kind| *kind == "ledger.stream_damaged.v1");
    assert_eq!(damaged.count(), 1, "{told:?}");
    assert_eq!(stage.verify(org).await.findings, []);
}

#[tokio::test]
async fn a_hole_in_a_stream_is_told_of_once_and_filled_by_what_is_sent_again() {
    let mut stage = Stage::set(&Nats::shared().await, &Postgres::shared().await).await;
    let control = stage.deletable(Stream::Control).await;
    stage.start().await;
    let org = org();
    let facts: Vec<_> = (1..=4)
        .map(|version| envelope(org, "pol_1", version, &wire::Policy::default()))
        .collect();
    stage
        .publish_again::<wire::Policy>("pol_1", &facts[0])
        .await;
    stage.sealed(org, 1).await;
    stage.stop().await;
    for fact in &facts[1..] {
        stage.publish_again::<wire::Policy>("pol_1", fact).await;
    }
    // The second and third, which nobody has read.
    for lost in [2, 3] {
        control.delete_message(lost).await.unwrap();
    }
    stage.start().await;
    // The first, the last, the hole in the versions and the hole in the stream.
    stage.sealed(org, 4).await;
    // The owner sends again what was lost; for the ledger the last is a repetition.
    let log = stage.log(Service::Control);
    let subject = log.topology().fact::<wire::Policy>(org, "pol_1");
    for fact in &facts[1..3] {
        eventually(SOON, "the stream does not know it any more", || async {
            let sent = log.publish_fact(&subject, fact, None, SOON).await.unwrap();
            if sent.duplicate { Err(sent) } else { Ok(()) }
        })
        .await;
    }
    stage.sealed(org, 6).await;
    stage.stop().await;
    stage.start().await;
    stage.policies(org, 9, 1).await;
    stage.sealed(org, 7).await;
    let mut told = types(&stage, org).await;
    told.sort_unstable();
    let gap = ["ledger.gap_detected.v1", "ledger.stream_damaged.v1"];
    assert_eq!(
        (&told[..2], told[2..].len()),
        (&gap.map(str::to_owned)[..], 5)
    );
    assert_eq!(stage.verify(org).await.findings, []);
}

//! What the ledger holds and says.

use sqlx::{Connection, PgConnection, Row};
use writ_chain::verify::{Entry, KnownHead, Report, Tail, Trust, Verification};
use writ_contract::{Envelope, OrgId, Service, Stream, wire};
use writ_eventlog::{Content, Start};
use writ_testkit::eventually;

use super::{SOON, Stage, checkpoint_key};

impl Stage {
    /// A connection that sees everything.
    pub(crate) async fn sql(&self) -> PgConnection {
        PgConnection::connect(&self.db.superuser_url).await.unwrap()
    }

    /// Waits until this many entries of an organisation are sealed, and no more are there.
    pub(crate) async fn sealed(&self, org: OrgId, count: i64) {
        eventually(SOON, "the entries are sealed", || async {
            let mut sql = self.sql().await;
            let found: (i64, i64) = sqlx::query_as(
                "select (select count(*) from ledger.entries where org_id = $1),
                        (select coalesce(max(size), 0) from ledger.checkpoints where org_id = $1)",
            )
            .bind(org.0)
            .fetch_one(&mut sql)
            .await
            .unwrap();
            if found == (count, count) {
                Ok(())
            } else {
                Err(found)
            }
        })
        .await;
    }

    /// Waits until a head of at least this size is signed.
    pub(crate) async fn sealed_size(&self, org: OrgId, least: i64) {
        eventually(SOON, "the head is signed", || async {
            let size: i64 = sqlx::query_scalar(
                "select coalesce(max(size), 0) from ledger.checkpoints where org_id = $1",
            )
            .bind(org.0)
            .fetch_one(&mut self.sql().await)
            .await
            .unwrap();
            if size >= least { Ok(()) } else { Err(size) }
        })
        .await;
    }

    /// Verifies an organisation's ledger from the tables, as `writ audit verify` does, against
    /// every checkpoint it keeps.
    pub(crate) async fn verify(&self, org: OrgId) -> Report {
        self.verify_against(org, Vec::new()).await
    }

    /// Verifies it also against every checkpoint anybody was told of.
    pub(crate) async fn verify_told(&self, org: OrgId) -> Report {
        let told = self
            .seals(org)
            .await
            .into_iter()
            .map(|(_, sealed)| KnownHead {
                size: sealed.size,
                root: sealed.root.try_into().unwrap(),
            });
        self.verify_against(org, told.collect()).await
    }

    async fn verify_against(&self, org: OrgId, told: Vec<KnownHead>) -> Report {
        let mut sql = PgConnection::connect(&self.db.owner_url).await.unwrap();
        let notes: Vec<String> = sqlx::query_scalar(
            "select note from ledger.checkpoints where org_id = $1 order by size",
        )
        .bind(org.0)
        .fetch_all(&mut sql)
        .await
        .unwrap();
        let known = notes.iter().map(|note| {
            let verified = writ_chain::checkpoint::open(note, &[checkpoint_key()]).unwrap();
            KnownHead {
                size: verified.checkpoint().size,
                root: verified.checkpoint().root,
            }
        });
        let trust = Trust {
            known: known.chain(told).collect(),
            tail: Tail::Open,
            ..Trust::new(org.0, vec![checkpoint_key()].into())
        };
        let mut run = Verification::new(trust, notes.last().map(String::as_str));
        let rows = sqlx::query(
            "select seq, leaf_bytes, leaf_hash from ledger.entries where org_id = $1 order by seq",
        )
        .bind(org.0)
        .fetch_all(&mut sql)
        .await
        .unwrap();
        for row in rows {
            run.entry(Entry {
                position: u64::try_from(row.get::<i64, _>(0)).unwrap(),
                leaf_bytes: row.get(1),
                stored_hash: row.get::<Vec<u8>, _>(2).try_into().ok(),
            });
        }
        run.finish()
    }

    /// Every `sealed` fact of an organisation on the log, oldest first.
    pub(crate) async fn seals(&self, org: OrgId) -> Vec<(Envelope, wire::Sealed)> {
        let log = self.log(Service::Approval);
        let mut reader = log.read(Stream::Audit, vec![], Start::First).await.unwrap();
        let mut facts = Vec::new();
        for _ in 0..reader.behind() {
            let delivered = reader.next().await.unwrap();
            assert_eq!(delivered.owner, Service::AuditLedger);
            let Content::Fact(envelope) = delivered.content else {
                panic!("a fact")
            };
            if envelope.org == org {
                let sealed = envelope.open().unwrap();
                facts.push((*envelope, sealed));
            }
        }
        facts
    }
}

//! Someone with every right in the database changes a row; the verifier, which has none, finds it.

use sqlx::Executor;
use writ_chain::verify::Class;
use writ_testkit::eventually;

use crate::stage::{SOON, Stage, org};

const WITHOUT_TRIGGERS: &str = "set session_replication_role = replica";

#[tokio::test]
async fn a_changed_row_is_found_by_the_verifier() {
    let tampers = [
        "update ledger.entries set leaf_bytes = set_byte(leaf_bytes, 120, 1) where seq = 4",
        "update ledger.entries set leaf_hash = sha256('x') where seq = 4",
        "delete from ledger.entries where seq = 4",
        "delete from ledger.entries where seq >= 7",
        "update ledger.entries set seq = seq + 100 where seq = 4",
        "update ledger.entries a set leaf_bytes = b.leaf_bytes, leaf_hash = b.leaf_hash
           from ledger.entries b where a.seq = 4 and b.seq = 5",
        "insert into ledger.entries select org_id, 10, gen_random_uuid(), leaf_bytes, leaf_hash,
           salt, single_fact, type from ledger.entries where seq = 9",
    ];
    let stage = Stage::running().await;
    let org = org();
    stage.policies(org, 1, 10).await;
    stage.sealed(org, 10).await;
    assert_eq!(stage.verify(org).await.class(), Class::Clean);
    for tamper in tampers {
        let mut sql = stage.sql().await;
        sql.execute(WITHOUT_TRIGGERS).await.unwrap();
        sql.execute("create temp table kept as select * from ledger.entries")
            .await
            .unwrap();
        let tamper = tamper.replace(
            "salt, single_fact, type from",
            "salt, single_fact, type, action, actor, target, outcome, reason_code, agent_id,
               agent_external_id, decision_id, occurred_at, recorded_at from",
        );
        sqlx::query(sqlx::AssertSqlSafe(tamper.clone()))
            .execute(&mut sql)
            .await
            .unwrap();
        let report = stage.verify(org).await;
        assert_ne!(report.class(), Class::Clean, "{tamper}");
        sql.execute("delete from ledger.entries").await.unwrap();
        sql.execute("insert into ledger.entries select * from kept")
            .await
            .unwrap();
        assert_eq!(
            stage.verify(org).await.class(),
            Class::Clean,
            "put back after {tamper}"
        );
    }
}

#[tokio::test]
async fn a_log_whose_entries_were_changed_before_they_were_sealed_is_not_signed_and_others_are() {
    let mut stage = Stage::running().await;
    let (damaged, sound) = (org(), org());
    stage.policies(damaged, 1, 3).await;
    stage.sealed(damaged, 3).await;
    stage.stop().await;
    let mut sql = stage.sql().await;
    sql.execute(WITHOUT_TRIGGERS).await.unwrap();
    let unseal = "delete from ledger.checkpoints; delete from ledger.global_log;
        delete from ledger.events;
        update ledger.entries set leaf_bytes = set_byte(leaf_bytes, 120, 1) where seq = 1";
    sqlx::raw_sql(unseal).execute(&mut sql).await.unwrap();
    stage.start().await;
    stage.policies(damaged, 4, 1).await;
    stage.policies(sound, 1, 2).await;
    stage.sealed(sound, 2).await;
    eventually(SOON, "the damaged log goes on recording", || async {
        let entries = stage.verify(damaged).await.entries;
        if entries == 4 { Ok(()) } else { Err(entries) }
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert_eq!(stage.verify(damaged).await.sealed, None);
}

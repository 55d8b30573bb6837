//! Nobody changes what was recorded: not the service's roles, not the owner, not a superuser who
//! leaves the triggers alone.

use sqlx::{Connection, PgConnection};

use crate::stage::{Stage, org};

const CHANGES: [&str; 9] = [
    "update ledger.entries set leaf_bytes = '\\x00' where seq = 0",
    "delete from ledger.entries",
    "truncate ledger.entries",
    "update ledger.checkpoints set note = ''",
    "delete from ledger.checkpoints where size = 0",
    "truncate ledger.checkpoints",
    "update ledger.global_log set note = ''",
    "delete from ledger.global_log",
    "truncate ledger.global_log",
];

#[tokio::test]
async fn entries_and_checkpoints_cannot_be_changed_by_any_role() {
    let stage = Stage::running().await;
    let org = org();
    stage.policies(org, 1, 3).await;
    stage.sealed(org, 3).await;
    let urls = [
        stage.db.url_for("ledger_api"),
        stage.db.url_for("ledger_writer"),
        stage.db.owner_url.clone(),
        stage.db.superuser_url.clone(),
    ];
    for url in urls {
        let mut sql = PgConnection::connect(&url).await.unwrap();
        for change in CHANGES {
            let refused = sqlx::query(change).execute(&mut sql).await.unwrap_err();
            let code = refused
                .as_database_error()
                .unwrap()
                .code()
                .unwrap()
                .into_owned();
            assert!(
                ["42501", "23001"].contains(&code.as_str()),
                "{change} as {url}: {refused}"
            );
        }
    }
    assert_eq!(stage.verify(org).await.findings, []);
}

#[tokio::test]
async fn an_api_transaction_sees_one_organisation_and_the_writer_cannot_be_impersonated() {
    let stage = Stage::running().await;
    let (ours, theirs) = (org(), org());
    stage.policies(ours, 1, 3).await;
    stage.policies(theirs, 1, 2).await;
    stage.sealed(ours, 3).await;
    stage.sealed(theirs, 2).await;
    let mut sql = PgConnection::connect(&stage.db.url_for("ledger_api"))
        .await
        .unwrap();
    let outside: (i64, i64) = counts(&mut sql).await;
    assert_eq!(outside, (0, 0), "without an organisation nothing is seen");
    let mut tx = sql.begin().await.unwrap();
    sqlx::query("select set_config('app.current_org_id', $1, true)")
        .bind(ours.0.to_string())
        .execute(&mut *tx)
        .await
        .unwrap();
    let (entries, _) = counts(&mut tx).await;
    assert_eq!(entries, 3);
    let insert =
        sqlx::query("insert into ledger.entries select * from ledger.entries where seq = 0")
            .execute(&mut *tx)
            .await;
    assert!(insert.is_err());
}

async fn counts(sql: &mut PgConnection) -> (i64, i64) {
    sqlx::query_as(
        "select (select count(*) from ledger.entries), (select count(*) from ledger.checkpoints)",
    )
    .fetch_one(sql)
    .await
    .unwrap()
}

//! `writ setup` on empty stores.

use sqlx::Connection;
use writ_testkit::{ClickHouse, Nats, Postgres};

use crate::{code, err, out, writ, writ_with};

#[tokio::test]
async fn empty_stores_are_made_ready_and_ready_ones_left_alone() {
    let nats = Nats::shared().await;
    let db = Postgres::shared().await.fresh_database().await;
    let tables = ClickHouse::shared().await.fresh_database().await;
    let args = [
        "setup",
        "--nats-url",
        &nats.url,
        "--prefix",
        &nats.prefix,
        "--database-url",
        &db.owner_url,
        "--clickhouse-url",
        &tables.url,
        "--clickhouse-database",
        &tables.name,
    ];
    let login = [
        ("CLICKHOUSE_USER", tables.user.as_str()),
        ("CLICKHOUSE_PASSWORD", tables.password.as_str()),
    ];
    for _ in 0..2 {
        let run = writ_with(&args, &login);
        assert_eq!(code(&run), 0, "{}", err(&run));
        assert_eq!(out(&run).lines().count(), 3, "{}", out(&run));
    }
    let mut pg = sqlx::PgConnection::connect(&db.owner_url).await.unwrap();
    let schemas: i64 = sqlx::query_scalar(
        "select count(distinct table_schema) from information_schema.tables
         where table_name = '_sqlx_migrations'",
    )
    .fetch_one(&mut pg)
    .await
    .unwrap();
    assert_eq!(schemas, 5);
    let rows: u64 = tables
        .client()
        .query("SELECT count() FROM traces")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn without_a_store_there_is_nothing_to_do() {
    assert_eq!(code(&writ(&["setup"])), 64);
}

#[test]
fn the_roles_are_printed_for_a_superuser() {
    let printed = writ(&["setup", "--print-roles"]);
    assert_eq!(code(&printed), 0);
    assert!(out(&printed).contains("ledger_writer"));
}

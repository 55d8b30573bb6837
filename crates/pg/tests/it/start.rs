//! What a service does with its store before it serves.

use std::time::Duration;

use writ_pg::{PgConfig, Pools, StoreUrl, Unprepared, UnsafeRole, prepare};
use writ_testkit::eventually;

use super::{MIGRATIONS, SCHEMA, Store};

#[tokio::test]
async fn a_store_is_prepared_from_any_task_and_an_unsafe_one_is_refused() {
    let store = Store::fresh().await;
    let config = PgConfig {
        owner_url: StoreUrl::new(&store.db.owner_url),
        ..PgConfig::default()
    };
    let pools = store.pools.clone();
    let prepared = tokio::spawn(async move { prepare(&config, &pools, SCHEMA, &MIGRATIONS).await });
    prepared.await.unwrap().unwrap();

    let config = PgConfig {
        api_url: StoreUrl::new(&store.db.superuser_url),
        writer_url: StoreUrl::new(&store.db.superuser_url),
        ..PgConfig::default()
    };
    let pools = Pools::new(&config, SCHEMA).unwrap();
    let refused = prepare(&config, &pools, SCHEMA, &MIGRATIONS).await;
    assert!(matches!(
        refused,
        Err(Unprepared::Role(UnsafeRole::Superuser(_)))
    ));
}

#[tokio::test]
async fn one_replica_leads_until_its_transaction_ends() {
    let store = Store::fresh().await;
    let writer = &store.pools.writer;
    let leading = writer.lead(SCHEMA, "loops").await.unwrap();
    assert!(leading.is_some());
    assert!(writer.lead(SCHEMA, "loops").await.unwrap().is_none());
    assert!(writer.lead(SCHEMA, "others").await.unwrap().is_some());
    drop(leading);
    eventually(Duration::from_secs(5), "the next one leads", || async {
        writer.lead(SCHEMA, "loops").await.unwrap().ok_or("held")
    })
    .await;
}

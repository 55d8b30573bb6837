//! One organisation never sees another.

use sqlx::Row;
use writ_pg::{PgConfig, PgError, Pools, StoreUrl, UnsafeRole, append, check_role, migrate};

use super::{MIGRATIONS, SCHEMA, Store, event, id};

async fn names(store: &Store, org: u128) -> Vec<String> {
    let mut tx = store.pools.api.begin(id(org)).await.unwrap();
    let rows = sqlx::query("select name from things")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn add(store: &Store, inside: u128, org: u128) -> Result<(), PgError> {
    let mut tx = store.pools.api.begin(id(inside)).await?;
    sqlx::query("insert into things values ($1, gen_random_uuid(), 'x')")
        .bind(id(org))
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

#[tokio::test]
async fn an_organisation_reads_and_writes_only_its_own_rows() {
    let store = Store::fresh().await;
    add(&store, 1, 1).await.unwrap();
    assert_eq!(names(&store, 1).await, ["x"]);
    assert!(names(&store, 2).await.is_empty());
    let foreign = add(&store, 2, 1).await.unwrap_err();
    assert!(matches!(foreign, PgError::Refused(_)), "{foreign:?}");
    let mut tx = store.pools.api.begin(id(2)).await.unwrap();
    let touched = sqlx::query("update things set name = 'y'")
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(touched.rows_affected(), 0);
}

#[tokio::test]
async fn without_an_organisation_nothing_is_read_even_on_a_used_connection() {
    let store = Store::fresh().await;
    add(&store, 1, 1).await.unwrap();
    let url = store.db.url_for("control_api");
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let count = "select count(*) from control.things";
    let fresh: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    // After a transaction the setting is the empty string, not null.
    sqlx::raw_sql("begin; select set_config('app.current_org_id', 'x', true); rollback")
        .execute(&mut *connection)
        .await
        .unwrap();
    let used: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!((fresh, used), (0, 0));
}

#[tokio::test]
async fn the_writer_sees_all_organisations() {
    let store = Store::fresh().await;
    add(&store, 1, 1).await.unwrap();
    add(&store, 2, 2).await.unwrap();
    let mut tx = store.pools.writer.begin().await.unwrap();
    let all: i64 = sqlx::query_scalar("select count(*) from things")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert_eq!(all, 2);
}

#[tokio::test]
async fn facts_obey_the_row_policies_and_their_version_is_unique() {
    let store = Store::fresh().await;
    let mut tx = store.pools.api.begin(id(1)).await.unwrap();
    append(&mut tx, &[event(1, "a", 1)]).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.pools.api.begin(id(1)).await.unwrap();
    let lost = append(&mut tx, &[event(2, "a", 1)]).await.unwrap_err();
    assert!(lost.is_conflict(Some("events_version")), "{lost:?}");

    let mut tx = store.pools.api.begin(id(2)).await.unwrap();
    let foreign = append(&mut tx, &[event(3, "b", 1)]).await.unwrap_err();
    assert!(matches!(foreign, PgError::Refused(_)), "{foreign:?}");
}

#[tokio::test]
async fn a_service_does_not_start_as_a_role_that_row_policies_do_not_bind() {
    let store = Store::fresh().await;
    check_role(&store.pools, SCHEMA).await.unwrap();
    let with = |url: &str| PgConfig {
        api_url: StoreUrl::new(url),
        writer_url: StoreUrl::new(store.db.url_for("control_writer")),
        ..PgConfig::default()
    };
    let owner = Pools::new(&with(&store.db.owner_url), SCHEMA).unwrap();
    let refused = check_role(&owner, SCHEMA).await.unwrap_err();
    assert!(matches!(refused, UnsafeRole::Owner { .. }), "{refused}");
    let superuser = Pools::new(&with(&store.db.superuser_url), SCHEMA).unwrap();
    let refused = check_role(&superuser, SCHEMA).await.unwrap_err();
    assert!(matches!(refused, UnsafeRole::Superuser(_)), "{refused}");
}

#[tokio::test]
async fn a_table_without_forced_row_policies_is_found() {
    let store = Store::fresh().await;
    let pool = sqlx::PgPool::connect(&store.db.owner_url).await.unwrap();
    sqlx::raw_sql("alter table control.things no force row level security")
        .execute(&pool)
        .await
        .unwrap();
    let refused = check_role(&store.pools, SCHEMA).await.unwrap_err();
    assert!(matches!(refused, UnsafeRole::Unprotected(ref table) if table == "things"));
}

#[tokio::test]
async fn migrating_again_and_at_once_changes_nothing() {
    let store = Store::fresh().await;
    add(&store, 1, 1).await.unwrap();
    let owner = StoreUrl::new(&store.db.owner_url);
    let again = || migrate(&owner, SCHEMA, "control", &MIGRATIONS);
    let (a, b, c) = tokio::join!(again(), again(), again());
    for done in [a, b, c] {
        done.unwrap();
    }
    assert_eq!(names(&store, 1).await, ["x"]);
    let missing = migrate(&owner, "other", "nobody", &MIGRATIONS)
        .await
        .unwrap_err();
    assert!(missing.to_string().contains("nobody_api"), "{missing}");
}

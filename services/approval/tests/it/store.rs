//! Roles, row policies and migrations.

use sqlx::{Connection, PgConnection, Row};

use super::world::World;

pub(crate) async fn superuser(world: &World) -> PgConnection {
    PgConnection::connect(&world.db.superuser_url)
        .await
        .unwrap()
}

/// The test cluster commits without waiting for its log; after this, what was committed outlives a
/// kill.
pub(crate) async fn flush(world: &World) {
    let mut connection = superuser(world).await;
    sqlx::raw_sql("set synchronous_commit = on; create table flushed (n int)")
        .execute(&mut connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_request_sees_only_its_organisation_and_nothing_without_one() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    world.request(&agent, r#"{"input":"x"}"#).await;
    let url = world.db.url_for("approval_api");
    let mut api = PgConnection::connect(&url).await.unwrap();
    let mut seen = async |org: &str| {
        let set = format!(
            "begin; set local search_path = approval; set local app.current_org_id = '{org}'"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(set))
            .execute(&mut api)
            .await
            .unwrap();
        let row = sqlx::query("select count(*) from approvals")
            .fetch_one(&mut api)
            .await
            .unwrap();
        sqlx::raw_sql("rollback").execute(&mut api).await.unwrap();
        row.get::<i64, _>(0)
    };
    assert_eq!(seen(&world.org.0.to_string()).await, 1);
    assert_eq!(seen(&world.new_id().to_string()).await, 0);
    assert_eq!(seen("").await, 0);
    replica.stop().await;
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let world = World::shared().await;
    world.replica().await.stop().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    world.request(&agent, r#"{"input":"x"}"#).await;
    replica.stop().await;
}

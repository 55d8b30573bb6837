//! The servers are real, apart and restartable.

use std::time::Duration;

use futures::StreamExt;
use sqlx::{Connection, Executor, PgConnection, Row};
use writ_testkit::{ClickHouse, Nats, Postgres, Signal, eventually};

#[tokio::test]
async fn nats_stores_messages_under_the_prefix_of_the_test() {
    let nats = Nats::shared().await;
    let jetstream = async_nats::jetstream::new(nats.client.clone());
    let config = async_nats::jetstream::stream::Config {
        name: format!("{}_EVT", nats.prefix),
        subjects: vec![format!("{}.evt.>", nats.prefix)],
        ..Default::default()
    };
    jetstream.create_stream(config).await.expect("a stream");
    let subject = format!("{}.evt.one", nats.prefix);
    let ack = jetstream
        .publish(subject, "hello".into())
        .await
        .expect("sent")
        .await;
    assert_eq!(ack.expect("acknowledged").sequence, 1);
}

#[tokio::test]
async fn two_tests_have_different_namespaces_on_one_server() {
    let (one, other) = (Nats::shared().await, Nats::shared().await);
    assert_eq!(one.url, other.url);
    assert_ne!(one.prefix, other.prefix);
}

#[tokio::test]
async fn own_nats_keeps_what_it_acknowledged_over_kill_and_restart() {
    let nats = Nats::own().await;
    let jetstream = async_nats::jetstream::new(nats.client.clone());
    let stream = || async_nats::jetstream::stream::Config {
        name: "KEPT".to_owned(),
        subjects: vec!["kept".to_owned()],
        ..Default::default()
    };
    jetstream.create_stream(stream()).await.expect("a stream");
    jetstream
        .publish("kept", "x".into())
        .await
        .expect("sent")
        .await
        .expect("acknowledged");
    nats.signal(Signal::Kill);
    eventually(
        Duration::from_secs(5),
        "the connection is noticed lost",
        || async {
            let state = nats.client.connection_state();
            if state == async_nats::connection::State::Connected {
                Err("connected")
            } else {
                Ok(())
            }
        },
    )
    .await;
    nats.restart();
    let count = eventually(Duration::from_secs(20), "the stream is back", || async {
        let mut stream = jetstream
            .get_stream("KEPT")
            .await
            .map_err(|error| error.to_string())?;
        stream
            .info()
            .await
            .map(|info| info.state.messages)
            .map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(count, 1);
}

#[tokio::test]
async fn postgres_gives_an_empty_database_to_its_owner_and_no_more_to_services() {
    let db = Postgres::shared().await.fresh_database().await;
    let mut owner = PgConnection::connect(&db.owner_url)
        .await
        .expect("the owner connects");
    owner
        .execute("CREATE SCHEMA approval; CREATE TABLE approval.t (a int)")
        .await
        .expect("ddl");
    let mut api = PgConnection::connect(&db.url_for("approval_api"))
        .await
        .expect("connects");
    api.execute("SELECT * FROM approval.t")
        .await
        .expect_err("nothing was granted");
    let row = api
        .fetch_one("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        .await
        .expect("a row");
    assert!(!row.get::<bool, _>(0));
}

#[tokio::test]
async fn clickhouse_is_the_version_the_project_was_tested_with() {
    let db = ClickHouse::shared().await.fresh_database().await;
    let version = db
        .client()
        .query("SELECT version()")
        .fetch_one::<String>()
        .await;
    assert!(version.expect("an answer").starts_with("26.7."));
}

#[tokio::test]
async fn clickhouse_inserts_and_reads_in_the_database_of_the_test() {
    let client = ClickHouse::shared().await.fresh_database().await.client();
    let ddl = "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a";
    client.query(ddl).execute().await.expect("ddl");
    client
        .query("INSERT INTO t SELECT number FROM numbers(1000)")
        .execute()
        .await
        .expect("rows");
    let count = client
        .query("SELECT count() FROM t")
        .fetch_one::<u64>()
        .await;
    assert_eq!(count.expect("a count"), 1000);
}

#[tokio::test]
async fn messages_cross_between_two_clients_of_one_server() {
    let nats = Nats::shared().await;
    let mut inbox = nats
        .client
        .subscribe(format!("{}.x", nats.prefix))
        .await
        .expect("subscribed");
    nats.client.flush().await.expect("flushed");
    let other = async_nats::connect(&nats.url).await.expect("connected");
    other
        .publish(format!("{}.x", nats.prefix), "hi".into())
        .await
        .expect("published");
    assert_eq!(inbox.next().await.expect("a message").payload, "hi");
}

#[tokio::test]
async fn own_postgres_and_clickhouse_come_back_after_kill() {
    let postgres = Postgres::own().await;
    let db = postgres.fresh_database().await;
    postgres.signal(Signal::Kill);
    postgres.restart();
    eventually(Duration::from_secs(20), "the database is back", || {
        PgConnection::connect(&db.owner_url)
    })
    .await;

    let clickhouse = ClickHouse::own().await;
    let client = clickhouse.fresh_database().await.client();
    let ddl = "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a";
    client.query(ddl).execute().await.expect("ddl");
    client
        .query("INSERT INTO t VALUES (1)")
        .execute()
        .await
        .expect("a row");
    clickhouse.signal(Signal::Kill);
    clickhouse.restart();
    let count = eventually(Duration::from_secs(20), "the row is back", || {
        client.query("SELECT count() FROM t").fetch_one::<u64>()
    })
    .await;
    assert_eq!(count, 1);
}

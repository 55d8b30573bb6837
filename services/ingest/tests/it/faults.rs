//! Stores and brokers that go away, and users with no more rights than they need.

use http::StatusCode;
use writ_service_kit::config::{HumanDuration, Secret};
use writ_testkit::{ClickHouse, Nats, Signal, eventually};

use crate::fixture::{WITHIN, start, start_on, trace};

#[tokio::test]
async fn clickhouse_away_and_back_loses_nothing() {
    let clickhouse = ClickHouse::own().await;
    let fixture = start_on(Nats::shared().await, clickhouse, |_| {}).await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.send(&fixture.org, &[trace("before")]).await;
    fixture.counts("SELECT count() FROM traces", 1).await;
    fixture.clickhouse.signal(Signal::Kill);
    for n in 0..20 {
        let (status, body) = fixture.send(&fixture.org, &[trace(&format!("t{n}"))]).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    }
    let (status, body) = fixture.get(&fixture.org, "/api/v1/traces").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["error"]["ref"], serde_json::json!("ING0001"));
    fixture.clickhouse.restart();
    fixture.counts("SELECT count() FROM traces", 21).await;
}

#[tokio::test]
async fn clickhouse_standing_still_delays_loses_nothing_and_keeps_no_reader_waiting() {
    let clickhouse = ClickHouse::own().await;
    let short = |config: &mut writ_ingest::Config| {
        config.clickhouse.timeout = HumanDuration::from_secs(1);
        config.clickhouse.read_timeout = HumanDuration::from_millis(300);
    };
    let fixture = start_on(Nats::shared().await, clickhouse, short).await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.send(&fixture.org, &[trace("before")]).await;
    fixture.counts("SELECT count() FROM traces", 1).await;
    fixture.clickhouse.signal(Signal::Stop);
    fixture.send(&fixture.org, &[trace("during")]).await;
    let paths = ["traces", "traces/before", "decisions"];
    for path in paths.map(|path| format!("/api/v1/{path}")) {
        let (status, body) = fixture.get(&fixture.org, &path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(body["error"]["ref"], serde_json::json!("ING0001"), "{path}");
    }
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    fixture.clickhouse.signal(Signal::Cont);
    fixture.counts("SELECT count() FROM traces", 2).await;
}

#[tokio::test]
async fn a_log_that_is_away_is_503_and_the_trace_can_be_sent_again() {
    let short = |config: &mut writ_ingest::Config| {
        config.intake.log_timeout = HumanDuration::from_millis(500);
    };
    let fixture = start_on(Nats::own().await, ClickHouse::shared().await, short).await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let (status, _) = fixture.send(&fixture.org, &[trace("before")]).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    fixture.nats.signal(Signal::Kill);
    let during = trace("during");
    let (status, body) = fixture
        .send(&fixture.org, std::slice::from_ref(&during))
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["error"]["code"], serde_json::json!("UNAVAILABLE"));
    assert_eq!(body["error"]["ref"], serde_json::json!("ING0002"));
    fixture.nats.restart();
    eventually(WITHIN, "it is taken again", || async {
        match fixture
            .send(&fixture.org, std::slice::from_ref(&during))
            .await
        {
            (StatusCode::ACCEPTED, _) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    fixture.counts("SELECT count() FROM traces", 2).await;
}

#[tokio::test]
async fn the_services_own_user_writes_and_the_analyst_reads() {
    let clickhouse = ClickHouse::own().await;
    let as_deployed = |config: &mut writ_ingest::Config| {
        config.clickhouse.database = "writ".to_owned();
        config.clickhouse.user = "writ_ingest".to_owned();
        config.clickhouse.password = Secret::new("test");
    };
    let fixture = start_on(Nats::shared().await, clickhouse, as_deployed).await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let (status, _) = fixture.send(&fixture.org, &[trace("t1")]).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let analyst = clickhouse::Client::default()
        .with_url(&fixture.db.url)
        .with_user("default")
        .with_database("writ");
    let count = eventually(WITHIN, "the analyst sees the trace", || async {
        let count = analyst
            .query("SELECT count() FROM traces")
            .fetch_one::<u64>()
            .await;
        match count {
            Ok(0) => Err("none yet".to_owned()),
            other => other.map_err(|error| error.to_string()),
        }
    })
    .await;
    assert_eq!(count, 1);
    let (_, body) = fixture.get(&fixture.org, "/api/v1/traces").await;
    assert_eq!(body["data"][0]["traceId"], serde_json::json!("t1"));
}

#[tokio::test]
async fn an_organisation_with_an_unreadable_fact_is_refused_and_others_are_served() {
    let fixture = start_on(Nats::shared().await, ClickHouse::shared().await, |_| {}).await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.agent(&fixture.other, 2, "agent-1").await;
    fixture.agent_of_a_later_version(&fixture.org, 1).await;
    eventually(WITHIN, "the organisation is refused", || async {
        match fixture.send(&fixture.org, &[trace("t")]).await {
            (StatusCode::SERVICE_UNAVAILABLE, _) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let (status, _) = fixture.send(&fixture.other, &[trace("t")]).await;
    assert_eq!(status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn forged_facts_keep_no_replica_from_starting_and_change_nothing() {
    let mut fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.forge(&fixture.org).await;
    fixture.restart().await;
    let (status, body) = fixture.send(&fixture.org, &[trace("t1")]).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
}

//! From the log to the tables.

use http::StatusCode;
use serde_json::{Value, json};
use writ_testkit::{ClickHouse, Nats, Signal, eventually};

use crate::fixture::{WITHIN, start, start_on, trace};

#[tokio::test]
async fn a_trace_sent_again_is_accepted_silently_and_stored_once() {
    let mut fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let chunk = [trace("t1"), trace("t2")];
    for _ in 0..2 {
        let (_, body) = fixture.send(&fixture.org, &chunk).await;
        assert_eq!(body, json!({ "data": { "accepted": 2, "rejected": 0 } }));
    }
    // Another life of the service does not remember it.
    fixture.restart().await;
    let (_, body) = fixture.send(&fixture.org, &chunk).await;
    assert_eq!(body, json!({ "data": { "accepted": 2, "rejected": 0 } }));
    fixture.counts("SELECT count() FROM trace_rows", 4).await;
    fixture.counts("SELECT count() FROM traces", 2).await;
    fixture.counts("SELECT countIf(received_at = first) FROM (SELECT trace_id, min(received_at) AS first FROM trace_rows GROUP BY trace_id) AS f INNER JOIN traces USING trace_id", 2).await;
}

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
    let (status, _) = fixture.get(&fixture.org, "/api/v1/traces").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    fixture.clickhouse.restart();
    fixture.counts("SELECT count() FROM traces", 21).await;
}

#[tokio::test]
async fn one_row_the_table_never_takes_does_not_stop_the_others() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.send(&fixture.org, &[trace("first")]).await;
    fixture.counts("SELECT count() FROM traces", 1).await;
    let constraint = "ALTER TABLE trace_rows ADD CONSTRAINT c CHECK trace_id != 'poison'";
    fixture
        .db
        .client()
        .query(constraint)
        .execute()
        .await
        .unwrap();
    let mut chunk: Vec<Value> = (0..30).map(|n| trace(&format!("t{n}"))).collect();
    chunk.insert(11, trace("poison"));
    let (status, _) = fixture.send(&fixture.org, &chunk).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    fixture.counts("SELECT count() FROM traces", 31).await;
    let js = async_nats::jetstream::new(fixture.nats.client.clone());
    let name = fixture.topology.stream_name(writ_contract::Stream::Dlq);
    let letters = eventually(WITHIN, "the dead letter is stored", || async {
        let mut stream = js.get_stream(&name).await.map_err(|e| e.to_string())?;
        let count = stream
            .info()
            .await
            .map_err(|e| e.to_string())?
            .state
            .messages;
        if count == 1 {
            Ok(stream)
        } else {
            Err(format!("{count} letters"))
        }
    })
    .await;
    let letter = letters.get_raw_message(1).await.unwrap();
    let why = letter
        .headers
        .get("Writ-Dead-Letter-Reason")
        .unwrap()
        .as_str();
    assert!(why.contains("469"), "{why}");
}

#[tokio::test]
async fn a_tenant_reads_only_its_own() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.agent(&fixture.other, 2, "agent-1").await;
    fixture.send(&fixture.org, &[trace("mine")]).await;
    fixture.send(&fixture.other, &[trace("theirs")]).await;
    fixture.counts("SELECT count() FROM traces", 2).await;
    let (_, body) = fixture.get(&fixture.org, "/api/v1/traces").await;
    let ids: Vec<&str> = body["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|t| t["traceId"].as_str())
        .collect();
    assert_eq!(ids, ["mine"]);
    let (status, _) = fixture.get(&fixture.org, "/api/v1/traces/theirs").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = fixture.get(&fixture.other, "/api/v1/traces/theirs").await;
    assert_eq!(status, StatusCode::OK);
}

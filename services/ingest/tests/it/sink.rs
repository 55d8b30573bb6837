//! From the log to the tables.

use http::StatusCode;
use serde_json::{Value, json};
use writ_contract::{Service, Shard};

use crate::fixture::{WITHIN, packed, start, trace};

#[tokio::test]
async fn a_trace_sent_again_is_accepted_silently_and_stored_once() {
    let mut fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let chunk = [trace("t1"), trace("t2")];
    for _ in 0..2 {
        let (_, body) = fixture.send(&fixture.org, &chunk).await;
        assert_eq!(body, json!({ "data": { "accepted": 2, "rejected": 0 } }));
    }
    fixture.counts("SELECT count() FROM traces", 2).await;
    fixture.statement("SYSTEM STOP MERGES trace_rows").await;
    // Another life of the service does not remember it.
    fixture.restart().await;
    let (_, body) = fixture.send(&fixture.org, &chunk).await;
    assert_eq!(body, json!({ "data": { "accepted": 2, "rejected": 0 } }));
    fixture.counts("SELECT count() FROM trace_rows", 4).await;
    fixture.counts("SELECT count() FROM traces", 2).await;
    let first = "SELECT count() FROM traces INNER JOIN (SELECT trace_id, min(received_at) AS \
                 received_at FROM trace_rows GROUP BY trace_id) AS first USING (trace_id, received_at)";
    fixture.counts(first, 2).await;
}

#[tokio::test]
async fn a_message_that_comes_again_is_written_once() {
    let fixture = start().await;
    fixture
        .statement_once_there("SYSTEM STOP MERGES trace_rows")
        .await;
    let log = fixture.log(Service::Ingest);
    let packed = packed(&fixture.org, &[r#"{"traceId":"a","agentId":"x"}"#]);
    let subject = fixture.topology.trace(Shard::of(fixture.org.id));
    for life in ["1", "2"] {
        log.append_packed(&subject, life, &packed, WITHIN)
            .await
            .unwrap();
        fixture.drained("ingest_traces").await;
    }
    assert_eq!(
        fixture.number("SELECT count() FROM trace_rows").await,
        Ok(1)
    );
}

#[tokio::test]
async fn an_unreadable_record_is_a_dead_letter_and_its_neighbours_are_rows() {
    let fixture = start().await;
    let log = fixture.log(Service::Ingest);
    let texts = [
        r#"{"traceId":"a","agentId":"x"}"#,
        "no json",
        r#"{"traceId":"b","agentId":"x"}"#,
    ];
    let subject = fixture.topology.trace(Shard::of(fixture.org.id));
    log.append_packed(&subject, "1", &packed(&fixture.org, &texts), WITHIN)
        .await
        .unwrap();
    fixture.counts("SELECT count() FROM traces", 2).await;
    let why = fixture.dead_letter().await;
    assert!(why.contains("JSON object"), "{why}");
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
    let why = fixture.dead_letter().await;
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

#[tokio::test]
async fn every_message_five_times_in_another_order_gives_the_same_rows() {
    let fixture = start().await;
    let log = fixture.log(Service::Ingest);
    let subject = fixture.topology.trace(Shard::of(fixture.org.id));
    let message = |n: usize| {
        let text = |k: usize| {
            let span = format!(r#"{{"spanId":"s{k}"}}"#);
            format!(r#"{{"traceId":"t{n}","agentId":"x","costUsd":0.001,"metadata":{span}}}"#)
        };
        let texts: Vec<String> = (0..20).map(text).collect();
        packed(
            &fixture.org,
            &texts.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    };
    let messages: Vec<_> = (0..10).map(message).collect();
    for round in 0..5 {
        for step in 0..messages.len() {
            let n = (step * 7 + round * 3) % messages.len();
            let id = format!("{round}-{n}");
            log.append_packed(&subject, &id, &messages[n], WITHIN)
                .await
                .unwrap();
        }
    }
    fixture.counts("SELECT count() FROM traces", 200).await;
    fixture.drained("ingest_traces").await;
    assert_eq!(fixture.number("SELECT count() FROM traces").await, Ok(200));
    let cost = "SELECT toUInt64(assumeNotNull(sum(cost_usd)) * 1000) FROM traces";
    assert_eq!(fixture.number(cost).await, Ok(200));
}

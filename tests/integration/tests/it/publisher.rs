//! A team that publishes its traces by NATS, from an account of its own.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use writ_testkit::eventually;

use crate::stack::Stack;

#[tokio::test]
async fn a_nats_publisher_gets_its_traces_stored_and_its_mistakes_named() {
    let stack = Stack::start().await;
    stack.agent("nats-bot").await;
    let client = stack.nats("WRIT_PUBLISHER_NATS_URL").await;
    let subject = format!("writ.in.trace.{}", stack.var("WRIT_ORG"));
    let trace = |id: &str, agent: Value| {
        json!({"traceId": id, "agentId": agent, "environment": "production", "status": "success",
               "timestamp": "2026-11-20T10:00:00.000Z", "input": "hi", "durationMs": 12})
    };
    let batch = json!([
        trace("tr_nats_1", json!("nats-bot")),
        trace("tr_nats_2", Value::Null)
    ]);
    let answer = client
        .request(subject, Bytes::from(batch.to_string()))
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert!(
        answer["seq"].as_u64().is_some_and(|seq| seq > 0),
        "{answer}"
    );
    assert_eq!(answer["errors"][0]["traceId"], "tr_nats_2", "{answer}");

    eventually(Duration::from_secs(20), "the trace is a row", || async {
        let rows = stack
            .rows("SELECT trace_id FROM traces WHERE trace_id LIKE 'tr_nats_%'")
            .await;
        if rows.len() == 1 { Ok(()) } else { Err(rows) }
    })
    .await;
}

#[tokio::test]
async fn a_publisher_cannot_reach_another_organisation_or_the_log() {
    let stack = Stack::start().await;
    let client = stack.nats("WRIT_PUBLISHER_NATS_URL").await;
    let other = format!("writ.in.trace.{}", stack.var("WRIT_OTHER_ORG"));
    for subject in [
        other.as_str(),
        "writ.in.trace.0",
        "writ.evt.gate.0.kill",
        "$JS.API.INFO",
    ] {
        let request = client.request(subject.to_owned(), Bytes::from_static(b"[]"));
        let answer = tokio::time::timeout(Duration::from_secs(2), request).await;
        assert!(
            !matches!(answer, Ok(Ok(_))),
            "{subject} answered a publisher: {answer:?}"
        );
    }
}

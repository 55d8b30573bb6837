//! The SDK's OTLP mode and OpenTelemetry's exporter end in the same table as everything else.

use std::time::Duration;

use serde_json::{Value, json};
use writ_testkit::eventually;

use crate::stack::Stack;

async fn trace(stack: &Stack, id: &Value, spans: usize) -> Vec<Value> {
    let path = format!("/traces/{}", id.as_str().unwrap());
    eventually(Duration::from_secs(20), "spans are read", || async {
        let (_, body) = stack
            .call("WRIT_ADMIN_KEY", reqwest::Method::GET, &path, None)
            .await;
        match body["data"]["spans"].as_array() {
            Some(found) if found.len() == spans => Ok(found.clone()),
            _ => Err(body),
        }
    })
    .await
}

#[tokio::test]
async fn the_sdk_and_opentelemetry_export_spans() {
    let stack = Stack::start().await;
    let seen = stack.python("otlp.py");
    let spans = trace(&stack, &seen["sdk"], 1).await;
    let span = &spans[0];
    for (field, expected) in [
        ("agentId", json!("otel-bot")),
        ("sessionId", json!("s-1")),
        ("userId", json!("u-1")),
        ("modelName", json!("gpt-4o")),
        ("totalTokens", json!(7)),
        ("costUsd", json!(0.25)),
        ("status", json!("error")),
        ("errorMessage", json!("boom")),
        ("errorType", json!("ToolError")),
        ("environment", json!("production")),
        ("input", json!("{'q': '?'}")),
        ("origin", json!("otlp")),
    ] {
        assert_eq!(span[field], expected, "{field} of {span}");
    }
    assert!(!span.to_string().contains("api_key_prefix"), "{span}");

    let spans = trace(&stack, &seen["otel"], 2).await;
    let chat = spans.iter().find(|s| s["spanKind"] == "llm").unwrap();
    let root = spans.iter().find(|s| s["spanName"] == "invoke").unwrap();
    assert_eq!(chat["parentSpanId"], root["spanId"]);
    assert_eq!(chat["totalTokens"], 11);
    assert_eq!(chat["metadata"]["attributes"]["app.ticket"], 7);
}

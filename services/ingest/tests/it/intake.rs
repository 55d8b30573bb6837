//! What is taken and what is refused.

use http::StatusCode;
use serde_json::{Value, json};
use writ_testkit::eventually;

use crate::fixture::{WITHIN, start, trace};

fn codes(body: &Value) -> Vec<(Option<&str>, &str)> {
    let errors = body["errors"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    errors
        .iter()
        .map(|e| (e["traceId"].as_str(), e["code"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn good_traces_of_a_chunk_are_taken_and_bad_ones_refused_one_by_one() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let mut unknown = trace("t2");
    unknown["agentId"] = json!("nobody");
    let mut large = trace("t3");
    large["input"] = json!("x".repeat(1_100_000));
    let mut wrong = trace("t4");
    wrong["durationMs"] = json!("long");
    let chunk = [trace("t1"), unknown, large, wrong, json!(7), trace("t5")];
    let (status, body) = fixture.send(&fixture.org, &chunk).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    assert_eq!(body["data"], json!({ "accepted": 2, "rejected": 4 }));
    assert_eq!(
        codes(&body),
        [
            (Some("t2"), "AGENT_NOT_FOUND"),
            (Some("t3"), "TRACE_TOO_LARGE"),
            (Some("t4"), "VALIDATION_ERROR"),
            (None, "VALIDATION_ERROR"),
        ]
    );
    fixture.counts("SELECT count() FROM traces", 2).await;
}

#[tokio::test]
async fn a_stored_trace_reads_back_as_it_was_sent() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let mut root = trace("t/1");
    root["future"] = json!({ "a": [1] });
    root["agentCredential"] = json!("exe_agt_secret");
    let decision = "dec_01980c5e7d4b7c2e9f3a5b6c7d8e9f00";
    let mut span = trace("t/1");
    span["metadata"] =
        json!({ "spanId": "sp_1", "enforcement": { "source": format!("writ:{decision}") } });
    let (status, body) = fixture.send(&fixture.org, &[root, span]).await;
    assert_eq!(
        (status, &body["errors"]),
        (StatusCode::ACCEPTED, &Value::Null)
    );
    let spans = eventually(WITHIN, "both spans are read", || async {
        let (_, body) = fixture.get(&fixture.org, "/api/v1/traces/t%2F1").await;
        let spans = body["data"]["spans"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if spans.len() == 2 {
            Ok(spans)
        } else {
            Err(body)
        }
    })
    .await;
    let root = spans.iter().find(|s| s["spanId"].is_null()).unwrap();
    let span = spans.iter().find(|s| s["spanId"] == "sp_1").unwrap();
    assert_eq!(root["input"], json!({ "q": "?" }));
    assert_eq!(root["costUsd"], json!(0.0125));
    assert_eq!(root["extra"], json!({ "future": { "a": [1] } }));
    assert_eq!(root["identity"], json!("unverified"));
    assert_eq!(root["decision"], json!({ "link": "none" }));
    assert_eq!(span["decision"], json!({ "id": decision, "link": "exact" }));
    assert!(!format!("{spans:?}").contains("secret"));
}

#[tokio::test]
async fn a_paused_agents_new_traces_are_refused_and_older_ones_taken() {
    let fixture = start().await;
    let agent = fixture.agent(&fixture.org, 1, "agent-1").await;
    let old = trace("old");
    fixture.pause(&fixture.org, agent).await;
    let mut new = trace("new");
    new["timestamp"] = json!("2099-01-01T00:00:00.000Z");
    eventually(WITHIN, "the pause is known", || async {
        let (_, body) = fixture.send(&fixture.org, std::slice::from_ref(&new)).await;
        if codes(&body) == [(Some("new"), "AGENT_PAUSED")] {
            Ok(())
        } else {
            Err(body)
        }
    })
    .await;
    let (_, body) = fixture.send(&fixture.org, &[old, new.clone()]).await;
    assert_eq!(codes(&body), [(Some("new"), "AGENT_PAUSED")]);
    assert_eq!(body["data"]["accepted"], json!(1));
}

#[tokio::test]
async fn a_spent_plan_is_402_with_the_body_the_sdk_reads_and_stays_spent_over_a_restart() {
    let mut fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.organization(&fixture.org, 2, Some(2)).await;
    let (status, _) = fixture.send(&fixture.org, &[trace("a"), trace("b")]).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let spent = |(status, body): (StatusCode, Value)| {
        if status != StatusCode::PAYMENT_REQUIRED {
            return Err((status, body));
        }
        assert_eq!(body["error"]["resource"], json!("maxTracesPerMonth"));
        assert_eq!(
            (&body["error"]["current"], &body["error"]["max"]),
            (&json!(2), &json!(2))
        );
        Ok(())
    };
    eventually(WITHIN, "the limit is known", || async {
        spent(fixture.send(&fixture.org, &[trace("a")]).await)
    })
    .await;
    fixture.counts("SELECT count() FROM traces", 2).await;
    fixture.restart().await;
    eventually(WITHIN, "the table's count is taken over", || async {
        spent(fixture.send(&fixture.org, &[trace("a")]).await)
    })
    .await;
}

#[tokio::test]
async fn bodies_that_hold_no_traces_are_400_and_strange_characters_are_not() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    for body in ["", "{}", "[1", "\"x\"", r#"{"traces":7}"#] {
        let path = "/api/v1/traces/ingest";
        let (status, told) = fixture
            .call(&fixture.org, http::Method::POST, path, body)
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(told["error"]["message"].is_string(), "{told}");
    }
    let odd = r#"[{"traceId":"a\u0000\ud800","agentId":"agent-1"}]"#;
    let (status, _) = fixture
        .call(&fixture.org, http::Method::POST, "/api/traces/ingest", odd)
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (status, _) = fixture.get(&fixture.org, "/api/v1/traces?limit=0").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

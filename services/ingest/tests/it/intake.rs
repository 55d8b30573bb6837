//! What is taken and what is refused.

use http::StatusCode;
use serde_json::{Value, json};
use writ_service_kit::{Clock as _, SystemClock};
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
    let refs: Vec<&Value> = (0..4).map(|n| &body["errors"][n]["ref"]).collect();
    assert_eq!(refs, ["ING0204", "ING0202", "ING0201", "ING0201"]);
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
    assert_eq!(root["identity"], json!("forged"));
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
    let soon = SystemClock.now() + chrono::TimeDelta::hours(1);
    new["timestamp"] = json!(soon.to_rfc3339());
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
async fn a_trace_of_another_year_is_refused_and_its_neighbour_taken() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let mut far = trace("far");
    far["timestamp"] = json!("2099-01-01T00:00:00.000Z");
    let (status, body) = fixture.send(&fixture.org, &[far, trace("near")]).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(codes(&body), [(Some("far"), "TIMESTAMP_IN_FUTURE")]);
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
        assert_eq!(body["error"]["ref"], json!("ING0104"));
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
        assert_eq!(told["error"]["ref"], json!("ING0101"), "{told}");
    }
    let odd = r#"[{"traceId":"a\u0000\ud800","agentId":"agent-1"}]"#;
    let (status, _) = fixture
        .call(&fixture.org, http::Method::POST, "/api/traces/ingest", odd)
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    for path in [
        "traces?limit=0",
        "traces?limit=x",
        "traces?since=x",
        "decisions?cursor=x",
        "traces/%FF",
    ] {
        let (status, told) = fixture.get(&fixture.org, &format!("/api/v1/{path}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(told["error"]["ref"], json!("ING0102"), "{path}: {told}");
    }
}

#[tokio::test]
async fn traces_are_found_by_agent_status_decision_and_time() {
    let fixture = start().await;
    let agent = fixture.agent(&fixture.org, 1, "agent-1").await;
    let mut failed = trace("failed");
    failed["status"] = json!("error");
    failed["timestamp"] = json!("2026-01-01T00:00:00.000Z");
    let decision = "dec_01980c5e7d4b7c2e9f3a5b6c7d8e9f00";
    let mut linked = trace("linked");
    linked["metadata"] = json!({ "enforcement": { "source": format!("writ:{decision}") } });
    fixture
        .send(&fixture.org, &[failed, linked, trace("plain")])
        .await;
    fixture.counts("SELECT count() FROM traces", 3).await;
    for (filter, expected) in [
        (
            "agentId=agent-1".to_owned(),
            vec!["plain", "linked", "failed"],
        ),
        (
            format!("agentId={agent}"),
            vec!["plain", "linked", "failed"],
        ),
        ("agentId=agent-2".to_owned(), vec![]),
        (
            "status=error&environment=production".to_owned(),
            vec!["failed"],
        ),
        ("environment=staging".to_owned(), vec![]),
        (format!("decisionId={decision}"), vec!["linked"]),
        ("until=2026-01-02T00:00:00Z".to_owned(), vec!["failed"]),
        (
            "since=2026-01-02T00:00:00Z".to_owned(),
            vec!["plain", "linked"],
        ),
    ] {
        let (_, body) = fixture
            .get(&fixture.org, &format!("/api/v1/traces?{filter}"))
            .await;
        let mut found: Vec<&str> = body["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|t| t["traceId"].as_str())
            .collect();
        found.sort_by_key(|id| std::cmp::Reverse(id.to_owned()));
        assert_eq!(found, expected, "{filter}");
    }
    let mut pages = Vec::new();
    let mut cursor = String::new();
    for _ in 0..3 {
        let (_, body) = fixture
            .get(&fixture.org, &format!("/api/v1/traces?limit=1{cursor}"))
            .await;
        pages.push(body["data"][0]["traceId"].as_str().unwrap().to_owned());
        cursor = format!("&cursor={}", body["nextCursor"].as_str().unwrap());
    }
    assert_eq!(pages.last().map(String::as_str), Some("failed"));
    pages.sort();
    assert_eq!(pages, ["failed", "linked", "plain"]);
}

#[tokio::test]
async fn a_key_sends_only_where_it_may_act_and_reads_need_one() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let bound = fixture.key(3, "developer", &["staging"]).await;
    let mut staging = trace("s");
    staging["environment"] = json!("staging");
    let mut unsaid = trace("u");
    unsaid.as_object_mut().unwrap().remove("environment");
    let chunk = [staging, trace("p"), unsaid];
    let (_, body) = fixture.send(&bound, &chunk).await;
    let forbidden = "ENVIRONMENT_FORBIDDEN";
    assert_eq!(
        codes(&body),
        [(Some("p"), forbidden), (Some("u"), forbidden)]
    );
    assert_eq!(body["data"]["accepted"], json!(1));
    let viewer = fixture.key(4, "viewer", &[]).await;
    let (status, _) = fixture.send(&viewer, &[trace("v")]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    fixture.counts("SELECT count() FROM traces", 1).await;
    let (status, _) = fixture.get(&viewer, "/api/v1/traces").await;
    assert_eq!(status, StatusCode::OK);
    let nobody = crate::fixture::organisation(9);
    let (status, _) = fixture.get(&nobody, "/api/v1/traces").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

//! What became of acts, learnt after their traces, and the evidence a strict agent owes.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use writ_contract::{Service, Stream, wire};
use writ_eventlog::{Content, Start};
use writ_testkit::eventually;

use crate::fixture::{Fixture, Org, WITHIN, start, trace};

const PATH: &str = "/api/v1/traces/t%2F1/resolutions";

async fn resolve(fixture: &Fixture, org: &Org, body: &Value) -> (StatusCode, Value) {
    fixture
        .call(org, Method::POST, PATH, &body.to_string())
        .await
}

/// The trace's resolutions once there are so many.
async fn resolutions(fixture: &Fixture, count: usize) -> (Vec<Value>, Value) {
    eventually(WITHIN, &format!("{count} resolutions are read"), || async {
        let (_, body) = fixture.get(&fixture.org, "/api/v1/traces/t%2F1").await;
        let data = &body["data"];
        match data["resolutions"].as_array() {
            Some(found) if found.len() == count => Ok((found.clone(), data["spans"].clone())),
            _ => Err(body),
        }
    })
    .await
}

#[tokio::test]
async fn resolutions_are_appended_and_the_trace_stays_as_it_was() {
    let fixture = start().await;
    let agent = fixture.agent(&fixture.org, 1, "agent-1").await;
    let mut sent = trace("t/1");
    sent["status"] = json!("effect_unconfirmed");
    fixture.send(&fixture.org, &[sent]).await;
    let first = json!({ "resolvedStatus": "success", "basis": "read_back", "effectRef": "order-7",
        "detail": "words that stay out of facts", "observedAt": "2026-01-02T03:04:05.678Z" });
    // The trace was just taken in: it is waited for.
    let (status, body) = resolve(&fixture, &fixture.org, &first).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    assert_eq!(body["data"]["traceId"], "t/1");
    let second = json!({ "resolvedStatus": "error", "basis": "manual" });
    let (_, later) = resolve(&fixture, &fixture.org, &second).await;

    let (found, spans) = resolutions(&fixture, 2).await;
    assert_eq!(found, [body["data"].clone(), later["data"].clone()]);
    assert_eq!(found[0]["observedAt"], first["observedAt"]);
    assert_eq!(spans.as_array().map(Vec::len), Some(1));
    assert_eq!(spans[0]["status"], "effect_unconfirmed");
    let sql =
        "SELECT count() FROM resolutions WHERE effect_ref = 'order-7' AND basis = 'read_back'";
    fixture.counts(sql, 1).await;
    fixture.counts("SELECT count() FROM traces", 1).await;

    let log = fixture.log(Service::AuditLedger);
    let filters = vec![fixture.topology.facts::<wire::Resolution>()];
    let mut reader = log
        .read(Stream::Ingest, filters, Start::First)
        .await
        .unwrap();
    let read = tokio::time::timeout(WITHIN, reader.next())
        .await
        .unwrap()
        .unwrap();
    let Content::Fact(envelope) = read.content else {
        panic!("{read:?}");
    };
    let fact: wire::Resolution = envelope.open().unwrap();
    assert_eq!(
        (fact.trace_id.as_str(), fact.agent_id),
        ("t/1", agent.to_bytes())
    );
    assert_eq!(envelope.audit.action, "trace.resolve");
    let bytes = String::from_utf8_lossy(&envelope.encode()).into_owned();
    assert!(!bytes.contains("words that stay") && !bytes.contains("order-7"));
}

#[tokio::test]
async fn a_request_sent_again_under_its_key_is_one_resolution() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.send(&fixture.org, &[trace("t/1")]).await;
    let mut ids = Vec::new();
    for basis in ["manual", "manual", "callback"] {
        let body = json!({ "resolvedStatus": "success", "basis": basis });
        let request = Request::post(PATH)
            .header("x-api-key", fixture.org.key.expose())
            .header("idempotency-key", "k1")
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = fixture.router().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20)
            .await
            .unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        ids.push(body["data"]["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
    resolutions(&fixture, 2).await;
}

#[tokio::test]
async fn only_an_own_trace_of_an_own_environment_is_resolved_in_known_words() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.send(&fixture.org, &[trace("t/1")]).await;
    fixture.counts("SELECT count() FROM traces", 1).await;
    let body = json!({ "resolvedStatus": "success", "basis": "manual" });
    let (status, _) = resolve(&fixture, &fixture.other, &body).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let staging = fixture.key(9, "developer", &["staging"]).await;
    let (status, told) = resolve(&fixture, &staging, &body).await;
    assert_eq!(
        (status, &told["error"]["ref"]),
        (StatusCode::FORBIDDEN, &json!("ING0109"))
    );
    for wrong in [
        json!({}),
        json!({ "resolvedStatus": "success", "basis": "guess" }),
    ] {
        let (status, told) = resolve(&fixture, &fixture.org, &wrong).await;
        assert_eq!(
            (status, &told["error"]["ref"]),
            (StatusCode::BAD_REQUEST, &json!("ING0108"))
        );
    }
}

#[tokio::test]
async fn a_strict_agents_success_needs_evidence_and_its_other_traces_do_not() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.strict_agent(&fixture.org, 2, "strict").await;
    let of = |id: &str, agent: &str, status: &str, evidence: Value| {
        let mut one = trace(id);
        one["agentId"] = json!(agent);
        one["status"] = json!(status);
        one["effectEvidence"] = evidence;
        one
    };
    let confirmed = json!({ "basis": "read_back", "effectRef": "order-7" });
    let chunk = [
        of("none", "strict", "success", Value::Null),
        of(
            "weak",
            "strict",
            "success",
            json!({ "basis": "acknowledgement", "effectRef": "x" }),
        ),
        of("bare", "strict", "success", json!({ "basis": "callback" })),
        of("good", "strict", "success", confirmed),
        of("failed", "strict", "effect_unconfirmed", Value::Null),
        of("other", "agent-1", "success", Value::Null),
    ];
    let (status, body) = fixture.send(&fixture.org, &chunk).await;
    assert_eq!(
        (status, &body["data"]["accepted"]),
        (StatusCode::ACCEPTED, &json!(3)),
        "{body}"
    );
    let refused: Vec<_> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (&e["traceId"], &e["code"]))
        .collect();
    let code = json!("OUTCOME_EVIDENCE_REQUIRED");
    let expected = [json!("none"), json!("weak"), json!("bare")];
    assert_eq!(
        refused,
        expected.iter().map(|id| (id, &code)).collect::<Vec<_>>()
    );
}

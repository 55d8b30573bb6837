//! What clients did without a decision.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use writ_contract::{Envelope, OrgId, Service, Stream, wire};
use writ_eventlog::{Content, Start};

use crate::fixture::{Fixture, Org, WITHIN, start};

const PATH: &str = "/api/v1/sdk/bypass-windows";
const WINDOW: Uuid = Uuid::from_u128(7);

fn window(id: Uuid, agent: &str) -> Value {
    json!({
        "windowId": id, "agentId": agent, "reason": "server_error",
        "source": "fail_open_server_error", "firstAt": "2026-01-02T03:04:05.678Z",
        "lastAt": "2026-01-02T03:04:06.678Z", "count": 3, "message": "words", "status": 503,
    })
}

fn report(windows: &[Value]) -> String {
    json!({ "sdk": { "name": "execlave-sdk" }, "sentAt": "2026-01-02T03:04:07.000Z",
            "windows": windows })
    .to_string()
}

async fn send(fixture: &Fixture, org: &Org, body: &str) -> (StatusCode, Value) {
    fixture.call(org, Method::POST, PATH, body).await
}

/// The first `count` facts on the ingest stream that are about bypasses.
async fn stated(fixture: &Fixture, count: usize) -> Vec<Envelope> {
    let log = fixture.log(Service::AuditLedger);
    let topology = &fixture.topology;
    let filters = vec![
        topology.facts::<wire::BypassWindow>(),
        topology.facts::<wire::BypassDrop>(),
    ];
    let mut reader = log
        .read(Stream::Ingest, filters, Start::First)
        .await
        .unwrap();
    let mut found = Vec::new();
    while found.len() < count {
        let read = tokio::time::timeout(WITHIN, reader.next()).await;
        let Content::Fact(envelope) = read.expect("in time").unwrap().content else {
            panic!("no fact");
        };
        found.push(*envelope);
    }
    found
}

#[tokio::test]
async fn each_window_is_one_fact_however_often_it_is_reported() {
    let fixture = start().await;
    let agent = fixture.agent(&fixture.org, 1, "agent-1").await;
    let twice = [window(WINDOW, "agent-1"), window(WINDOW, "agent-1")];
    for _ in 0..2 {
        let (status, body) = send(&fixture, &fixture.org, &report(&twice)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    // Another organisation's window of the same id is another window.
    send(&fixture, &fixture.other, &report(&twice[..1])).await;
    let unknown = window(Uuid::from_u128(8), "nobody");
    send(&fixture, &fixture.org, &report(&[unknown])).await;

    let found = stated(&fixture, 3).await;
    let orgs: Vec<OrgId> = found.iter().map(|it| it.org).collect();
    assert_eq!(orgs, [fixture.org.id, fixture.other.id, fixture.org.id]);
    let audit = &found[0].audit;
    assert_eq!(audit.action, "enforcement.bypassed");
    assert_eq!(audit.target, "agent:agent-1");
    assert_eq!(audit.reason_code, "SERVER_ERROR");
    assert!(audit.actor.starts_with("key:key_"), "{audit:?}");
    let first: wire::BypassWindow = found[0].open().unwrap();
    assert_eq!(first.agent_id, agent.to_bytes());
    assert_eq!((first.count, first.status), (3, Some(503)));
    assert_eq!(first.last_at_us - first.first_at_us, 1_000_000);
    let unknown: wire::BypassWindow = found[2].open().unwrap();
    assert_eq!(
        (unknown.external_agent_id.as_str(), unknown.agent_id.len()),
        ("nobody", 0)
    );
}

#[tokio::test]
async fn lost_reports_are_a_fact_too() {
    let fixture = start().await;
    let dropped = json!({ "dropId": WINDOW, "windows": 2, "bypasses": 9 });
    let body = json!({ "windows": [], "dropped": dropped }).to_string();
    for _ in 0..2 {
        let (status, body) = send(&fixture, &fixture.org, &body).await;
        assert_eq!(
            (status, &body["data"]["dropped"]),
            (StatusCode::OK, &json!(true))
        );
    }
    // A window of the same id is something else.
    send(&fixture, &fixture.org, &report(&[window(WINDOW, "a")])).await;
    let found = stated(&fixture, 2).await;
    let drop: wire::BypassDrop = found[0].open().unwrap();
    assert_eq!((drop.windows, drop.bypasses, drop.since_us), (2, 9, None));
    assert_eq!(found[0].audit.action, found[1].audit.action);
}

#[tokio::test]
async fn only_a_hopeless_body_is_unprocessable() {
    let fixture = start().await;
    let key = fixture.key(9, "viewer", &["staging"]).await;
    let mixed = [window(WINDOW, "a"), json!({ "windowId": "x" })];
    let (status, body) = send(&fixture, &key, &report(&mixed)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["data"]["windows"], 1);
    assert_eq!(body["errors"][0]["field"], "windows[1]");

    for hopeless in ["", "{", "[]", "{}", &report(&mixed[1..])] {
        let (status, body) = send(&fixture, &key, hopeless).await;
        assert_eq!(
            status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{hopeless}: {body}"
        );
        assert_eq!(body["error"]["ref"], "ING0107");
    }
    let (status, _) = send(&fixture, &key, r#"{"windows":[]}"#).await;
    assert_eq!(status, StatusCode::OK);
}

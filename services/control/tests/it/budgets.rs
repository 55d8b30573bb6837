//! An agent whose spent budget asks for a pause is paused, once.

use std::time::Duration;

use http::{Method, StatusCode};
use uuid::Uuid;
use writ_contract::{
    Audit, Envelope, EventId, IncarnationId, Kind, OrgId, Packed, Record, Shard, wire,
};
use writ_testkit::eventually;

use crate::stand::Stand;

/// States a decision that found a budget spent, as enforcement does.
async fn spent(stand: &Stand, agent: &str, pause_agent: bool) {
    let org = OrgId(stand.orgs[0].id);
    let fact = wire::Decision {
        agent_id: agent.parse::<Uuid>().unwrap().as_bytes().to_vec(),
        outcome: wire::Outcome::Deny.into(),
        budget_marks: vec![wire::BudgetMark {
            policy_id: vec![4; 16],
            period: "2026-11".into(),
            exceeded: true,
            pause_agent,
            ..wire::BudgetMark::default()
        }],
        ..wire::Decision::default()
    };
    let envelope = Envelope {
        event_id: EventId(Uuid::now_v7()),
        kind: Kind::of::<wire::Decision>("made"),
        org,
        aggregate_id: "d".into(),
        version: 0,
        occurred_at_us: 1,
        audit: Audit::default(),
        fact: prost::Message::encode_to_vec(&fact),
        traceparent: String::new(),
    };
    let record = Record {
        org,
        event_id: envelope.event_id,
        emitter_seq: 1,
        envelope: envelope.encode(),
    };
    let packed = Packed {
        incarnation: IncarnationId(Uuid::now_v7()),
        service: "enforcement".into(),
        records: vec![record],
        closes: false,
    };
    let log = stand.log();
    let subject = log.topology().decision(Shard::of(org));
    let id = Uuid::now_v7().to_string();
    let within = Duration::from_secs(5);
    let stored = log.append_packed(&subject, &id, &packed, within).await;
    stored.unwrap();
}

async fn becomes(stand: &Stand, agent: &str, status: &str) {
    let path = format!("/api/v1/agents/{agent}/status-poll");
    let what = format!("{agent} is {status}");
    eventually(Duration::from_secs(10), &what, async || {
        let answer = stand.dev(Method::GET, &path, "").await;
        let found = answer.body["data"]["status"].clone();
        (found == status).then_some(()).ok_or(found)
    })
    .await;
}

#[tokio::test]
async fn a_spent_budget_pauses_its_agent_until_somebody_resumes_it() {
    let mut stand = Stand::start().await;
    let [spender, other] = [stand.agent("spender").await, stand.agent("other").await];
    spent(&stand, &other, false).await;
    spent(&stand, &spender, true).await;
    becomes(&stand, &spender, "paused").await;
    becomes(&stand, &other, "active").await;

    let resume = format!("/api/v1/agents/{spender}/resume");
    let resumed = stand.dev(Method::PATCH, &resume, "").await;
    assert_eq!(resumed.status, StatusCode::OK, "{resumed:?}");
    // A service that starts again reads the same decision, and that it was answered.
    stand.running.stop().await;
    stand.start_again().await;
    spent(&stand, &other, true).await;
    becomes(&stand, &other, "paused").await;
    becomes(&stand, &spender, "active").await;
}

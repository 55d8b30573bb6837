//! What has to be looked at, and what people do about it.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use writ_contract::{
    Audit, DecisionId, Envelope, EventId, IncarnationId, Kind, OrgId, Packed, PolicyId, Record,
    Service, Shard, Stream, wire,
};
use writ_eventlog::{Content, Start};
use writ_testkit::eventually;

use crate::stage::{SOON, Stage, org};

const PATH: &str = "/api/v1/incidents";
/// 2026-01-01 00:10 UTC.
const TEN_PAST: i64 = 1_767_226_200_000_000;
const HOUR: i64 = 3_600_000_000;

fn hit(policy: u128, mode: &str, severity: &str) -> wire::Hit {
    wire::Hit {
        policy_id: PolicyId(Uuid::from_u128(policy)).to_bytes(),
        policy_version: 1,
        policy_type: "pii_access".into(),
        enforcement_mode: mode.into(),
        severity: severity.into(),
        ..wire::Hit::default()
    }
}

fn decision(outcome: wire::Outcome, hits: Vec<wire::Hit>) -> wire::Decision {
    wire::Decision {
        decision_id: DecisionId(Uuid::now_v7()).to_bytes(),
        external_agent_id: "bot".into(),
        environment: "production".into(),
        outcome: outcome.into(),
        hits,
        reason_code: "AGENT_PAUSED".into(),
        ..wire::Decision::default()
    }
}

/// States decisions as enforcement does.
async fn decide(stage: &Stage, org: OrgId, decisions: &[(i64, wire::Decision)]) {
    let records = decisions
        .iter()
        .zip(1..)
        .map(|((at, decision), emitter_seq)| {
            let event_id = EventId(Uuid::now_v7());
            let envelope = Envelope {
                event_id,
                kind: Kind::of::<wire::Decision>("made"),
                org,
                aggregate_id: String::new(),
                version: 0,
                occurred_at_us: *at,
                audit: Audit::default(),
                fact: prost::Message::encode_to_vec(decision),
                traceparent: PARENT.to_owned(),
            };
            Record {
                org,
                event_id,
                emitter_seq,
                envelope: envelope.encode(),
            }
        });
    let packed = Packed {
        incarnation: IncarnationId(Uuid::now_v7()),
        service: "enforcement".into(),
        records: records.collect(),
        closes: false,
    };
    let log = stage.log(Service::Enforcement);
    let subject = log.topology().decision(Shard::of(org));
    let id = Uuid::now_v7().to_string();
    log.append_packed(&subject, &id, &packed, SOON)
        .await
        .unwrap();
}

/// Waits until so many incidents are listed, the oldest first.
async fn listed(stage: &Stage, key: &str, query: &str, count: usize) -> Vec<Value> {
    eventually(SOON, &format!("{count} incidents {query}"), || async {
        let (_, body) = stage.get(&format!("{PATH}{query}"), key).await;
        let mut found = body["data"].as_array().cloned().unwrap_or_default();
        found.reverse();
        if found.len() == count {
            Ok(found)
        } else {
            Err(body)
        }
    })
    .await
}

async fn change(
    stage: &Stage,
    key: &str,
    id: &str,
    seen: Option<&str>,
    body: Value,
) -> (StatusCode, Value) {
    let mut request = Request::patch(format!("{PATH}/{id}")).header("x-api-key", key);
    if let Some(seen) = seen {
        request = request.header("if-match", seen);
    }
    stage
        .call(request.body(Body::from(body.to_string())).unwrap())
        .await
}

/// The trace of every decision.
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Types and states of the incident facts, in order.
async fn told(stage: &Stage) -> Vec<(String, String, u64)> {
    let log = stage.log(Service::AuditLedger);
    let filters = vec![log.topology().facts::<wire::Incident>()];
    let mut reader = log
        .read(Stream::Anomaly, filters, Start::First)
        .await
        .unwrap();
    let mut found = Vec::new();
    for _ in 0..reader.behind() {
        let Content::Fact(envelope) = reader.next().await.unwrap().content else {
            continue;
        };
        let fact: wire::Incident = envelope.open().unwrap();
        if (fact.kind.as_str(), envelope.kind.verb()) == ("policy", "opened") {
            assert_eq!(envelope.traceparent, PARENT, "the trace of the decision");
        }
        found.push((envelope.audit.action.clone(), fact.state, envelope.version));
    }
    found
}

#[tokio::test]
async fn one_agent_against_one_policy_in_one_hour_is_one_incident_in_any_mode() {
    let stage = Stage::running().await;
    let (org, other) = (org(), org());
    let (key, foreign) = (stage.key(org).await, stage.key(other).await);
    let allow = |mode| decision(wire::Outcome::Allow, vec![hit(1, mode, "low")]);
    decide(
        &stage,
        org,
        &[
            (TEN_PAST, allow("monitor")),
            (TEN_PAST + 1, allow("warn")),
            (
                TEN_PAST + 2,
                decision(
                    wire::Outcome::Deny,
                    vec![hit(1, "block", "critical"), hit(2, "block", "high")],
                ),
            ),
            (TEN_PAST + 3, decision(wire::Outcome::Allow, Vec::new())),
            (TEN_PAST + 4, decision(wire::Outcome::Deny, Vec::new())),
            (TEN_PAST + HOUR, allow("warn")),
        ],
    )
    .await;
    let found = listed(&stage, &key, "", 4).await;
    let seen: Vec<_> = found
        .iter()
        .map(|it| (&it["kind"], &it["severity"], &it["occurrences"]))
        .collect();
    let (policy, refusal) = (json!("policy"), json!("refusal"));
    let (low, high, critical) = (json!("low"), json!("high"), json!("critical"));
    let (one, three) = (json!(1), json!(3));
    let mut expected = vec![
        (&policy, &critical, &three),
        (&policy, &high, &one),
        (&refusal, &low, &one),
        (&policy, &low, &one),
    ];
    let mut seen = seen;
    let text = |it: &(&Value, &Value, &Value)| format!("{it:?}");
    seen.sort_by_key(text);
    expected.sort_by_key(text);
    assert_eq!(seen, expected);
    listed(
        &stage,
        &key,
        "?severity=critical&state=open&kind=policy&agentId=bot",
        1,
    )
    .await;
    listed(&stage, &foreign, "", 0).await;
    let (status, _) = stage
        .get(
            &format!("{PATH}/{}", found[0]["id"].as_str().unwrap()),
            &foreign,
        )
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bypasses_mismatches_forgeries_leaks_and_findings_are_incidents_too() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org).await;
    let window = wire::BypassWindow {
        window_id: Uuid::now_v7().as_bytes().to_vec(),
        external_agent_id: "bot".into(),
        reason: "network_error".into(),
        count: 7,
        ..wire::BypassWindow::default()
    };
    stage.publish(org, "w", "reported", &window).await;
    let dropped = wire::BypassDrop {
        bypasses: 5,
        ..wire::BypassDrop::default()
    };
    stage.publish(org, "d", "reported", &dropped).await;
    let approval = wire::Approval {
        external_agent_id: "bot".into(),
        environment: "production".into(),
        ..wire::Approval::default()
    };
    stage.publish(org, "a1", "mismatched", &approval).await;
    stage.publish(org, "a2", "granted", &approval).await;
    let forged = wire::ForgedCredential {
        external_agent_id: "bot".into(),
        environment: "production".into(),
        traces: 3,
        ..wire::ForgedCredential::default()
    };
    stage.publish(org, "bot", "found", &forged).await;
    for (id, leaked) in [("key_1", true), ("key_2", false)] {
        let revoked = wire::ApiKey {
            public_id: id.into(),
            mac: vec![0; 32],
            role: "viewer".into(),
            key_id: vec![0; 16],
            revoked: true,
            leaked,
            ..wire::ApiKey::default()
        };
        stage.publish(org, id, "revoked", &revoked).await;
    }
    stage.minutes(org, "bot", 0, 30).await;
    stage.minute(org, "bot", 30, 40_000).await;
    let found = listed(&stage, &key, "", 6).await;
    let of = |subject: &str| found.iter().find(|it| it["subject"] == subject).unwrap();
    assert_eq!(of("network_error")["occurrences"], 7);
    assert_eq!(of("reports_dropped")["occurrences"], 5);
    assert_eq!(of("action_context_mismatch")["kind"], "certificate");
    assert_eq!(of("cost")["kind"], "finding");
    let forgery = of("forged_credential");
    assert_eq!(
        (&forgery["kind"], &forgery["occurrences"]),
        (&json!("forgery"), &json!(3))
    );
    assert_eq!(of("key_1")["severity"], "critical");
}

#[tokio::test]
async fn people_take_incidents_on_and_what_happens_again_opens_them() {
    let mut stage = Stage::running().await;
    let org = org();
    let key = stage.key_of(org, "developer", &[]).await;
    let once = |at| {
        (
            at,
            decision(wire::Outcome::Deny, vec![hit(1, "block", "high")]),
        )
    };
    decide(&stage, org, &[once(TEN_PAST)]).await;
    let id = listed(&stage, &key, "", 1).await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let taken = json!({ "state": "acknowledged", "note": "on it" });
    let (status, body) = change(&stage, &key, &id, Some("\"1\""), taken.clone()).await;
    assert_eq!(
        (status, &body["data"]["state"]),
        (StatusCode::OK, &json!("acknowledged")),
        "{body}"
    );
    assert_eq!(
        (&body["data"]["note"], &body["data"]["version"]),
        (&json!("on it"), &json!(2))
    );
    let (status, body) = change(&stage, &key, &id, Some("\"1\""), taken.clone()).await;
    assert_eq!(
        (status, &body["error"]["ref"]),
        (StatusCode::PRECONDITION_FAILED, &json!("ANO0004"))
    );
    let (_, body) = change(&stage, &key, &id, None, taken).await;
    assert_eq!(body["data"]["version"], 2, "it is that already");
    change(&stage, &key, &id, None, json!({ "state": "resolved" })).await;

    // The clock of the decisions stands in the past: what happened before stays resolved.
    decide(&stage, org, &[once(TEN_PAST + 1)]).await;
    let counted = listed_with(&stage, &key, &id, 2).await;
    assert_eq!(
        (&counted["state"], &counted["note"]),
        (&json!("resolved"), &json!("on it"))
    );
    let mut sql = stage.sql().await;
    sqlx::query("update anomaly.incidents set moved_at = first_at")
        .execute(&mut sql)
        .await
        .unwrap();
    decide(&stage, org, &[once(TEN_PAST + 2)]).await;
    assert_eq!(listed_with(&stage, &key, &id, 3).await["state"], "open");

    stage.stop().await;
    stage.start().await;
    decide(&stage, org, &[once(TEN_PAST + 3)]).await;
    listed_with(&stage, &key, &id, 4).await;
    let expected = [
        ("incident.open", "open", 1),
        ("incident.acknowledge", "acknowledged", 2),
        ("incident.resolve", "resolved", 3),
        ("incident.reopen", "open", 4),
    ];
    let expected =
        expected.map(|(action, state, version)| (action.to_owned(), state.to_owned(), version));
    assert_eq!(told(&stage).await, expected);
}

#[tokio::test]
async fn a_log_that_is_read_anew_is_counted_once_and_told_once() {
    let mut stage = Stage::running().await;
    let org = org();
    let key = stage.key_of(org, "developer", &[]).await;
    let hits = [TEN_PAST, TEN_PAST + 1, TEN_PAST + 2].map(|at| {
        let hit = hit(1, "block", "high");
        (at, decision(wire::Outcome::Deny, vec![hit]))
    });
    decide(&stage, org, &hits).await;
    let id = listed(&stage, &key, "", 1).await[0]["id"].clone();
    let id = id.as_str().unwrap();
    listed_with(&stage, &key, id, 3).await;
    change(&stage, &key, id, None, json!({ "state": "resolved" })).await;
    stage.stop().await;
    let mut sql = stage.sql().await;
    let forget =
        "update anomaly.positions set stream_created = now() where projection = 'incidents'";
    sqlx::query(forget).execute(&mut sql).await.unwrap();
    stage.start().await;
    decide(&stage, org, &hits[..1]).await;
    assert_eq!(listed_with(&stage, &key, id, 4).await["state"], "resolved");
    assert_eq!(told(&stage).await.len(), 2);
}

/// The incident once it has happened so often.
async fn listed_with(stage: &Stage, key: &str, id: &str, occurrences: u64) -> Value {
    eventually(SOON, &format!("{occurrences} occurrences"), || async {
        let (_, body) = stage.get(&format!("{PATH}/{id}"), key).await;
        let found = body["data"].clone();
        if found["occurrences"] == occurrences {
            Ok(found)
        } else {
            Err(body)
        }
    })
    .await
}

#[tokio::test]
async fn only_who_may_changes_an_incident_and_only_in_known_words() {
    let stage = Stage::running().await;
    let org = org();
    let viewer = stage.key(org).await;
    let staging = stage.key_of(org, "developer", &["staging"]).await;
    let developer = stage.key_of(org, "developer", &[]).await;
    decide(
        &stage,
        org,
        &[(
            TEN_PAST,
            decision(wire::Outcome::Deny, vec![hit(1, "block", "high")]),
        )],
    )
    .await;
    let id = listed(&stage, &viewer, "", 1).await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let resolved = json!({ "state": "resolved" });
    for (key, expected) in [
        (&viewer, StatusCode::FORBIDDEN),
        (&staging, StatusCode::FORBIDDEN),
    ] {
        let (status, body) = change(&stage, key, &id, None, resolved.clone()).await;
        assert_eq!(status, expected, "{body}");
    }
    for wrong in [
        json!({}),
        json!({ "state": "gone" }),
        json!({ "state": "open", "more": 1 }),
    ] {
        let (status, body) = change(&stage, &developer, &id, None, wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    let (status, body) = change(&stage, &developer, "inc_0", None, resolved).await;
    assert_eq!(
        (status, &body["error"]["ref"]),
        (StatusCode::NOT_FOUND, &json!("ANO0003"))
    );
    for query in [
        "?state=x",
        "?kind=x",
        "?limit=0",
        "?cursor=x",
        "?policyId=x",
        "?x=1",
    ] {
        let (status, _) = stage.get(&format!("{PATH}{query}"), &viewer).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
}

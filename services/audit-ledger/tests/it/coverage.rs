//! What was decided, what was not, and whether anything is missing: stated and signed.

use http::StatusCode;
use serde_json::Value;
use writ_chain::coverage::{Coverage, Tail, verify};
use writ_chain::statement::Signed;
use writ_contract::{OrgId, Packed, Service, wire};

use crate::stage::{SOON, Stage, envelope, org, trusted};

const SCHEMA: &str = include_str!("../../../../schemas/coverage.v1.json");
/// When the facts of the stage happen, and the hour around it.
const AT: i64 = 1_790_000_000_000_000;
/// The agent of the stage's decisions.
const AGENT: uuid::Uuid = uuid::Uuid::from_u128(4);
const HOUR: &str = "from=2026-09-21T14:00:00Z&to=2026-09-21T15:00:00Z";

async fn coverage(stage: &Stage, agent: &str, key: &str) -> Coverage {
    let path = format!("/api/v1/audit/coverage?agentId={agent}&{HOUR}");
    let (status, body) = stage.get(&path, key).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let data = serde_json::from_str::<Value>(&body).unwrap()["data"].take();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let problems: Vec<String> = schema.iter_errors(&data).map(|it| it.to_string()).collect();
    assert_eq!(problems, Vec::<String>::new());
    let signed: Signed<Coverage> = serde_json::from_value(data).unwrap();
    verify(&signed, &trusted()).unwrap();
    signed.statement
}

/// States an agent: its external id and environment.
async fn agent(stage: &Stage, org: OrgId, version: u64, id: uuid::Uuid, named: [&str; 2]) {
    let [external_id, environment] = named.map(str::to_owned);
    let fact = wire::Agent {
        agent_id: id.as_bytes().to_vec(),
        external_id,
        environment,
        ..wire::Agent::default()
    };
    stage.publish(org, &id.to_string(), version, &fact).await;
}

async fn close(stage: &Stage, org: OrgId, incarnation: u128) {
    say(stage, org, incarnation, true).await;
}

/// Says that an incarnation has closed, or that it lives.
async fn say(stage: &Stage, org: OrgId, incarnation: u128, closes: bool) {
    let said = Packed {
        incarnation: writ_contract::IncarnationId(uuid::Uuid::from_u128(incarnation)),
        service: "enforcement".into(),
        records: Vec::new(),
        closes,
    };
    stage.append(org, &said).await;
}

async fn bypass(stage: &Stage, org: OrgId, n: u8, from: i64, to: i64) {
    let fact = wire::BypassWindow {
        window_id: vec![n; 16],
        external_agent_id: "support".into(),
        first_at_us: AT + from * 1_000_000,
        last_at_us: AT + to * 1_000_000,
        count: 2,
        ..wire::BypassWindow::default()
    };
    let key = format!("w{n}");
    let mut stated = envelope(org, &key, 0, &fact);
    stated.audit.target = "agent:support".into();
    stage
        .publish_again::<wire::BypassWindow>(&key, &stated)
        .await;
}

/// That the agent was heard of, in seconds of the hour.
async fn heard(stage: &Stage, org: OrgId, from: i64, to: i64) {
    let fact = wire::Presence {
        agent_id: AGENT.as_bytes().to_vec(),
        external_id: "support".into(),
        first_at_us: AT + from * 1_000_000,
        last_at_us: AT + to * 1_000_000,
        count: 2,
    };
    let mut stated = envelope(org, &AGENT.to_string(), 0, &fact);
    stated.audit.target = format!("agent:{AGENT}");
    let log = stage.log(Service::Control);
    let subject = log.topology().presence(org, &AGENT.to_string());
    let stored = log.publish_fact(&subject, &stated, None, SOON);
    stored.await.unwrap();
}

#[tokio::test]
async fn nothing_is_missing_once_the_emitter_has_closed() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    stage.decisions(org, 1, &[1, 2, 3]).await;
    stage.sealed(org, 4).await;
    let open = coverage(&stage, "support", &key).await;
    assert_eq!(
        (open.decisions, open.missing),
        (3, None),
        "an open end is unknown"
    );
    assert_eq!(open.emitters[0].tail, Tail::Unknown);
    close(&stage, org, 1).await;
    stage.policies(org, 1, 1).await;
    stage.sealed(org, 5).await;
    let closed = coverage(&stage, "support", &key).await;
    assert_eq!((closed.decisions, closed.missing), (3, Some(0)));
    assert_eq!(closed.emitters[0].tail, Tail::Closed);
    assert!(closed.excludes[0].contains("cache"));
}

/// What is refused: status and body.
async fn refused(stage: &Stage, query: &str, key: &str) -> (StatusCode, String) {
    let path = format!("/api/v1/audit/coverage?{query}");
    stage.get(&path, key).await
}

#[tokio::test]
async fn nothing_is_signed_about_an_agent_of_which_no_entry_speaks() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    stage.decisions(org, 1, &[1]).await;
    stage.sealed(org, 2).await;
    for wrong in ["another", &uuid::Uuid::from_u128(5).to_string()] {
        let (status, body) = refused(&stage, &format!("agentId={wrong}&{HOUR}"), &key).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
        assert!(
            body.contains("AGENT_NOT_FOUND") && body.contains("AUD0005"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_id_in_two_environments_is_not_added_up() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    let other = uuid::Uuid::from_u128(5);
    // The second is moved.
    agent(&stage, org, 1, AGENT, ["support", "production"]).await;
    agent(&stage, org, 1, other, ["support", "test"]).await;
    agent(&stage, org, 2, other, ["support", "staging"]).await;
    stage.decisions(org, 1, &[1, 2, 3]).await;
    stage.sealed(org, 7).await;
    let (status, body) = refused(&stage, &format!("agentId=support&{HOUR}"), &key).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert!(
        body.contains("AGENT_AMBIGUOUS") && body.contains("AUD0006"),
        "{body}"
    );
    assert!(body.contains(&format!("{other} (staging)")), "{body}");
    for (environment, id, decisions) in [("production", AGENT, 3), ("staging", other, 0)] {
        let one = format!("support&environment={environment}");
        for asked in [&id.to_string(), &one] {
            let found = coverage(&stage, asked, &key).await;
            assert_eq!(
                (&*found.agent, found.decisions),
                (&*id.to_string(), decisions)
            );
            let shared = found
                .excludes
                .iter()
                .any(|it| it.contains("called support"));
            assert!(shared, "{:?}", found.excludes);
        }
    }
    let nowhere = format!("agentId=support&environment=test&{HOUR}");
    assert_eq!(
        refused(&stage, &nowhere, &key).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn an_agent_that_is_called_by_the_uuid_of_another_has_none_of_its_decisions() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    let other = uuid::Uuid::from_u128(5);
    let called = AGENT.to_string();
    agent(&stage, org, 1, AGENT, ["support", "production"]).await;
    agent(&stage, org, 1, other, [&called, "staging"]).await;
    stage.decisions(org, 1, &[1, 2, 3]).await;
    stage.sealed(org, 6).await;
    let found = coverage(&stage, &other.to_string(), &key).await;
    assert_eq!((found.decisions, found.unnamed), (0, Some(0)));
    assert_eq!(found.names, [other.to_string()]);
    let said = |it: &String| it.contains(&called) && it.contains("another agent");
    assert!(found.excludes.iter().any(said), "{:?}", found.excludes);
    for asked in [&*called, "support"] {
        assert_eq!(coverage(&stage, asked, &key).await.decisions, 3);
    }
    let elsewhere = format!("agentId={called}&environment=staging&{HOUR}");
    let (status, body) = refused(&stage, &elsewhere, &key).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
    assert!(body.contains("in staging"), "{body}");
}

#[tokio::test]
async fn a_period_from_before_the_record_says_so_and_one_that_ends_before_it_is_refused() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    stage.decisions(org, 1, &[1]).await;
    stage.sealed(org, 2).await;
    let found = coverage(&stage, "support", &key).await;
    assert_eq!(
        found.excludes[1..],
        ["the time before 2026-09-21T14:13:20Z: nothing was recorded then"]
    );
    let days = "agentId=support&from=2026-09-01&to=2026-09-21";
    let (status, body) = refused(&stage, days, &key).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    assert!(body.contains("before 2026-09-21T14:13:20Z"), "{body}");
    let days = "agentId=support&from=2026-09-22&to=2026-09-23";
    let (status, body) = refused(&stage, days, &key).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(!body.contains("the time before"), "{body}");
}

#[tokio::test]
async fn more_lost_reports_than_can_be_counted_are_as_many_as_can_be() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    stage.decisions(org, 1, &[1]).await;
    for n in [1, 2] {
        let drop = wire::BypassDrop {
            drop_id: vec![n; 16],
            windows: u64::MAX,
            since_us: Some(AT),
            ..wire::BypassDrop::default()
        };
        stage.publish(org, &format!("d{n}"), 0, &drop).await;
    }
    stage.sealed(org, 4).await;
    let found = coverage(&stage, "support", &key).await;
    assert_eq!(found.lost_reports, u64::try_from(i64::MAX).unwrap());
}

#[tokio::test]
async fn nothing_is_missing_before_an_emitter_said_that_it_lives() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    stage.decisions(org, 1, &[1, 2, 3]).await;
    say(&stage, org, 1, false).await;
    stage.policies(org, 1, 1).await;
    stage.sealed(org, 5).await;
    let quiet = coverage(&stage, "support", &key).await;
    assert_eq!((quiet.decisions, quiet.missing), (3, Some(0)));
    assert_eq!(quiet.emitters[0].tail, Tail::Continued);
}

#[tokio::test]
async fn a_hole_is_counted_and_so_is_time_without_decisions() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    stage.decisions(org, 1, &[1, 2, 5, 6]).await;
    close(&stage, org, 1).await;
    bypass(&stage, org, 1, 0, 10).await;
    bypass(&stage, org, 2, 5, 20).await;
    bypass(&stage, org, 3, -90_000, -80_000).await;
    let drop = wire::BypassDrop {
        drop_id: vec![9; 16],
        windows: 4,
        since_us: Some(AT),
        ..wire::BypassDrop::default()
    };
    stage.publish(org, "d", 0, &drop).await;
    // Key, four decisions, the hole, three reports and one of lost reports.
    stage.sealed(org, 10).await;
    let found = coverage(&stage, "support", &key).await;
    assert_eq!((found.decisions, found.missing), (4, Some(2)));
    assert_eq!((found.ungoverned_seconds, found.ungoverned_acts), (20, 4));
    assert_eq!(found.lost_reports, 4);
    assert_eq!(found.names, [&AGENT.to_string(), "support"]);
    // These decisions say nothing of who acted.
    assert_eq!(found.unnamed, Some(4));
}

#[tokio::test]
async fn it_is_said_how_long_an_agent_was_heard_of_and_the_log_does_not_show_each_time() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "developer").await;
    // The hour begins 800 seconds before.
    for (from, to) in [
        (-900, -700),
        (0, 300),
        (300, 600),
        (200, 400),
        (5_000, 6_000),
    ] {
        heard(&stage, org, from, to).await;
    }
    stage.sealed(org, 6).await;
    for agent in ["support", &AGENT.to_string()] {
        let found = coverage(&stage, agent, &key).await;
        let period = coverage_seconds(&found);
        assert_eq!(found.heard_seconds, Some(600 + inside(&found, -900, -700)));
        assert_eq!(
            found.heard_seconds.unwrap() + found.silent_seconds.unwrap(),
            period
        );
    }
    let (_, log) = stage.get("/api/v1/audit-logs", &key).await;
    assert!(
        log.contains("key.updated.v1") && !log.contains("presence"),
        "{log}"
    );
    let (_, log) = stage
        .get("/api/v1/audit-logs?action=presence.update", &key)
        .await;
    assert_eq!(log.matches("presence.updated.v1").count(), 5, "{log}");
}

fn coverage_seconds(found: &Coverage) -> u64 {
    Coverage::period_seconds(found.from, found.to)
}

/// How much of these seconds is in the period.
fn inside(found: &Coverage, from: i64, to: i64) -> u64 {
    let (from, to) = (AT + from * 1_000_000, AT + to * 1_000_000);
    let micros = to.min(found.to) - from.max(found.from);
    u64::try_from(micros.max(0)).unwrap() / 1_000_000
}

#[tokio::test]
async fn an_emitter_that_goes_on_after_the_period_leaves_no_open_end() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    let packed = stage.decisions(org, 1, &[1, 2]).await;
    let mut later = envelope(org, "dec_later", 0, &wire::Decision::default());
    later.occurred_at_us = AT + 7_200_000_000;
    let mut next = packed.clone();
    next.records.truncate(1);
    next.records[0].event_id = later.event_id;
    next.records[0].emitter_seq = 3;
    next.records[0].envelope = later.encode();
    stage.append(org, &next).await;
    stage.sealed(org, 4).await;
    let found = coverage(&stage, "support", &key).await;
    assert_eq!((found.decisions, found.missing), (2, Some(0)));
    assert_eq!(found.emitters[0].tail, Tail::Continued);
}

#[tokio::test]
async fn a_period_must_be_one() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    stage.sealed(org, 1).await;
    for wrong in [
        "agentId=a&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "agentId=a&to=2100-01-01T00:00:00Z",
        "agentId=&from=2026-01-01T00:00:00Z",
        "agentId=a&from=-200000-01-01",
        "agentId=a&from=soon",
        "agentId=a&since=2026-01-01T00:00:00Z",
        "from=2026-01-01T00:00:00Z",
    ] {
        let (status, body) = stage
            .get(&format!("/api/v1/audit/coverage?{wrong}"), &key)
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {body}");
    }
}

#[tokio::test]
async fn nothing_is_counted_of_a_month_that_was_taken_out() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    stage.decisions(org, 1, &[1]).await;
    stage.sealed(org, 2).await;
    sqlx::query(
        "insert into ledger.own_facts (org_id, type, actor, action, target, outcome)
         values ($1, 'ledger.month_detached.v1', 'system:alice', 'ledger.detach',
             'entries:0-1 of 2026-10', 'succeeded')",
    )
    .bind(org.0)
    .execute(&mut stage.sql().await)
    .await
    .unwrap();
    stage.sealed(org, 3).await;
    assert_eq!(coverage(&stage, "support", &key).await.decisions, 1);
    let days = "agentId=support&from=2026-09-30&to=2026-10-02";
    let (status, body) = refused(&stage, days, &key).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    assert!(body.contains("entries of 2026-10 were taken out"), "{body}");
}

//! Pauses beyond one agent: the gate first, everything else from memory.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_access::Role;
use writ_contract::topology::GateLeaf;
use writ_contract::{Stream, wire};
use writ_eventlog::{Content, Start};
use writ_testkit::{Signal, eventually};

use crate::stand::{Answer, Stand};

const SOON: Duration = Duration::from_secs(10);

async fn pause(stand: &Stand, body: Value) -> Answer {
    let answer = stand
        .owner(Method::POST, "/api/v1/pauses", &body.to_string())
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer
}

async fn polled(stand: &Stand, id: &str) -> Value {
    let path = format!("/api/v1/agents/{id}/status-poll");
    let answer = stand.dev(Method::GET, &path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body["data"].clone()
}

async fn lift(stand: &Stand, id: &str) -> Answer {
    let path = format!("/api/v1/pauses/{id}");
    stand.owner(Method::DELETE, &path, "").await
}

fn id(answer: &Answer) -> &str {
    answer.body["data"]["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_pause_of_an_environment_is_on_the_gate_and_covers_its_agents_until_it_is_lifted() {
    let stand = Stand::start().await;
    let bot = stand.agent("bot").await;
    let other = stand
        .dev(
            Method::POST,
            "/api/v1/agents",
            r#"{"agentId":"other","environment":"staging"}"#,
        )
        .await;
    let other = id(&other).to_owned();
    let drill = json!({"scope": "environment", "value": "production", "reason": "drill"});
    let made = pause(&stand, drill).await;
    assert_eq!(made.body["data"]["agents"], 1);
    let sequence = made.body["receipt"]["sequence"].as_u64().unwrap();

    let log = stand.log();
    let filter = vec![log.topology().gate(GateLeaf::Kill)];
    let mut reader = log.read(Stream::Gate, filter, Start::First).await.unwrap();
    let delivered = reader.next().await.unwrap();
    assert_eq!(delivered.sequence, sequence);
    let Content::Fact(envelope) = delivered.content else {
        panic!()
    };
    let stated = envelope.open::<wire::Pause>().unwrap();
    assert_eq!(
        (stated.scope.as_str(), stated.ended),
        ("environment", false)
    );
    assert_eq!(envelope.audit.action, "pause.create");

    let read = polled(&stand, &bot).await;
    assert_eq!(read["status"], "paused");
    assert!(read["reason"].as_str().unwrap().contains("drill"), "{read}");
    assert_eq!(polled(&stand, &other).await["status"], "active");
    let shown = stand
        .dev(Method::GET, &format!("/api/v1/agents/{bot}"), "")
        .await;
    assert_eq!(shown.body["data"]["status"], "paused");
    assert_eq!(shown.body["data"]["pausedBy"][0], made.body["data"]["id"]);
    let listed = stand.dev(Method::GET, "/api/v1/pauses", "").await;
    assert_eq!(listed.body["data"][0]["id"], made.body["data"]["id"]);

    // Resuming the agent lifts only its own switch.
    let resume = format!("/api/v1/agents/{bot}/resume");
    let resumed = stand.dev(Method::PATCH, &resume, "").await;
    assert_eq!(resumed.body["data"]["status"], "paused", "{resumed:?}");
    let lifted = lift(&stand, id(&made)).await;
    assert_eq!(lifted.body["data"]["status"], "ended", "{lifted:?}");
    assert!(lifted.body["receipt"]["sequence"].as_u64() > Some(sequence));
    assert_eq!(polled(&stand, &bot).await["status"], "active");
    let again = lift(&stand, id(&made)).await;
    assert_eq!(
        (again.status, again.code()),
        (StatusCode::NOT_FOUND, "PAUSE_NOT_FOUND")
    );
}

#[tokio::test]
async fn a_paused_tool_leaves_agents_active() {
    let stand = Stand::start().await;
    let bot = stand.agent("bot").await;
    let made = pause(
        &stand,
        json!({"scope": "tool", "value": "shell.*", "reason": "x"}),
    )
    .await;
    assert_eq!(made.body["data"]["agents"], 0);
    assert_eq!(polled(&stand, &bot).await["status"], "active");
}

#[tokio::test]
async fn what_a_pause_does_not_say_right_is_refused_by_field() {
    let stand = Stand::start().await;
    stand.agent("bot").await;
    for (body, named) in [
        (json!({"scope": "planet", "reason": "x"}), "scope"),
        (json!({"scope": "tag", "reason": "x"}), "value"),
        (
            json!({"scope": "organization", "value": "x", "reason": "x"}),
            "value",
        ),
        (json!({"scope": "organization", "reason": " "}), "reason"),
        (
            json!({"scope": "organization", "reason": "x", "expiresAt": "2020-01-01T00:00:00Z"}),
            "expiresAt",
        ),
        (
            json!({"scope": "organization", "reason": "x", "until": 1}),
            "until",
        ),
    ] {
        let answer = stand
            .owner(Method::POST, "/api/v1/pauses", &body.to_string())
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer.message().contains(named), "{answer:?}");
    }
    let unknown = json!({"scope": "agent", "value": "nobody", "reason": "x"});
    let answer = stand
        .owner(Method::POST, "/api/v1/pauses", &unknown.to_string())
        .await;
    assert_eq!(answer.code(), "AGENT_NOT_FOUND");
}

#[tokio::test]
async fn a_developer_pauses_one_agent_and_only_an_admin_more_and_nobody_across_organisations() {
    let stand = Stand::start().await;
    let bot = stand.agent("bot").await;
    let everything = r#"{"scope":"organization","reason":"x"}"#;
    let refused = stand.dev(Method::POST, "/api/v1/pauses", everything).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
    let one = r#"{"scope":"agent","value":"bot","reason":"x"}"#;
    let made = stand.dev(Method::POST, "/api/v1/pauses", one).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");

    let body = json!({"name": "s", "role": "admin", "environments": ["staging"]});
    let issued = stand
        .owner(Method::POST, "/api/v1/keys", &body.to_string())
        .await;
    let staging = issued.body["data"]["key"].as_str().unwrap();
    for (scope, value) in [
        ("organization", ""),
        ("tool", "x"),
        ("environment", "production"),
        ("agent", "bot"),
    ] {
        let body = json!({"scope": scope, "value": value, "reason": "x"}).to_string();
        let refused = stand
            .call(staging, Method::POST, "/api/v1/pauses", &body)
            .await;
        assert_eq!(
            refused.code(),
            "ENVIRONMENT_FORBIDDEN",
            "{scope}: {refused:?}"
        );
    }

    let foreign = stand.key(1, Role::Owner);
    let whole = stand
        .call(&foreign, Method::POST, "/api/v1/pauses", everything)
        .await;
    assert_eq!(whole.status, StatusCode::CREATED);
    let path = format!("/api/v1/pauses/{}", id(&made));
    let lifted = stand.call(&foreign, Method::DELETE, &path, "").await;
    assert_eq!(lifted.code(), "PAUSE_NOT_FOUND");
    assert_eq!(lift(&stand, id(&made)).await.status, StatusCode::OK);
    assert_eq!(
        polled(&stand, &bot).await["status"],
        "active",
        "the other one's pause is not ours"
    );
}

#[tokio::test]
async fn a_request_that_is_sent_again_makes_no_second_pause() {
    let stand = Stand::start().await;
    let key = stand.key(0, Role::Owner);
    let send = async |body: &'static str| {
        let once = (key.as_str(), "again", "");
        stand
            .running
            .once(once, Method::POST, "/api/v1/pauses", body)
            .await
    };
    let drill = r#"{"scope":"tag","value":"eu","reason":"x"}"#;
    let (first, second) = (send(drill).await, send(drill).await);
    assert_eq!(first.body["data"]["id"], second.body["data"]["id"]);
    assert_eq!(
        first.body["receipt"]["sequence"],
        second.body["receipt"]["sequence"]
    );
    let other = send(r#"{"scope":"tag","value":"us","reason":"x"}"#).await;
    assert_eq!(other.code(), "IDEMPOTENCY_KEY_REUSED", "{other:?}");
    let listed = stand.owner(Method::GET, "/api/v1/pauses", "").await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_pause_ends_when_its_time_is_over_by_one_fact_of_whichever_replica() {
    let stand = Stand::start().await;
    let mut other = stand.replica().await;
    let bot = stand.agent("bot").await;
    let at = Utc::now() + TimeDelta::milliseconds(1_200);
    let made = pause(
        &stand,
        json!({"scope": "organization", "reason": "x", "expiresAt": at}),
    )
    .await;
    assert_eq!(polled(&stand, &bot).await["status"], "paused");
    eventually(SOON, "it is over", || async {
        let read = polled(&stand, &bot).await;
        if read["status"] == "active" {
            Ok(())
        } else {
            Err(read)
        }
    })
    .await;
    assert!(Utc::now() >= at, "not before its time");
    assert_eq!(lift(&stand, id(&made)).await.status, StatusCode::NOT_FOUND);
    let log = stand.log();
    let filter = vec![log.topology().gate(GateLeaf::Kill)];
    let mut reader = log.read(Stream::Gate, filter, Start::First).await.unwrap();
    let mut verbs = Vec::new();
    for _ in 0..2 {
        let Content::Fact(envelope) = reader.next().await.unwrap().content else {
            panic!()
        };
        verbs.push((envelope.version, envelope.kind.verb().to_owned()));
    }
    assert_eq!(
        verbs,
        [(1, "created".to_owned()), (2, "expired".to_owned())]
    );
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(reader.behind(), 0, "one replica ended it");
    other.stop().await;
}

#[tokio::test]
async fn pauses_are_made_listed_and_lifted_while_postgres_is_down_and_are_kept_after_it() {
    let mut stand = Stand::breakable().await;
    let bot = stand.agent("bot").await;
    let pool = sqlx::PgPool::connect(&stand.db.superuser_url)
        .await
        .unwrap();
    sqlx::query("checkpoint").execute(&pool).await.unwrap();
    pool.close().await;
    stand.postgres.signal(Signal::Kill);

    let whole = pause(&stand, json!({"scope": "organization", "reason": "fire"})).await;
    let tag = pause(
        &stand,
        json!({"scope": "tag", "value": "eu", "reason": "x"}),
    )
    .await;
    assert_eq!(polled(&stand, &bot).await["status"], "paused");
    assert_eq!(lift(&stand, id(&tag)).await.status, StatusCode::OK);
    let listed = stand.owner(Method::GET, "/api/v1/pauses", "").await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);

    stand.running.stop().await;
    stand.postgres.restart();
    stand.start_again().await;
    assert_eq!(polled(&stand, &bot).await["status"], "paused");
    let log = stand.log();
    let filter = vec![log.topology().facts::<wire::Pause>()];
    let mut reader = log
        .read(Stream::Control, filter, Start::First)
        .await
        .unwrap();
    let mut kept = Vec::new();
    for _ in 0..3 {
        let next = tokio::time::timeout(SOON, reader.next()).await;
        let Content::Fact(envelope) = next.expect("control keeps it").unwrap().content else {
            panic!()
        };
        kept.push((envelope.aggregate_id, envelope.version));
    }
    assert_eq!(kept[0], (id(&whole).to_owned(), 1));
    assert_eq!(kept[2], (id(&tag).to_owned(), 2), "{kept:?}");
}

//! Pausing: the gate first, the row when it can be written.

use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use http::{Method, StatusCode};
use serde_json::json;
use sqlx::Connection as _;
use writ_access::Role;
use writ_contract::topology::GateLeaf;
use writ_contract::{Stream, wire};
use writ_eventlog::{Content, Start};
use writ_testkit::{Signal, eventually};

use crate::stand::Stand;

async fn status(stand: &Stand, id: &str) -> String {
    let path = format!("/api/v1/agents/{id}/status-poll");
    let answer = stand.dev(Method::GET, &path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body["data"]["status"].as_str().unwrap().to_owned()
}

async fn row_says(stand: &Stand, id: &str, paused: bool) {
    eventually(
        Duration::from_secs(60),
        "the row has the switch",
        || async {
            let found = switch_row(stand, id).await.map_err(|e| e.to_string())?;
            if found.0 == paused {
                Ok(())
            } else {
                Err(format!("{found:?}"))
            }
        },
    )
    .await;
}

async fn switch_row(stand: &Stand, id: &str) -> sqlx::Result<(bool, i64)> {
    let mut sql = sqlx::PgConnection::connect(&stand.db.superuser_url).await?;
    let found =
        sqlx::query_as("select paused, kill_version from control.agents where agent_id = $1::uuid")
            .bind(id)
            .fetch_one(&mut sql)
            .await?;
    sql.close().await?;
    Ok(found)
}

/// The test server commits asynchronously, so what was committed is written out first.
pub(crate) async fn kill_postgres(stand: &Stand) {
    let pool = sqlx::PgPool::connect(&stand.db.superuser_url)
        .await
        .unwrap();
    sqlx::query("checkpoint").execute(&pool).await.unwrap();
    pool.close().await;
    stand.postgres.signal(Signal::Kill);
    // A backend may outlive its killed parent for a moment; what it commits then is lost.
    eventually(
        Duration::from_secs(10),
        "reads say that it is away",
        || async {
            let away = stand.dev(Method::GET, "/api/v1/agents", "").await;
            let unavailable = (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE");
            if (away.status, away.code()) == unavailable {
                Ok(())
            } else {
                Err(away.status)
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_pause_needs_no_body_but_refuses_what_it_would_pass_over() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let pause = format!("/api/v1/agents/{agent}/pause");
    let until = r#"{"reason":"x","expiresAt":"2030-01-01T00:00:00Z"}"#;
    let refused = stand.dev(Method::PATCH, &pause, until).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("unknown field `expiresAt`")
    );
    for body in ["", "{}", r#"{"reason":null}"#] {
        let answer = stand.dev(Method::PATCH, &pause, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}");
    }
}

#[tokio::test]
async fn a_pause_is_on_the_gate_before_it_is_answered_and_survives_registration() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let pause = format!("/api/v1/agents/{id}/pause");
    let paused = stand
        .dev(Method::PATCH, &pause, r#"{"reason":"runaway"}"#)
        .await;
    assert_eq!(paused.status, StatusCode::OK, "{paused:?}");
    assert_eq!(paused.body["data"]["status"], json!("paused"));
    let sequence = paused.body["receipt"]["sequence"].as_u64().unwrap();

    let log = stand.log();
    let filter = vec![log.topology().gate(GateLeaf::Kill)];
    let mut reader = log.read(Stream::Gate, filter, Start::First).await.unwrap();
    let delivered = reader.next().await.unwrap();
    assert_eq!(delivered.sequence, sequence);
    let Content::Fact(envelope) = delivered.content else {
        panic!()
    };
    let kill = envelope.open::<wire::Kill>().unwrap();
    assert_eq!(
        (envelope.version, kill.paused, kill.reason.as_str()),
        (1, true, "runaway")
    );
    assert_eq!(envelope.audit.reason_code, "AGENT_PAUSED");

    assert_eq!(status(&stand, &id).await, "paused");
    let again = stand
        .dev(
            Method::POST,
            "/api/v1/agents",
            r#"{"agentId":"bot","tags":["x"]}"#,
        )
        .await;
    assert_eq!(again.body["data"]["status"], json!("paused"));
    let resumed = stand
        .dev(Method::PATCH, "/api/v1/agents/bot/resume", "")
        .await;
    assert_eq!(
        resumed.body["data"]["status"],
        json!("active"),
        "{resumed:?}"
    );
    assert_eq!(status(&stand, &id).await, "active");
    row_says(&stand, &id, false).await;
}

#[tokio::test]
async fn many_turns_at_once_leave_one_dense_history() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let turns = (0..6).map(|n| {
        let path = format!(
            "/api/v1/agents/{id}/{}",
            if n % 2 == 0 { "pause" } else { "resume" }
        );
        let stand = &stand;
        async move { stand.dev(Method::PATCH, &path, "").await.status }
    });
    let done = join_all(turns)
        .await
        .iter()
        .filter(|s| **s == StatusCode::OK)
        .count();
    assert!(done >= 1);
    let log = stand.log();
    let filter = vec![log.topology().gate(GateLeaf::Kill)];
    let mut reader = log.read(Stream::Gate, filter, Start::First).await.unwrap();
    for version in 1..=done as u64 {
        let Content::Fact(envelope) = reader.next().await.unwrap().content else {
            panic!()
        };
        assert_eq!(envelope.version, version);
    }
}

#[tokio::test]
async fn two_replicas_turn_one_switch_and_agree() {
    let stand = Stand::start().await;
    let mut other = stand.replica().await;
    let id = stand.agent("bot").await;
    let key = stand.key(0, Role::Developer);
    let pause = format!("/api/v1/agents/{id}/pause");
    let there = other.call(&key, Method::PATCH, &pause, "").await;
    assert_eq!(
        there.status,
        StatusCode::OK,
        "registered at the first a moment ago: {there:?}"
    );
    let resume = format!("/api/v1/agents/{id}/resume");
    let here = stand.dev(Method::PATCH, &resume, "").await;
    assert_eq!(here.status, StatusCode::OK, "{here:?}");
    let order = |answer: &crate::stand::Answer| answer.body["receipt"]["sequence"].as_u64();
    assert!(order(&here) > order(&there));
    let poll = format!("/api/v1/agents/{id}/status-poll");
    eventually(Duration::from_secs(5), "both say active", || async {
        let status = other.call(&key, Method::GET, &poll, "").await.body["data"]["status"].clone();
        if status == json!("active") {
            Ok(())
        } else {
            Err(status)
        }
    })
    .await;
    row_says(&stand, &id, false).await;
    other.stop().await;
}

#[tokio::test]
async fn an_agent_is_paused_while_postgres_is_down_and_its_row_follows() {
    let stand = Stand::breakable().await;
    let id = stand.agent("bot").await;
    kill_postgres(&stand).await;
    let pause = format!("/api/v1/agents/{id}/pause");
    let paused = stand
        .dev(Method::PATCH, &pause, r#"{"reason":"fire"}"#)
        .await;
    assert_eq!(paused.status, StatusCode::OK, "{paused:?}");
    assert!(paused.body["receipt"]["sequence"].as_u64().unwrap() > 0);
    assert_eq!(status(&stand, &id).await, "paused");
    stand.postgres.restart();
    row_says(&stand, &id, true).await;
}

#[tokio::test]
async fn a_pause_whose_row_was_never_written_is_known_after_a_restart() {
    let mut stand = Stand::breakable().await;
    let id = stand.agent("bot").await;
    kill_postgres(&stand).await;
    let pause = format!("/api/v1/agents/{id}/pause");
    assert_eq!(
        stand.dev(Method::PATCH, &pause, "").await.status,
        StatusCode::OK
    );
    stand.running.stop().await;
    stand.postgres.restart();
    stand.start_again().await;
    assert_eq!(status(&stand, &id).await, "paused");
    row_says(&stand, &id, true).await;
}

#[tokio::test]
async fn two_hundred_agents_of_one_key_poll_and_beat_without_meeting_a_limit() {
    const AGENTS: usize = 200;
    // Ten minutes of polls every 15 s and one heartbeat each, all at once.
    const POLLS: usize = 40;
    let stand = Stand::start().await;
    let key = stand.key(0, Role::Developer);
    let names: Vec<String> = (0..AGENTS).map(|n| format!("bot-{n}")).collect();
    let ids: Vec<String> = futures::stream::iter(&names)
        .map(|name| stand.agent(name))
        .buffered(8)
        .collect()
        .await;
    let calls = ids.iter().flat_map(|id| {
        let poll = (Method::GET, format!("/api/v1/agents/{id}/status-poll"), "");
        let beat = format!("/api/v1/agents/{id}/heartbeat");
        let beat = (Method::POST, beat, r#"{"lastPolicyCheckAt":null}"#);
        std::iter::repeat_n(poll, POLLS).chain([beat])
    });
    let refused: Vec<StatusCode> = futures::stream::iter(calls)
        .map(|(method, path, body)| {
            let (stand, key) = (&stand, &key);
            async move { stand.call(key, method, &path, body).await.status }
        })
        .buffer_unordered(32)
        .filter(|status| std::future::ready(*status != StatusCode::OK))
        .collect()
        .await;
    assert_eq!(refused, Vec::<StatusCode>::new());
}

#[tokio::test]
async fn heartbeats_and_polls_are_one_fact_on_a_stream_of_their_own() {
    let mut stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let path = format!("/api/v1/agents/{id}/heartbeat");
    for _ in 0..3 {
        assert_eq!(status(&stand, &id).await, "active");
        let beat = stand.dev(Method::POST, &path, "").await;
        assert_eq!(beat.status, StatusCode::OK, "{beat:?}");
    }
    // What is not stated yet is stated at the end.
    stand.running.stop().await;
    let log = stand.log();
    let read = log.read(Stream::Presence, Vec::new(), Start::First);
    let Content::Fact(envelope) = read.await.unwrap().next().await.unwrap().content else {
        panic!()
    };
    let heard = envelope.open::<wire::Presence>().unwrap();
    assert_eq!((heard.count, heard.external_id.as_str()), (6, "bot"));
    assert!(heard.first_at_us < heard.last_at_us);
    assert_eq!(envelope.kind.as_str(), "presence.heard.v1");
    assert_eq!(envelope.audit.target, format!("agent:{id}"));
}

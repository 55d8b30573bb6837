//! The SDK's control channel, byte by byte.

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use writ_access::Role;

use crate::stand::Stand;

const WITHIN: Duration = Duration::from_secs(5);
const QUIET: Duration = Duration::from_millis(300);

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens a socket as the SDK does; `open` is what the server says first.
    async fn open(stand: &Stand) -> (Self, Value) {
        let addr = stand.running.serve().await;
        let url = format!("ws://{addr}/socket.io/?transport=websocket&EIO=4&t=1.5");
        let stream = TcpStream::connect(addr).await.unwrap();
        let (socket, _) = client_async(url, stream).await.unwrap();
        let mut socket = Self(socket);
        let open = socket.next().await;
        let open = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        (socket, open)
    }

    /// Presents a key; the server's answer.
    async fn connect(stand: &Stand, key: &str) -> (Self, String) {
        let (mut socket, _) = Self::open(stand).await;
        socket
            .say(&format!("40/sdk,{}", json!({"apiKey": key})))
            .await;
        let answer = socket.next().await;
        (socket, answer)
    }

    async fn joined(stand: &Stand, key: &str) -> Self {
        let (socket, answer) = Self::connect(stand, key).await;
        assert!(answer.starts_with("40/sdk,{\"sid\":"), "{answer}");
        socket
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn next(&mut self) -> String {
        loop {
            let next = tokio::time::timeout(WITHIN, self.0.next()).await;
            let message = next.expect("the server says something").unwrap().unwrap();
            assert!(message.is_text(), "{message:?}");
            match message.to_text().unwrap() {
                "2" => self.say("3").await,
                text => return text.to_owned(),
            }
        }
    }

    async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(QUIET, self.next()).await.is_err()
    }
}

fn told(agent: &str, status: &str, reason: Value) -> Value {
    json!(["agent.status_updated", {"agentId": agent, "status": status, "reason": reason}])
}

async fn turn(stand: &Stand, agent: &str, verb: &str) {
    let path = format!("/api/v1/agents/{agent}/{verb}");
    let answer = stand.dev(Method::PATCH, &path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn the_handshake_has_what_the_sdk_needs_and_takes_less_than_its_second() {
    let stand = Stand::start().await;
    let (mut socket, open) = Socket::open(&stand).await;
    assert!(
        open["sid"].is_string() && open["upgrades"] == json!([]),
        "{open}"
    );
    assert!(
        open["pingInterval"].is_u64() && open["pingTimeout"].is_u64(),
        "{open}"
    );
    let started = Instant::now();
    let key = stand.key(0, Role::Developer);
    socket
        .say(&format!("40/sdk,{}", json!({"apiKey": key})))
        .await;
    assert!(socket.next().await.starts_with("40/sdk,{\"sid\":"));
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_key_that_does_not_hold_is_refused_in_words() {
    let stand = Stand::start().await;
    let wrong = "ag_0000000000000000000000000000000000000000";
    for auth in [
        json!({"apiKey": wrong}),
        json!({"apiKey": "x"}),
        json!({}),
        Value::Null,
    ] {
        let (mut socket, _) = Socket::open(&stand).await;
        let auth = if auth.is_null() {
            String::new()
        } else {
            auth.to_string()
        };
        socket.say(&format!("40/sdk,{auth}")).await;
        let answer = socket.next().await;
        assert!(answer.starts_with("44/sdk,{\"message\":"), "{answer}");
    }
}

#[tokio::test]
async fn an_event_reaches_the_organisation_under_the_agents_own_id_and_nobody_else() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let mut own = Socket::joined(&stand, &stand.key(0, Role::Developer)).await;
    let mut foreign = Socket::joined(&stand, &stand.key(1, Role::Owner)).await;
    let pause = format!("/api/v1/agents/{id}/pause");
    stand
        .dev(Method::PATCH, &pause, r#"{"reason":"fire"}"#)
        .await;
    let event = own.next().await;
    let event: Value = serde_json::from_str(event.strip_prefix("42/sdk,").unwrap()).unwrap();
    assert_eq!(event, told("bot", "paused", json!("fire")));
    // What changes no status is not told: `active` would resume the SDK's whole client.
    stand.agent("other").await;
    assert!(own.is_quiet().await);
    turn(&stand, &id, "resume").await;
    let event = own.next().await;
    let event: Value = serde_json::from_str(event.strip_prefix("42/sdk,").unwrap()).unwrap();
    assert_eq!(event, told("bot", "active", Value::Null));
    assert!(foreign.is_quiet().await, "nothing crosses organisations");
}

#[tokio::test]
async fn a_key_hears_of_the_environments_it_covers_and_of_nothing_once_revoked() {
    let stand = Stand::start().await;
    let body = json!({"name": "staging", "role": "developer", "environments": ["staging"]});
    let issued = stand
        .owner(Method::POST, "/api/v1/keys", &body.to_string())
        .await;
    let key = issued.body["data"]["key"]
        .as_str()
        .unwrap_or_else(|| panic!("{issued:?}"));
    let key_id = issued.body["data"]["id"].as_str().unwrap();
    let staging = r#"{"agentId":"bot","environment":"staging"}"#;
    let there = stand.dev(Method::POST, "/api/v1/agents", staging).await;
    let there = there.body["data"]["id"].as_str().unwrap();
    let production = stand.agent("bot").await;
    let mut socket = Socket::joined(&stand, key).await;
    turn(&stand, &production, "pause").await;
    turn(&stand, there, "pause").await;
    turn(&stand, there, "resume").await;
    assert!(socket.next().await.contains(r#""status":"paused""#));
    assert!(
        socket.next().await.contains(r#""status":"active""#),
        "one pause of two was heard"
    );

    let path = format!("/api/v1/keys/{key_id}");
    let revoked = stand.owner(Method::DELETE, &path, "").await;
    assert_eq!(revoked.status, StatusCode::OK, "{revoked:?}");
    let (_, refused) = writ_testkit::eventually(WITHIN, "the key is refused", || async {
        let (socket, answer) = Socket::connect(&stand, key).await;
        if answer.starts_with("44") {
            Ok((socket, answer))
        } else {
            Err(answer)
        }
    })
    .await;
    assert!(refused.contains("message"), "{refused}");
    turn(&stand, there, "pause").await;
    assert_eq!(
        socket.next().await,
        "41/sdk,",
        "it is shown out instead of told"
    );
}

#[tokio::test]
async fn polling_is_not_offered() {
    let stand = Stand::start().await;
    let answer = stand
        .running
        .call("", Method::GET, "/socket.io/?transport=polling&EIO=4", "")
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
}

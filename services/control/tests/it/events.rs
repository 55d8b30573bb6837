//! Server-sent events: everything first, then what changes.

use std::time::Duration;

use futures::StreamExt;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_access::Role;

use crate::stand::Stand;

struct Events {
    body: futures::stream::BoxStream<'static, String>,
    rest: String,
}

impl Events {
    async fn open(stand: &Stand, key: &str) -> Self {
        let request = http::Request::builder()
            .uri("/api/v1/events")
            .header("x-api-key", key)
            // Nothing is repeated for it.
            .header("last-event-id", "7")
            .body(axum::body::Body::empty())
            .unwrap();
        let response = stand.running.open(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let body = response.into_body().into_data_stream();
        let body = body.map(|bytes| String::from_utf8(bytes.unwrap().to_vec()).unwrap());
        Self {
            body: body.boxed(),
            rest: String::new(),
        }
    }

    async fn next(&mut self) -> (String, Value) {
        while !self.rest.contains("\n\n") {
            let more = tokio::time::timeout(Duration::from_secs(5), self.body.next()).await;
            self.rest.push_str(&more.expect("an event comes").unwrap());
        }
        let (event, rest) = self.rest.split_once("\n\n").unwrap();
        let field = |name: &str| {
            event
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap()
                .trim()
                .to_owned()
        };
        let event = (
            field("event:"),
            serde_json::from_str(&field("data:")).unwrap(),
        );
        self.rest = rest.to_owned();
        event
    }
}

#[tokio::test]
async fn a_stream_begins_with_everything_and_goes_on_with_what_changes() {
    let stand = Stand::start().await;
    let bot = stand.agent("bot").await;
    let mut own = Events::open(&stand, &stand.key(0, Role::Developer)).await;
    let mut foreign = Events::open(&stand, &stand.key(1, Role::Developer)).await;
    let (name, data) = own.next().await;
    assert_eq!(name, "snapshot");
    assert_eq!(data["agents"][0]["agentId"], "bot", "{data}");
    assert_eq!(data["pauses"], json!([]));
    assert_eq!(foreign.next().await.1, json!({"agents": [], "pauses": []}));

    let drill = r#"{"scope":"organization","reason":"drill"}"#;
    stand.owner(Method::POST, "/api/v1/pauses", drill).await;
    let (name, data) = own.next().await;
    assert_eq!(
        (name.as_str(), &data["status"]),
        ("pause.created", &json!("in_force"))
    );
    let pause = data["id"].as_str().unwrap().to_owned();
    let (name, data) = own.next().await;
    assert_eq!(
        (name.as_str(), &data["status"]),
        ("agent.status_updated", &json!("paused"))
    );
    assert_eq!(data["id"], json!(bot));
    let path = format!("/api/v1/pauses/{pause}");
    stand.owner(Method::DELETE, &path, "").await;
    assert_eq!(own.next().await.0, "pause.ended");
    assert_eq!(own.next().await.1["status"], "active");

    let key = stand.key(1, Role::Owner);
    let body = r#"{"agentId":"theirs"}"#;
    stand.call(&key, Method::POST, "/api/v1/agents", body).await;
    let (_, data) = foreign.next().await;
    assert_eq!(data["agentId"], "theirs", "nothing of ours came before");
}

#[tokio::test]
async fn a_stream_ends_with_its_key_and_shows_only_its_environments() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let body = r#"{"name":"watcher","role":"developer","environments":["staging"]}"#;
    let staging = stand.owner(Method::POST, "/api/v1/keys", body).await;
    let body = r#"{"name":"watcher","role":"developer"}"#;
    let everywhere = stand.owner(Method::POST, "/api/v1/keys", body).await;
    let text =
        |answer: &crate::stand::Answer| answer.body["data"]["key"].as_str().unwrap().to_owned();
    let mut narrow = Events::open(&stand, &text(&staging)).await;
    assert_eq!(narrow.next().await.1["agents"], json!([]));
    let mut events = Events::open(&stand, &text(&everywhere)).await;
    assert_eq!(events.next().await.1["agents"][0]["agentId"], "bot");

    let key = everywhere.body["data"]["id"].as_str().unwrap();
    let revoke = format!("/api/v1/keys/{key}");
    let revoked = stand.owner(Method::DELETE, &revoke, "").await;
    assert_eq!(revoked.status, StatusCode::OK, "{revoked:?}");
    let pause = format!("/api/v1/agents/{id}/pause");
    let ended = async {
        // A replica may hear of the key a moment later than the answer came.
        while events.body.next().await.is_some() {}
    };
    let pauses = async {
        loop {
            stand
                .dev(Method::PATCH, &pause, r#"{"reason":"drill"}"#)
                .await;
            let resume = format!("/api/v1/agents/{id}/resume");
            stand.dev(Method::PATCH, &resume, "").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(30), async {
        tokio::select! { () = ended => {}, () = pauses => {} }
    });
    within.await.expect("the stream ends");
}

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

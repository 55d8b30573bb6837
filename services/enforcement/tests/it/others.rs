//! Validators and models as other people run them: over real sockets, well and badly.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

/// What arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A server whose answer is named by the path, or by the name of the model.
pub(crate) struct Others {
    pub(crate) url: String,
    heard: Arc<Heard>,
}

struct Heard {
    seen: Mutex<Vec<Seen>>,
    both: Barrier,
}

impl Others {
    pub(crate) async fn start() -> Self {
        let heard = Arc::new(Heard {
            seen: Mutex::default(),
            both: Barrier::new(2),
        });
        let router = Router::new()
            .route("/v1/chat/completions", post(complete))
            .route("/{how}", post(judge))
            .with_state(heard.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        #[allow(clippy::disallowed_methods, reason = "the test's process ends with it")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, heard }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.heard.seen.lock().unwrap().clone()
    }

    /// Lets one who waits at `/both` go on, if anybody does.
    pub(crate) async fn release(&self) {
        tokio::time::timeout(Duration::from_secs(1), self.heard.both.wait())
            .await
            .ok();
    }

    /// A URL where nobody listens.
    pub(crate) async fn closed() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/allow", listener.local_addr().unwrap())
    }

    /// A URL where connections are taken and nothing is said.
    pub(crate) async fn silent() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        #[allow(clippy::disallowed_methods, reason = "the test's process ends with it")]
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                held.push(socket);
            }
        });
        url
    }
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Heard {
    fn note(&self, path: &str, headers: HeaderMap, body: Bytes) {
        let path = path.to_owned();
        let seen = Seen {
            path,
            headers,
            body,
        };
        self.seen.lock().unwrap().push(seen);
    }
}

const LONG: Duration = Duration::from_secs(30);

async fn judge(
    State(heard): State<Arc<Heard>>,
    Path(how): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    heard.note(&how, headers, body);
    let allow = r#"{"decision": "allow", "reason": "fine"}"#;
    match how.as_str() {
        "allow" => allow.into_response(),
        "deny" => r#"{"decision": "deny", "reason": "not\u001b[31m on my watch"}"#.into_response(),
        "approval" => r#"{"decision": "require_approval"}"#.into_response(),
        "both" => {
            heard.both.wait().await;
            allow.into_response()
        }
        "status" => (StatusCode::INTERNAL_SERVER_ERROR, allow).into_response(),
        "redirect" => Redirect::temporary("/allow").into_response(),
        "huge" => format!("{allow}{}", " ".repeat(100_000)).into_response(),
        "slow" => {
            tokio::time::sleep(LONG).await;
            allow.into_response()
        }
        _ => "allow".into_response(),
    }
}

async fn complete(State(heard): State<Arc<Heard>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let how = asked["model"].as_str().unwrap().to_owned();
    heard.note(&how, headers, body);
    let say = |content: &str| {
        let message = json!({"role": "assistant", "content": content});
        axum::Json(json!({"choices": [{"index": 0, "message": message}]})).into_response()
    };
    match how.as_str() {
        "against" => say(r#"{"violates": true, "confidence": 0.9, "reason": "it does"}"#),
        "unsure" => say(r#"{"violates": true, "confidence": 0.3, "reason": "perhaps"}"#),
        "fine" => say(r#"{"violates": false, "confidence": 1, "reason": "harmless"}"#),
        "status" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "redirect" => Redirect::temporary("/allow").into_response(),
        "huge" => say(&" ".repeat(100_000)),
        "slow" => {
            tokio::time::sleep(LONG).await;
            say("{}")
        }
        _ => say("I think that is fine."),
    }
}

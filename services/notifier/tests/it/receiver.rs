//! An endpoint somebody runs.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::net::TcpListener;
use writ_testkit::eventually;

use crate::stage::SOON;

/// Answers as told and remembers what it was sent.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    status: AtomicU16,
    calls: Mutex<Vec<Call>>,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    pub(crate) raw: String,
}

/// A status that is never sent: the receiver takes the request and stays silent.
pub(crate) const SILENCE: u16 = 0;

impl Receiver {
    pub(crate) async fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            status: AtomicU16::new(status),
            calls: Mutex::default(),
        });
        let app = Router::new().fallback(receive).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, inner }
    }

    pub(crate) fn answer(&self, status: u16) {
        self.inner.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.inner.calls.lock().unwrap().clone()
    }

    /// Waits for this many calls and returns them.
    pub(crate) async fn called(&self, count: usize) -> Vec<Call> {
        eventually(SOON, "the endpoint is called", || async {
            let calls = self.calls();
            if calls.len() >= count {
                Ok(calls)
            } else {
                Err(calls.len())
            }
        })
        .await
    }
}

impl Call {
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.raw).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

async fn receive(State(inner): State<Arc<Inner>>, request: Request) -> StatusCode {
    let (parts, body) = request.into_parts();
    let raw = body.collect().await.unwrap().to_bytes();
    let raw = String::from_utf8(raw.to_vec()).unwrap();
    inner.calls.lock().unwrap().push(Call {
        headers: parts.headers,
        raw,
    });
    let status = inner.status.load(Ordering::SeqCst);
    if status == SILENCE {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    StatusCode::from_u16(status).unwrap()
}

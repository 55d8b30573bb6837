//! A running replica, as clients call it.

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use writ_contract::ApprovalId;
use writ_service_kit::Tasks;
use writ_testkit::eventually;

use super::{Held, Key, SOON, World};

/// A running replica.
pub(crate) struct Replica {
    pub(crate) router: Router,
    pub(super) tasks: Tasks,
    pub(super) run: tokio::task::JoinHandle<()>,
}

impl Replica {
    pub(crate) async fn stop(self) {
        assert!(self.tasks.drain(SOON).await);
        self.run.await.unwrap();
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        key: Option<&Key>,
        body: impl Into<String>,
    ) -> (StatusCode, Value) {
        self.call_with(method, path, key, body, &[]).await
    }

    pub(crate) async fn call_with(
        &self,
        method: Method,
        path: &str,
        key: Option<&Key>,
        body: impl Into<String>,
        headers: &[(&str, &str)],
    ) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {}", key.text));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.into())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    pub(crate) async fn show(&self, id: ApprovalId, key: Option<&Key>) -> Value {
        let (status, body) = self
            .call(Method::GET, &format!("/approvals/{id}"), key, "")
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["data"].clone()
    }

    pub(crate) async fn status(&self, id: ApprovalId, key: &Key) -> String {
        let shown = self.show(id, Some(key)).await;
        shown["status"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn until(&self, id: ApprovalId, key: &Key, status: &str) {
        eventually(SOON, status, || async {
            let found = self.status(id, key).await;
            if found == status { Ok(()) } else { Err(found) }
        })
        .await;
    }

    pub(crate) async fn approve(&self, id: ApprovalId, key: &Key) -> (StatusCode, Value) {
        let path = format!("/approvals/{id}/approve");
        let body = json!({"reason": "fine by me"}).to_string();
        self.call(Method::POST, &path, Some(key), body).await
    }

    pub(crate) async fn deny(&self, id: ApprovalId, key: &Key) -> (StatusCode, Value) {
        let path = format!("/approvals/{id}/deny");
        let body = json!({"reason": "too dear"}).to_string();
        self.call(Method::POST, &path, Some(key), body).await
    }

    pub(crate) async fn verify(&self, id: ApprovalId, key: &Key, context: &str) -> Value {
        let path = format!("/approvals/{id}/verify");
        let body = format!(r#"{{"actionContext":{context}}}"#);
        let (status, body) = self.call(Method::POST, &path, Some(key), body).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["data"].clone()
    }

    pub(crate) async fn reason(&self, id: ApprovalId, key: &Key, context: &str) -> String {
        let answer = self.verify(id, key, context).await;
        assert_eq!(answer["valid"], false, "{answer}");
        answer["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Granted by an admin and sealed by the ledger.
    pub(crate) async fn granted(&self, world: &World, by: &Key, context: &str) -> Held {
        let held = world.request(by, context).await;
        let admin = world.key(world.org, "admin").await;
        let (status, body) = self.approve(held.approval, &admin).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let grant = world.stated_of("granted", held.approval).await;
        world.seal(&[grant.event_id]).await;
        self.until(held.approval, by, "approved").await;
        held
    }
}

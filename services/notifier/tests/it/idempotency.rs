//! A write that is sent again under its `Idempotency-Key` is carried out once.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Stage, org};

#[tokio::test]
async fn a_webhook_is_made_rotated_and_deleted_once_however_often_it_is_asked_for() {
    let stage = Stage::running().await;
    let key = stage.key(org(), "admin").await;
    let call = async |once: &str, method: Method, path: &str, body: Option<Value>| {
        let headers = [("idempotency-key", once)];
        stage.call_with(&headers, method, path, &key, body).await
    };
    let wish = json!({"url": "https://hooks.example.com/in", "events": ["agent.paused"]});
    let create = async || call("a", Method::POST, "/webhooks", Some(wish.clone())).await;
    let (first, again) = (create().await, create().await);
    assert_eq!((first.0, again.0), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(first.1["data"]["id"], again.1["data"]["id"]);
    assert!(first.1["data"]["secret"].is_string());
    assert_eq!(again.1["data"]["secret"], Value::Null, "shown once");
    let list = stage.get("/webhooks", &key).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);

    let path = format!("/webhooks/{}", first.1["data"]["id"].as_str().unwrap());
    let secret = format!("{path}/secret");
    let rotate = async || call("b", Method::POST, &secret, Some(json!({}))).await;
    let (first, again) = (rotate().await, rotate().await);
    assert_eq!((first.0, again.0), (StatusCode::OK, StatusCode::OK));
    let until = "formerSecretSignsUntil";
    assert_eq!(first.1["data"][until], again.1["data"][until]);
    assert_eq!(again.1["data"]["secret"], Value::Null, "shown once");
    let mut sql = stage.sql().await;
    let secrets: i64 = sqlx::query_scalar("select count(*) from notifier.secrets")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(secrets, 2);

    for (method, path, body) in [
        (
            Method::POST,
            "/webhooks",
            Some(json!({"url": "https://other.example.com/", "events": ["agent.paused"]})),
        ),
        (Method::POST, secret.as_str(), Some(json!({}))),
        (Method::DELETE, path.as_str(), None),
    ] {
        let (status, body) = call("a", method, path, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}");
        assert_eq!(body["error"]["code"], "IDEMPOTENCY_KEY_REUSED", "{path}");
        assert_eq!(body["error"]["ref"], "NOT0005", "{path}");
    }
    for _ in 0..2 {
        let (status, body) = call("c", Method::DELETE, &path, None).await;
        assert_eq!(
            (status, &body["data"]["deleted"]),
            (StatusCode::OK, &json!(true))
        );
    }
}

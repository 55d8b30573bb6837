//! `/api/v1/webhooks`.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Stage, org};

const URL: &str = "https://hooks.example.com/in";

#[tokio::test]
async fn a_webhook_is_made_listed_read_and_deleted() {
    let stage = Stage::running().await;
    let key = stage.key(org(), "admin").await;
    let (id, secret) = stage
        .webhook(&key, URL, &["agent.paused", "policy.violated"])
        .await;
    assert!(id.starts_with("whk_") && secret.starts_with("whsec_"));
    let one = stage.get(&format!("/webhooks/{id}"), &key).await;
    assert_eq!(one["data"]["url"], URL);
    assert_eq!(
        one["data"]["events"],
        json!(["policy.violated", "agent.paused"])
    );
    assert_eq!(one["data"]["isActive"], true);
    assert_eq!(one["data"]["secret"], Value::Null);
    let list = stage.get("/webhooks", &key).await;
    assert_eq!(list["data"], json!([one["data"]]));
    let path = format!("/webhooks/{id}");
    let (status, body) = stage.call(Method::DELETE, &path, &key, None).await;
    assert_eq!(
        (status, &body["data"]["deleted"]),
        (StatusCode::OK, &json!(true))
    );
    for method in [Method::GET, Method::DELETE] {
        let (status, _) = stage.call(method, &path, &key, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_secret_is_sealed_where_it_is_kept() {
    let stage = Stage::running().await;
    let key = stage.key(org(), "admin").await;
    let (_, secret) = stage.webhook(&key, URL, &["agent.paused"]).await;
    let mut sql = stage.sql().await;
    let sealed: Vec<u8> = sqlx::query_scalar("select sealed from notifier.secrets")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(sealed.len(), secret.len() + 16);
    assert!(
        !sealed
            .windows(8)
            .any(|window| secret.as_bytes().windows(8).any(|s| s == window))
    );
    let envelopes: Vec<Vec<u8>> = sqlx::query_scalar("select envelope from notifier.events")
        .fetch_all(&mut sql)
        .await
        .unwrap();
    for envelope in envelopes {
        let text = String::from_utf8_lossy(&envelope);
        assert!(
            !text.contains(&secret) && !text.contains("hooks.example.com"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_refused_in_words() {
    let stage = Stage::running().await;
    let key = stage.key(org(), "admin").await;
    let good = json!({"url": URL, "events": ["agent.paused"]});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (body, code) in [
        (with("url", json!("nonsense")), "INVALID_URL"),
        (with("url", json!("ftp://hooks.example.com")), "INVALID_URL"),
        (
            with("url", json!("https://user@hooks.example.com")),
            "INVALID_URL",
        ),
        (
            with("url", json!("http://169.254.169.254/latest")),
            "INVALID_URL",
        ),
        (with("events", json!([])), "INVALID_EVENT"),
        (with("events", json!(["agent.archived"])), "INVALID_EVENT"),
        (with("secret", json!("short")), "INVALID_SECRET"),
        (with("secret", json!("x".repeat(501))), "INVALID_REQUEST"),
        (with("evnts", json!([])), "INVALID_REQUEST"),
        (json!({"url": URL}), "INVALID_REQUEST"),
        (json!([]), "INVALID_REQUEST"),
    ] {
        let (status, answer) = stage
            .call(Method::POST, "/webhooks", &key, Some(body.clone()))
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer["error"]["code"], code, "{body}");
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
    }
    assert_eq!(stage.get("/webhooks", &key).await["data"], json!([]));
}

#[tokio::test]
async fn an_organisation_may_have_fifty() {
    let stage = Stage::running().await;
    let key = stage.key(org(), "admin").await;
    for _ in 0..50 {
        stage.webhook(&key, URL, &["agent.paused"]).await;
    }
    let body = json!({"url": URL, "events": ["agent.paused"]});
    let (status, answer) = stage
        .call(Method::POST, "/webhooks", &key, Some(body))
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(answer["error"]["code"], "TOO_MANY_WEBHOOKS");
    let first = stage.get("/webhooks?limit=30", &key).await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = stage
        .get(&format!("/webhooks?limit=30&cursor={cursor}"), &key)
        .await;
    assert_eq!(first["data"].as_array().unwrap().len(), 30);
    assert_eq!(second["data"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn every_route_needs_an_admin() {
    let stage = Stage::running().await;
    let org = org();
    let admin = stage.key(org, "admin").await;
    let (id, _) = stage.webhook(&admin, URL, &["agent.paused"]).await;
    let secret = format!("/webhooks/{id}/secret");
    let (one, deliveries) = (
        format!("/webhooks/{id}"),
        format!("/webhooks/{id}/deliveries"),
    );
    let routes = [
        (Method::POST, "/webhooks"),
        (Method::GET, "/webhooks"),
        (Method::GET, one.as_str()),
        (Method::GET, deliveries.as_str()),
        (Method::POST, secret.as_str()),
        (Method::DELETE, one.as_str()),
    ];
    for role in ["viewer", "developer"] {
        let key = stage.key(org, role).await;
        for (method, path) in &routes {
            let (status, body) = stage.call(method.clone(), path, &key, None).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{role} {method} {path}");
            assert_eq!(body["error"]["code"], "FORBIDDEN");
        }
    }
    for (method, path) in &routes {
        let (status, _) = stage.call(method.clone(), path, "ag_nonsense", None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}

#[tokio::test]
async fn a_tenant_neither_sees_nor_deletes_anothers_webhook() {
    let stage = Stage::running().await;
    let (mine, yours) = (
        stage.key(org(), "owner").await,
        stage.key(org(), "owner").await,
    );
    let (id, _) = stage.webhook(&mine, URL, &["agent.paused"]).await;
    for (method, path) in [
        (Method::GET, format!("/webhooks/{id}")),
        (Method::GET, format!("/webhooks/{id}/deliveries")),
        (Method::POST, format!("/webhooks/{id}/secret")),
        (Method::DELETE, format!("/webhooks/{id}")),
    ] {
        let body = (method == Method::POST).then(|| json!({}));
        let (status, _) = stage.call(method, &path, &yours, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(stage.get("/webhooks", &yours).await["data"], json!([]));
    assert_eq!(
        stage.get(&format!("/webhooks/{id}"), &mine).await["data"]["isActive"],
        true
    );
}

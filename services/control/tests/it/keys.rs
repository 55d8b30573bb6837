//! Keys and the health answer that checks them.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use sqlx::Row;
use writ_access::Role;
use writ_contract::{Envelope, wire};

use crate::stand::Stand;

const KEYS: &str = "/api/v1/keys";

#[tokio::test]
async fn health_is_open_and_checks_credentials_when_given() {
    let stand = Stand::start().await;
    let bare = Request::get("/health").body(Body::empty()).unwrap();
    assert_eq!(stand.running.send(bare).await.status, StatusCode::OK);
    let key = stand.key(0, Role::Developer);
    assert_eq!(
        stand.call(&key, Method::GET, "/health", "").await.status,
        StatusCode::OK
    );
    let mut wrong = key.clone();
    wrong.replace_range(key.len() - 1.., if key.ends_with('0') { "1" } else { "0" });
    for bad in [wrong.as_str(), "nonsense", ""] {
        let answer = stand.call(bad, Method::GET, "/health", "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{bad}");
        assert!(answer.body["error"]["code"].is_string());
    }
}

#[tokio::test]
async fn an_issued_key_works_at_once_and_a_revoked_one_no_more() {
    let stand = Stand::start().await;
    let issued = stand
        .owner(Method::POST, KEYS, r#"{"name":"ci","role":"viewer"}"#)
        .await;
    assert_eq!(issued.status, StatusCode::CREATED, "{issued:?}");
    let (id, key) = (
        issued.body["data"]["id"].clone(),
        issued.body["data"]["key"].clone(),
    );
    let key = key.as_str().unwrap();
    let agents = "/api/v1/agents";
    assert_eq!(
        stand.call(key, Method::GET, agents, "").await.status,
        StatusCode::OK
    );
    let forbidden = stand
        .call(key, Method::POST, agents, r#"{"agentId":"x"}"#)
        .await;
    assert_eq!(
        (forbidden.status, forbidden.code()),
        (StatusCode::FORBIDDEN, "FORBIDDEN")
    );
    let path = format!("{KEYS}/{}", id.as_str().unwrap());
    assert_eq!(
        stand.owner(Method::DELETE, &path, "").await.status,
        StatusCode::OK
    );
    writ_testkit::eventually(
        std::time::Duration::from_secs(2),
        "the key is refused",
        || async {
            let answer = stand.call(key, Method::GET, agents, "").await;
            if answer.status == StatusCode::UNAUTHORIZED {
                Ok(())
            } else {
                Err(answer)
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_key_is_shown_once_and_never_stored() {
    let stand = Stand::start().await;
    let issued = stand
        .owner(Method::POST, KEYS, r#"{"name":"ci","role":"admin"}"#)
        .await;
    let key = issued.body["data"]["key"].as_str().unwrap();
    let list = stand.owner(Method::GET, KEYS, "").await;
    assert_eq!(list.body["data"].as_array().unwrap().len(), 3);
    assert!(!list.body.to_string().contains(key));
    let pool = sqlx::PgPool::connect(&stand.db.superuser_url)
        .await
        .unwrap();
    let rows = sqlx::query("select row_to_json(keys)::text from control.keys")
        .fetch_all(&pool)
        .await
        .unwrap();
    let secret = &key[key.len() - 28..key.len() - 4];
    for row in rows {
        let text: String = row.get(0);
        assert!(!text.contains(secret));
        let stored: Value = serde_json::from_str(&text).unwrap();
        assert!(stored["secret_hash"].as_str().unwrap().starts_with("$2"));
    }
}

#[tokio::test]
async fn nobody_issues_a_key_above_its_own_role() {
    let stand = Stand::start().await;
    let admin = stand
        .owner(Method::POST, KEYS, r#"{"name":"a","role":"admin"}"#)
        .await;
    let admin = admin.body["data"]["key"].as_str().unwrap().to_owned();
    let above = stand
        .call(&admin, Method::POST, KEYS, r#"{"name":"o","role":"owner"}"#)
        .await;
    assert_eq!(
        (above.status, above.code()),
        (StatusCode::FORBIDDEN, "ROLE_TOO_HIGH")
    );
    let dev = stand
        .dev(Method::POST, KEYS, r#"{"name":"x","role":"viewer"}"#)
        .await;
    assert_eq!(dev.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_test_key_does_not_act_in_production() {
    let stand = Stand::start().await;
    let body = r#"{"name":"t","role":"developer","test":true}"#;
    let issued = stand.owner(Method::POST, KEYS, body).await;
    let key = issued.body["data"]["key"].as_str().unwrap();
    assert!(key.starts_with("ag_test_"));
    let production = stand
        .call(key, Method::POST, "/api/v1/agents", r#"{"agentId":"x"}"#)
        .await;
    assert_eq!(production.code(), "ENVIRONMENT_FORBIDDEN");
    let staging = r#"{"agentId":"x","environment":"staging"}"#;
    let staging = stand
        .call(key, Method::POST, "/api/v1/agents", staging)
        .await;
    assert_eq!(staging.status, StatusCode::CREATED);
    let id = stand.agent("prod").await;
    let pause = format!("/api/v1/agents/{id}/pause");
    assert_eq!(
        stand.call(key, Method::PATCH, &pause, "").await.code(),
        "ENVIRONMENT_FORBIDDEN"
    );
}

#[tokio::test]
async fn the_organisation_is_the_callers_own() {
    let stand = Stand::start().await;
    for (n, name) in [(0, "Acme"), (1, "Umbrella")] {
        let key = stand.key(n, Role::Owner);
        let answer = stand
            .call(&key, Method::GET, "/api/v1/organization", "")
            .await;
        assert_eq!(answer.body["data"]["name"], json!(name));
    }
    let path = "/api/v1/organization/settings";
    let changed = stand
        .owner(Method::PATCH, path, r#"{"onPlanLimit":"refuse"}"#)
        .await;
    assert_eq!(changed.body["data"]["version"], json!(2), "{changed:?}");
    let wrong = stand
        .owner(Method::PATCH, path, r#"{"onPlanLimit":"ignore"}"#)
        .await;
    assert!(wrong.message().starts_with("onPlanLimit"), "{wrong:?}");
    assert_eq!(
        stand.dev(Method::PATCH, path, "{}").await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_leaked_key_is_revoked_and_the_record_says_why() {
    let stand = Stand::start().await;
    let issued = stand
        .owner(Method::POST, KEYS, r#"{"name":"ci","role":"viewer"}"#)
        .await;
    let id = issued.body["data"]["id"].as_str().unwrap().to_owned();
    let path = format!("{KEYS}/{id}");
    let revoked = stand.owner(Method::DELETE, &path, "").await;
    assert_eq!(revoked.body["data"]["leaked"], false, "{revoked:?}");
    let at = revoked.body["data"]["revokedAt"].clone();
    let leaked = format!("{path}?leaked=true");
    for _ in 0..2 {
        let revoked = stand.owner(Method::DELETE, &leaked, "").await;
        let data = &revoked.body["data"];
        assert_eq!((&data["leaked"], &data["revokedAt"]), (&json!(true), &at));
    }
    let facts = facts(&stand, &id).await;
    let reasons: Vec<&str> = facts
        .iter()
        .map(|fact| fact.audit.reason_code.as_str())
        .collect();
    assert_eq!(reasons, ["", "", "KEY_LEAKED"]);
}

#[tokio::test]
async fn a_key_is_changed_by_whoever_may_issue_it_and_the_record_says_so() {
    let stand = Stand::start().await;
    let issued = stand
        .owner(Method::POST, KEYS, r#"{"name":"ci","role":"admin"}"#)
        .await;
    let id = issued.body["data"]["id"].as_str().unwrap().to_owned();
    let path = format!("{KEYS}/{id}");
    let seen = stand.owner(Method::GET, &path, "").await;
    let data = &seen.body["data"];
    assert_eq!(data["signatureRequired"], false, "{seen:?}");
    assert_eq!((&data["version"], &data["key"]), (&json!(1), &Value::Null));

    let body = r#"{"signatureRequired":true,"cidrs":["10.0.0.0/8"]}"#;
    let changed = stand.owner(Method::PATCH, &path, body).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let again = stand.owner(Method::PATCH, &path, body).await;
    let read = stand.owner(Method::GET, &path, "").await;
    for answer in [&changed, &again, &read] {
        let data = &answer.body["data"];
        assert_eq!((&data["name"], &data["version"]), (&json!("ci"), &json!(2)));
        assert_eq!(data["signatureRequired"], true);
        assert_eq!(data["cidrs"], json!(["10.0.0.0/8"]));
    }
    let facts = facts(&stand, &id).await;
    let actions: Vec<&str> = facts.iter().map(|it| it.audit.action.as_str()).collect();
    assert_eq!(actions, ["key.issue", "key.update"]);
    let fact = facts[1].open::<wire::ApiKey>().unwrap();
    assert!(fact.signature_required && fact.cidrs == ["10.0.0.0/8"]);
}

#[tokio::test]
async fn a_key_is_not_changed_by_a_lesser_one_nor_from_elsewhere_nor_after_its_end() {
    let stand = Stand::start().await;
    let issue = |role: &str| format!(r#"{{"name":"a","role":"{role}"}}"#);
    let owner = stand.owner(Method::POST, KEYS, &issue("owner")).await;
    let admin = stand.owner(Method::POST, KEYS, &issue("admin")).await;
    let admin = admin.body["data"]["key"].as_str().unwrap().to_owned();
    let id = owner.body["data"]["id"].as_str().unwrap().to_owned();
    let path = format!("{KEYS}/{id}");
    let body = r#"{"signatureRequired":true}"#;
    let above = stand.call(&admin, Method::PATCH, &path, body).await;
    assert_eq!(above.code(), "ROLE_TOO_HIGH", "{above:?}");
    let dev = stand.dev(Method::PATCH, &path, body).await;
    assert_eq!(dev.status, StatusCode::FORBIDDEN);
    let other = stand.key(1, Role::Owner);
    for (method, body) in [(Method::PATCH, body), (Method::GET, "")] {
        let foreign = stand.call(&other, method, &path, body).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{foreign:?}");
    }
    for wrong in [
        r#"{"cidrs":["home"]}"#,
        r#"{"name":""}"#,
        r#"{"role":"owner"}"#,
    ] {
        let refused = stand.owner(Method::PATCH, &path, wrong).await;
        assert!(refused.status.is_client_error(), "{wrong}: {refused:?}");
    }
    let ended = stand.owner(Method::DELETE, &path, "").await;
    assert_eq!(ended.status, StatusCode::OK, "{ended:?}");
    let late = stand.owner(Method::PATCH, &path, body).await;
    assert!(late.message().contains("revoked"), "{late:?}");
    assert_eq!(facts(&stand, &id).await.len(), 2);
}

/// What was stated of a key, in order.
async fn facts(stand: &Stand, id: &str) -> Vec<Envelope> {
    let pool = sqlx::PgPool::connect(&stand.db.superuser_url)
        .await
        .unwrap();
    let facts: Vec<Vec<u8>> = sqlx::query_scalar(
        "select envelope from control.events where aggregate_id = $1 order by version",
    )
    .bind(id)
    .fetch_all(&pool)
    .await
    .unwrap();
    facts
        .iter()
        .map(|bytes| Envelope::decode(bytes).unwrap())
        .collect()
}

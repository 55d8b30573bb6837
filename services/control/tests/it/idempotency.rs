//! A write that is sent again under its `Idempotency-Key` is carried out once.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_access::Role;

use crate::stand::{Answer, Stand};

const POLICIES: &str = "/api/v1/policies";
const POLICY: &str = r#"{"name":"No shell","policyType":"tool_invocation",
    "enforcementMode":"block","ruleDefinition":{"denied_tools":["shell"]}}"#;

/// What a resource is, without the state that others may have changed since.
fn id(answer: &Answer) -> &Value {
    &answer.body["data"]["id"]
}

#[tokio::test]
async fn a_create_makes_one_policy_however_often_it_comes() {
    let stand = Stand::start().await;
    let owner = stand.key(0, Role::Owner);
    let create = async |key: &str, once: &str| {
        let with = (key, once, "");
        stand
            .running
            .once(with, Method::POST, POLICIES, POLICY)
            .await
    };
    let (first, again) = futures::join!(create(&owner, "a"), create(&owner, "a"));
    assert!(id(&first).is_string(), "{first:?}");
    assert_eq!(id(&first), id(&again), "{first:?} {again:?}");
    let statuses = [first.status, again.status];
    assert!(statuses.contains(&StatusCode::CREATED) && statuses.contains(&StatusCode::OK));
    assert_ne!(id(&create(&owner, "b").await), id(&first));
    let stranger = create(&stand.key(1, Role::Owner), "a").await;
    assert_eq!(stranger.status, StatusCode::CREATED);
    assert_eq!(
        create(&owner, &"x".repeat(256)).await.status,
        StatusCode::BAD_REQUEST
    );
}

/// One request for each write.
fn writes(policy: &str, key: &str, agent: &str) -> Vec<(Method, String, String)> {
    let any = POLICY.replace("No", "Any");
    let agent = format!("/api/v1/agents/{agent}");
    let writes = [
        (Method::POST, POLICIES, any.as_str()),
        (Method::PATCH, policy, r#"{"isActive":false}"#),
        (Method::DELETE, policy, ""),
        (
            Method::POST,
            "/api/v1/keys",
            r#"{"name":"x","role":"viewer"}"#,
        ),
        (Method::DELETE, key, ""),
        (Method::POST, "/api/v1/agents", r#"{"agentId":"new"}"#),
        (
            Method::POST,
            "/api/v1/validators",
            r#"{"name":"v","url":"https://validators.example.com/v"}"#,
        ),
        (Method::PATCH, &agent, r#"{"name":"B"}"#),
        (
            Method::PATCH,
            "/api/v1/organization/settings",
            r#"{"name":"B"}"#,
        ),
    ];
    writes
        .map(|(method, path, body)| (method, path.to_owned(), body.to_owned()))
        .into()
}

#[tokio::test]
async fn a_key_under_which_something_else_is_asked_is_refused_on_every_write() {
    let stand = Stand::start().await;
    let owner = stand.key(0, Role::Owner);
    let agent = stand.agent("bot").await;
    let call = async |once: &str, method: Method, path: &str, body: &str| {
        stand
            .running
            .once((&owner, once, ""), method, path, body)
            .await
    };
    let made = call("first", Method::POST, POLICIES, POLICY).await;
    let policy = format!("{POLICIES}/{}", id(&made).as_str().unwrap());
    let issued = call(
        "k",
        Method::POST,
        "/api/v1/keys",
        r#"{"name":"k","role":"viewer"}"#,
    )
    .await;
    let key = format!("/api/v1/keys/{}", id(&issued).as_str().unwrap());
    for (method, path, body) in writes(&policy, &key, &agent) {
        let refused = call("first", method, &path, &body).await;
        let told = (refused.status, refused.code());
        assert_eq!(
            told,
            (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED")
        );
    }
    let policies = stand.owner(Method::GET, POLICIES, "").await;
    assert_eq!(policies.body["data"].as_array().unwrap().len(), 1);
    assert_eq!(policies.body["data"][0]["version"], json!(1));
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_answered_and_not_made_again() {
    let stand = Stand::start().await;
    let owner = stand.key(0, Role::Owner);
    let agent = stand.agent("bot").await;
    let made = stand.owner(Method::POST, POLICIES, POLICY).await;
    let policy = format!("{POLICIES}/{}", id(&made).as_str().unwrap());
    let settings = "/api/v1/organization/settings".to_owned();
    for (path, body) in [
        (&policy, r#"{"isActive":false}"#),
        (&format!("/api/v1/agents/{agent}"), r#"{"name":"B"}"#),
        (&settings, r#"{"name":"B"}"#),
    ] {
        let with = (owner.as_str(), path.as_str(), "\"1\"");
        for round in 0..2 {
            let answer = stand.running.once(with, Method::PATCH, path, body).await;
            assert_eq!(answer.status, StatusCode::OK, "{round} {path} {answer:?}");
            assert_eq!(answer.body["data"]["version"], json!(2), "{round} {path}");
        }
    }
    for round in 0..2 {
        let with = (owner.as_str(), "gone", "\"2\"");
        let answer = stand.running.once(with, Method::DELETE, &policy, "").await;
        assert_eq!(answer.status, StatusCode::OK, "{round} {answer:?}");
        assert_eq!(answer.body["data"]["deleted"], json!(true), "{round}");
    }
    let late = stand.owner(Method::DELETE, &policy, "").await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_is_issued_once_and_its_text_is_shown_once() {
    let stand = Stand::start().await;
    let owner = stand.key(0, Role::Owner);
    let body = r#"{"name":"ci","role":"viewer"}"#;
    let issue = async || {
        let with = (owner.as_str(), "ci", "");
        let path = "/api/v1/keys";
        stand.running.once(with, Method::POST, path, body).await
    };
    let (first, again) = (issue().await, issue().await);
    assert_eq!(
        (first.status, again.status),
        (StatusCode::CREATED, StatusCode::OK)
    );
    assert_eq!(id(&first), id(&again));
    assert!(first.body["data"]["key"].is_string());
    assert_eq!(again.body["data"]["key"], Value::Null);
}

#[tokio::test]
async fn a_refused_write_leaves_its_key_free() {
    let stand = Stand::start().await;
    let owner = stand.key(0, Role::Owner);
    let with = (owner.as_str(), "a", "\"9\"");
    let settings = "/api/v1/organization/settings";
    let stale = stand
        .running
        .once(with, Method::PATCH, settings, "{}")
        .await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let with = (owner.as_str(), "a", "");
    let made = stand
        .running
        .once(with, Method::POST, POLICIES, POLICY)
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
}

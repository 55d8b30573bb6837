//! Grants: who may give them, what is said of them, and when they end.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_access::Role;
use writ_contract::{Stream, wire};
use writ_eventlog::{Content, Start};

use crate::stand::{Answer, Stand};

fn path(agent: &str) -> String {
    format!("/api/v1/agents/{agent}/grants")
}

async fn give(stand: &Stand, agent: &str, body: &Value) -> Answer {
    stand
        .dev(Method::POST, &path(agent), &body.to_string())
        .await
}

/// The last facts of all grants.
async fn facts(stand: &Stand) -> Vec<(u64, wire::Grant)> {
    let log = stand.log();
    let filters = vec![log.topology().facts::<wire::Grant>()];
    let reading = log.read(Stream::Control, filters, Start::LastPerSubject);
    let mut reader = reading.await.unwrap();
    let mut all = Vec::new();
    for _ in 0..reader.behind() {
        let Content::Fact(envelope) = reader.next().await.unwrap().content else {
            panic!("a fact")
        };
        all.push((envelope.version, envelope.open::<wire::Grant>().unwrap()));
    }
    all
}

#[tokio::test]
async fn a_grant_names_its_agents_by_either_id_and_is_stated() {
    let stand = Stand::start().await;
    let (a, b) = (stand.agent("a").await, stand.agent("b").await);
    let body = json!({"targetAgentId": b, "allowedActions": ["invoke", "read"]});
    let given = give(&stand, &a, &body).await;
    assert_eq!(given.status, StatusCode::CREATED, "{given:?}");
    let data = &given.body["data"];
    assert_eq!(
        (&data["agentId"], &data["targetAgentId"]),
        (&json!(a), &json!(b))
    );
    let body = json!({"targetAgentId": "b", "allowedActions": ["query"],
        "expiresAt": "2099-01-01T00:00:00Z"});
    let named = give(&stand, "a", &body).await;
    assert_eq!(named.status, StatusCode::CREATED, "{named:?}");
    let listed = stand.dev(Method::GET, &path("a"), "").await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 2);
    let other = stand.dev(Method::GET, &path("b"), "").await;
    assert_eq!(other.body["data"], json!([]), "b may ask nobody");
    let (version, fact) = facts(&stand).await.remove(0);
    assert_eq!((version, fact.revoked), (1, false));
    assert_eq!(fact.allowed_actions, ["invoke", "read"]);
}

#[tokio::test]
async fn a_revoked_grant_is_stated_and_no_longer_listed() {
    let stand = Stand::start().await;
    let (a, b) = (stand.agent("a").await, stand.agent("b").await);
    let body = json!({"targetAgentId": b, "allowedActions": ["read"]});
    let given = give(&stand, &a, &body).await;
    let id = given.body["data"]["id"].as_str().unwrap();
    let one = format!("{}/{id}", path(&a));
    for _ in 0..2 {
        let revoked = stand.dev(Method::DELETE, &one, "").await;
        assert_eq!(revoked.status, StatusCode::OK, "{revoked:?}");
        assert!(!revoked.body["data"]["revokedAt"].is_null());
    }
    let (version, fact) = facts(&stand).await.remove(0);
    assert_eq!((version, fact.revoked), (2, true));
    let listed = stand.dev(Method::GET, &path(&a), "").await;
    assert_eq!(listed.body["data"], json!([]));
    let wrong_way = format!("{}/{id}", path(&b));
    let unknown = stand.dev(Method::DELETE, &wrong_way, "").await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (StatusCode::NOT_FOUND, "GRANT_NOT_FOUND")
    );
}

#[tokio::test]
async fn grants_end_when_either_agent_is_archived() {
    let stand = Stand::start().await;
    let (a, b) = (stand.agent("a").await, stand.agent("b").await);
    let c = stand.agent("c").await;
    for (from, to) in [(&a, &b), (&b, &c), (&a, &c)] {
        let body = json!({"targetAgentId": to, "allowedActions": ["read"]});
        assert_eq!(give(&stand, from, &body).await.status, StatusCode::CREATED);
    }
    let archive = format!("/api/v1/agents/{b}");
    let archived = stand
        .owner(Method::PATCH, &archive, r#"{"archived":true}"#)
        .await;
    assert_eq!(archived.status, StatusCode::OK, "{archived:?}");
    let left: Vec<bool> = facts(&stand).await.iter().map(|(_, f)| f.revoked).collect();
    assert_eq!(left.iter().filter(|revoked| **revoked).count(), 2);
    let body = json!({"targetAgentId": b, "allowedActions": ["read"]});
    let late = give(&stand, &a, &body).await;
    assert_eq!(late.status, StatusCode::BAD_REQUEST, "{late:?}");
}

#[tokio::test]
async fn only_an_owner_of_the_agent_that_is_asked_or_an_admin_decides() {
    let stand = Stand::start().await;
    let a = stand.agent("a").await;
    let body = r#"{"agentId":"theirs"}"#;
    let theirs = stand.owner(Method::POST, "/api/v1/agents", body).await;
    let theirs = theirs.body["data"]["id"].as_str().unwrap().to_owned();
    let body = json!({"targetAgentId": theirs, "allowedActions": ["read"]});
    let refused = give(&stand, &a, &body).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::FORBIDDEN, "NOT_OWNED")
    );
    let text = body.to_string();
    let admin = stand.owner(Method::POST, &path(&a), &text).await;
    assert_eq!(admin.status, StatusCode::CREATED);
    let body = json!({"targetAgentId": a, "allowedActions": ["read"]});
    let own = give(&stand, &theirs, &body).await;
    assert_eq!(own.status, StatusCode::CREATED, "{own:?}");
}

#[tokio::test]
async fn another_organisation_sees_nothing_and_typos_are_named() {
    let stand = Stand::start().await;
    let (a, b) = (stand.agent("a").await, stand.agent("b").await);
    let body = json!({"targetAgentId": b, "allowedActions": ["read"]}).to_string();
    let other = stand.key(1, Role::Owner);
    for (method, body) in [(Method::POST, body.as_str()), (Method::GET, "")] {
        let answer = stand.call(&other, method, &path(&a), body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    let typo = json!({"targetAgentId": b, "allowedActions": ["read"], "expires": 1});
    let refused = give(&stand, &a, &typo).await;
    assert!(refused.message().contains("expires"), "{refused:?}");
    let wrong = json!({"targetAgentId": b, "allowedActions": ["fly"]});
    let refused = give(&stand, &a, &wrong).await;
    assert!(
        refused.message().starts_with("allowedActions"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_grant_sent_again_under_its_key_is_given_once() {
    let stand = Stand::start().await;
    let (a, b) = (stand.agent("a").await, stand.agent("b").await);
    let body = json!({"targetAgentId": b, "allowedActions": ["read"]}).to_string();
    let key = stand.key(0, Role::Developer);
    let path = path(&a);
    let send = || {
        let who = (key.as_str(), "once", "");
        stand.running.once(who, Method::POST, &path, &body)
    };
    let (first, again) = (send().await, send().await);
    assert_eq!(
        (first.status, again.status),
        (StatusCode::CREATED, StatusCode::OK)
    );
    assert_eq!(first.body["data"]["id"], again.body["data"]["id"]);
    assert_eq!(facts(&stand).await.len(), 1);
}

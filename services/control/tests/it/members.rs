//! Members: who comes, what they may do, and how they leave.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_access::Role;
use writ_testkit::eventually;

use crate::stand::{Answer, Stand};

const MEMBERS: &str = "/api/v1/members";
const KEYS: &str = "/api/v1/keys";
const AGENTS: &str = "/api/v1/agents";

async fn add(stand: &Stand, body: Value) -> Answer {
    stand.owner(Method::POST, MEMBERS, &body.to_string()).await
}

/// A member of this role and a key of the same.
async fn joined(stand: &Stand, name: &str, role: &str) -> (String, String) {
    let added = add(stand, json!({"name": name, "role": role})).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    let id = added.body["data"]["id"].as_str().unwrap().to_owned();
    let body = json!({"name": name, "role": role, "person": id}).to_string();
    let issued = stand.owner(Method::POST, KEYS, &body).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{issued:?}");
    (id, issued.body["data"]["key"].as_str().unwrap().to_owned())
}

async fn until(stand: &Stand, key: &str, method: Method, path: &str, status: StatusCode) {
    eventually(Duration::from_secs(5), "the change is known", || async {
        let answer = stand.call(key, method.clone(), path, "{}").await;
        if answer.status == status {
            Ok(())
        } else {
            Err(answer)
        }
    })
    .await;
}

#[tokio::test]
async fn a_member_is_added_changed_and_listed_and_its_name_is_in_no_fact() {
    let stand = Stand::start().await;
    let body = json!({"name": "Ada Lovelace", "email": "ada@example.com", "role": "developer"});
    let added = add(&stand, body.clone()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    assert_eq!(added.headers["etag"], "\"1\"");
    let path = format!("{MEMBERS}/{}", added.body["data"]["id"].as_str().unwrap());
    let twice = add(
        &stand,
        json!({"name": "A", "email": "ADA@example.com", "role": "viewer"}),
    )
    .await;
    assert_eq!(
        (twice.status, twice.code()),
        (StatusCode::CONFLICT, "MEMBER_EXISTS")
    );

    let changed = json!({"role": "admin", "approver": true}).to_string();
    let changed = stand.owner(Method::PATCH, &path, &changed).await;
    assert_eq!(changed.body["data"]["role"], "admin", "{changed:?}");
    assert_eq!(changed.body["data"]["name"], "Ada Lovelace");
    let unknown = stand.owner(Method::PATCH, &path, r#"{"rank": 1}"#).await;
    assert!(unknown.message().contains("rank"), "{unknown:?}");
    let list = stand.owner(Method::GET, MEMBERS, "").await;
    assert_eq!(list.body["data"].as_array().unwrap().len(), 3, "{list:?}");
    let me = stand.dev(Method::GET, "/api/v1/members/me", "").await;
    assert_eq!(me.body["data"]["role"], "developer", "{me:?}");
    assert_eq!(
        stand.dev(Method::GET, &path, "").await.status,
        StatusCode::FORBIDDEN
    );
    let foreign = stand.key(1, Role::Owner);
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let answer = stand.call(&foreign, method, &path, "{}").await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::NOT_FOUND, "MEMBER_NOT_FOUND")
        );
    }

    let pool = sqlx::PgPool::connect(&stand.db.superuser_url)
        .await
        .unwrap();
    let told: Vec<Vec<u8>> = sqlx::query_scalar("select envelope from control.events")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert!(!told.is_empty());
    for fact in told {
        let text = String::from_utf8_lossy(&fact).into_owned();
        assert!(
            !text.contains("Lovelace") && !text.contains("ada@"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_demoted_member_and_a_removed_one_cannot_go_on_with_their_keys() {
    let stand = Stand::start().await;
    let (id, key) = joined(&stand, "Ada", "admin").await;
    let path = format!("{MEMBERS}/{id}");
    assert_eq!(
        stand.call(&key, Method::GET, KEYS, "").await.status,
        StatusCode::OK
    );

    stand
        .owner(Method::PATCH, &path, r#"{"role":"viewer"}"#)
        .await;
    until(&stand, &key, Method::GET, KEYS, StatusCode::FORBIDDEN).await;
    assert_eq!(
        stand.call(&key, Method::GET, AGENTS, "").await.status,
        StatusCode::OK
    );
    let above = json!({"name": "again", "role": "admin", "person": id}).to_string();
    let above = stand.owner(Method::POST, KEYS, &above).await;
    assert!(above.message().starts_with("role: above"), "{above:?}");

    let removed = stand.owner(Method::DELETE, &path, "").await;
    assert!(removed.body["data"]["removedAt"].is_string(), "{removed:?}");
    until(&stand, &key, Method::GET, AGENTS, StatusCode::UNAUTHORIZED).await;
    let keys = stand.owner(Method::GET, KEYS, "").await;
    let keys = keys.body["data"].as_array().unwrap().clone();
    let of = keys.iter().filter(|key| key["person"] == json!(id));
    assert!(of.clone().count() == 1 && of.clone().all(|key| key["revokedAt"].is_string()));
    let late = json!({"name": "late", "role": "viewer", "person": id}).to_string();
    let late = stand.owner(Method::POST, KEYS, &late).await;
    assert_eq!(late.code(), "INVALID_REQUEST", "{late:?}");
    assert_eq!(
        stand.owner(Method::GET, &path, "").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_last_owner_stays_and_nobody_touches_a_role_above_their_own() {
    let stand = Stand::start().await;
    let me = stand.owner(Method::GET, "/api/v1/members/me", "").await;
    let me = format!("{MEMBERS}/{}", me.body["data"]["id"].as_str().unwrap());
    let demoted = stand.owner(Method::PATCH, &me, r#"{"role":"admin"}"#).await;
    assert_eq!(
        (demoted.status, demoted.code()),
        (StatusCode::CONFLICT, "LAST_OWNER")
    );
    assert_eq!(
        stand.owner(Method::DELETE, &me, "").await.code(),
        "LAST_OWNER"
    );

    let (_, admin) = joined(&stand, "Grace", "admin").await;
    let body = r#"{"name":"x","role":"owner"}"#;
    let above = stand.call(&admin, Method::POST, MEMBERS, body).await;
    assert_eq!(
        (above.status, above.code()),
        (StatusCode::FORBIDDEN, "ROLE_TOO_HIGH")
    );
    for (method, body) in [(Method::DELETE, ""), (Method::PATCH, r#"{"name":"y"}"#)] {
        let above = stand.call(&admin, method, &me, body).await;
        assert_eq!(above.code(), "ROLE_TOO_HIGH", "{above:?}");
    }

    joined(&stand, "Edsger", "owner").await;
    let demoted = stand.owner(Method::PATCH, &me, r#"{"role":"admin"}"#).await;
    assert_eq!(demoted.status, StatusCode::OK, "{demoted:?}");
}

#[tokio::test]
async fn two_owners_cannot_demote_each_other() {
    let stand = Stand::start().await;
    let me = stand.owner(Method::GET, "/api/v1/members/me", "").await;
    let me = format!("{MEMBERS}/{}", me.body["data"]["id"].as_str().unwrap());
    let (other, other_key) = joined(&stand, "Edsger", "owner").await;
    let other = format!("{MEMBERS}/{other}");
    let body = r#"{"role":"viewer"}"#;
    let (one, two) = tokio::join!(
        stand.owner(Method::PATCH, &other, body),
        stand.call(&other_key, Method::PATCH, &me, body),
    );
    let mut answers = [one.status, two.status];
    answers.sort();
    assert_eq!(answers[0], StatusCode::OK);
    assert!(answers[1].is_client_error(), "{answers:?}");
}

#[tokio::test]
async fn the_plan_says_how_many_members_there_may_be() {
    let stand = Stand::start().await;
    let path = "/api/v1/organization/settings";
    stand.owner(Method::PATCH, path, r#"{"maxUsers":2}"#).await;
    let refused = add(&stand, json!({"name": "third", "role": "viewer"})).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{refused:?}");
    assert_eq!(refused.body["error"]["resource"], "maxUsers");
    let body = r#"{"name":"k","role":"viewer","personName":"third"}"#;
    let refused = stand.owner(Method::POST, KEYS, body).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{refused:?}");
    let me = stand.dev(Method::GET, "/api/v1/members/me", "").await;
    let me = format!("{MEMBERS}/{}", me.body["data"]["id"].as_str().unwrap());
    stand.owner(Method::DELETE, &me, "").await;
    let added = add(&stand, json!({"name": "third", "role": "viewer"})).await;
    assert_eq!(
        added.status,
        StatusCode::CREATED,
        "who left takes no room: {added:?}"
    );
}

#[tokio::test]
async fn an_agent_is_also_its_addresss_and_its_teams_and_nobody_takes_one() {
    let stand = Stand::start().await;
    let (id, ada) = joined(&stand, "Ada", "developer").await;
    let path = format!("{MEMBERS}/{id}");
    let known = r#"{"email":"ada@example.com","teams":["payments"]}"#;
    stand.owner(Method::PATCH, &path, known).await;
    let policy = |agent: &str| {
        json!({"name": "p", "policyType": "injection_scan", "enforcementMode": "monitor",
            "ruleDefinition": {}, "appliesToAgents": [agent]})
        .to_string()
    };
    let write = async |agent: &str| {
        stand
            .call(&ada, Method::POST, "/api/v1/policies", &policy(agent))
            .await
    };
    let bot = stand.agent("bot").await;
    assert_eq!(write(&bot).await.code(), "NOT_OWNED");
    let taken = r#"{"ownerEmail":"ada@example.com"}"#;
    let bot_path = format!("{AGENTS}/{bot}");
    let taken = stand.call(&ada, Method::PATCH, &bot_path, taken).await;
    assert_eq!(
        (taken.status, taken.code()),
        (StatusCode::FORBIDDEN, "NOT_OWNED")
    );
    let taken = r#"{"agentId":"bot","ownerEmail":"ada@example.com"}"#;
    let taken = stand.call(&ada, Method::POST, AGENTS, taken).await;
    assert_eq!(taken.body["data"]["ownerEmail"], Value::Null, "{taken:?}");

    let given = r#"{"agentId":"given","ownerEmail":"Ada@Example.com"}"#;
    let given = stand.dev(Method::POST, AGENTS, given).await;
    let given = given.body["data"]["id"].as_str().unwrap().to_owned();
    let written = write(&given).await;
    assert_eq!(written.status, StatusCode::CREATED, "{written:?}");

    let me = stand.dev(Method::GET, "/api/v1/members/me", "").await;
    let over = json!({"owners": [me.body["data"]["id"]], "teams": ["payments"]}).to_string();
    let over = stand
        .dev(Method::POST, &format!("{bot_path}/transfer"), &over)
        .await;
    assert_eq!(over.body["data"]["teams"], json!(["payments"]), "{over:?}");
    let written = write(&bot).await;
    assert_eq!(written.status, StatusCode::CREATED, "{written:?}");
    stand.owner(Method::PATCH, &path, r#"{"teams":[]}"#).await;
    assert_eq!(write(&bot).await.code(), "NOT_OWNED", "who left the team");
}

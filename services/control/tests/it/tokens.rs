//! Credentials and delegations: signed by keys that anybody may read, and rotated.

use std::sync::Arc;

use axum::body::Body;
use chrono::{DateTime, Utc};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use writ_access::agent_token::{self, SigningKeys};
use writ_access::delegation;
use writ_access::jwt::{Algorithm, VerifyingKey};
use writ_contract::{Stream, wire};
use writ_eventlog::{Content, Start};
use writ_service_kit::{Clock as _, SystemClock};

use crate::stand::{Answer, Stand};

/// The keys as a stranger fetches them.
struct Published(Vec<Value>);

impl SigningKeys for Published {
    fn signing_key(&self, kid: &str, _: i64) -> Option<Arc<VerifyingKey>> {
        let jwk = self.0.iter().find(|jwk| jwk["kid"] == kid)?.to_string();
        VerifyingKey::from_jwk(&jwk, Algorithm::EdDsa)
            .ok()
            .map(Arc::new)
    }
}

async fn published(stand: &Stand) -> Published {
    let request = Request::get("/.well-known/jwks.json").body(Body::empty());
    let answer = stand.running.send(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    Published(answer.body["keys"].as_array().unwrap().clone())
}

async fn credential(stand: &Stand, agent: &str) -> Answer {
    let path = format!("/api/v1/agents/{agent}/credential");
    stand.dev(Method::POST, &path, "").await
}

fn org(stand: &Stand) -> Uuid {
    stand.orgs[0].id
}

#[tokio::test]
async fn a_credential_is_checked_by_whoever_has_the_published_keys() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    for named in [id.as_str(), "bot"] {
        let answer = credential(&stand, named).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let text = answer.body["data"]["credential"].as_str().unwrap();
        let ends: DateTime<Utc> =
            serde_json::from_value(answer.body["data"]["expiresAt"].clone()).unwrap();
        let left = ends - SystemClock.now();
        assert!((13..=15).contains(&left.num_minutes()), "{left}");
        let keys = published(&stand).await;
        assert!(!format!("{:?}", keys.0).contains("\"d\""));
        let claims = agent_token::verify(text, &keys, SystemClock.now_ms()).unwrap();
        assert_eq!(
            (claims.sub.to_string(), claims.org),
            (id.clone(), org(&stand))
        );
        assert_eq!(
            (claims.agent.as_str(), claims.env.as_str()),
            ("bot", "production")
        );
    }
    let archive = r#"{"archived":true}"#;
    stand
        .owner(Method::PATCH, &format!("/api/v1/agents/{id}"), archive)
        .await;
    let gone = credential(&stand, &id).await;
    assert_eq!(
        (gone.status, gone.code()),
        (StatusCode::CONFLICT, "AGENT_ARCHIVED")
    );
    assert_eq!(
        credential(&stand, "nobody").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_rotated_key_is_published_beside_the_new_one_and_its_tokens_hold() {
    let mut stand = Stand::start().await;
    stand.agent("bot").await;
    let before = credential(&stand, "bot").await;
    let old = published(&stand).await;
    assert_eq!(old.0.len(), 1);
    stand.running.stop().await;
    stand.start_again().await;
    assert_eq!(
        published(&stand).await.0,
        old.0,
        "the key outlives a restart"
    );
    stand.running.stop().await;
    stand.config.signing.made_after = SystemClock.now().to_rfc3339();
    stand.start_again().await;
    let after = credential(&stand, "bot").await;
    let keys = published(&stand).await;
    assert_eq!(keys.0.len(), 2);
    let text = |answer: &Answer| {
        answer.body["data"]["credential"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let holds = |answer: &Answer, keys: &Published| {
        agent_token::verify(&text(answer), keys, SystemClock.now_ms()).is_ok()
    };
    assert!(holds(&before, &keys) && holds(&after, &keys));
    assert!(holds(&before, &old) && !holds(&after, &old));
}

async fn hand_down(stand: &Stand, from: &str, body: &Value) -> Answer {
    let path = format!("/api/v1/agents/{from}/delegations");
    stand.dev(Method::POST, &path, &body.to_string()).await
}

/// Whether each delegation is revoked, as last stated.
async fn revoked(stand: &Stand) -> Vec<bool> {
    let log = stand.log();
    let filters = vec![log.topology().facts::<wire::DelegationState>()];
    let reading = log.read(Stream::Control, filters, Start::LastPerSubject);
    let mut reader = reading.await.unwrap();
    let mut all = Vec::new();
    for _ in 0..reader.behind() {
        let Content::Fact(envelope) = reader.next().await.unwrap().content else {
            panic!("a fact")
        };
        all.push(envelope.open::<wire::DelegationState>().unwrap().revoked);
    }
    all
}

#[tokio::test]
async fn a_chain_only_narrows_and_ends_with_its_first_step() {
    let stand = Stand::start().await;
    for agent in ["a", "b", "c"] {
        stand.agent(agent).await;
    }
    let first = hand_down(&stand, "a", &json!({"to": "b", "scopes": ["read", "pay"]})).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    let parent = &first.body["data"]["id"];
    let wider = json!({"to": "c", "scopes": ["admin"], "parentDelegationId": parent});
    let refused = hand_down(&stand, "b", &wider).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.message().contains("admin"), "{refused:?}");
    let narrower = json!({"to": "c", "scopes": ["read"], "parentDelegationId": parent});
    let second = hand_down(&stand, "b", &narrower).await;
    assert_eq!(second.status, StatusCode::CREATED, "{second:?}");
    let token = second.body["data"]["token"].as_str().unwrap();
    let keys = published(&stand).await;
    let now = SystemClock.now_ms();
    let claims = delegation::verify(token, &keys, org(&stand), now).unwrap();
    assert_eq!(
        (claims.chain.len(), claims.scopes()),
        (2, vec!["read".to_owned()])
    );
    let not_mine = hand_down(&stand, "a", &narrower).await;
    assert_eq!(not_mine.status, StatusCode::BAD_REQUEST);

    let listed = stand
        .dev(Method::GET, "/api/v1/agents/b/delegations", "")
        .await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 2);
    assert!(!listed.body.to_string().contains("token"));
    let one = format!("/api/v1/agents/a/delegations/{}", parent.as_str().unwrap());
    let ended = stand.dev(Method::DELETE, &one, "").await;
    assert_eq!(ended.status, StatusCode::OK, "{ended:?}");
    assert_eq!(revoked(&stand).await, [true, true]);
    let again = hand_down(&stand, "b", &narrower).await;
    assert_eq!(
        again.status,
        StatusCode::BAD_REQUEST,
        "nothing is made from it any more"
    );
}

#[tokio::test]
async fn delegations_end_when_one_of_their_agents_is_archived() {
    let stand = Stand::start().await;
    for agent in ["a", "b"] {
        stand.agent(agent).await;
    }
    hand_down(&stand, "a", &json!({"to": "b", "scopes": ["read"]})).await;
    let archived = r#"{"archived":true}"#;
    let answer = stand
        .owner(Method::PATCH, "/api/v1/agents/b", archived)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(revoked(&stand).await, [true]);
}

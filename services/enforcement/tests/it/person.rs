//! Tokens of the people that acts are for: checked offline, with the keys control has stated.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;
use writ_access::jwt::SigningKey;
use writ_contract::{IssuerId, wire};
use writ_service_kit::{Clock as _, SystemClock};

use crate::stage::{Replica, Stage, ask};

const ISSUER: &str = "https://id.example.com";

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::ed25519(&[seed; 32]).unwrap()
}

pub(crate) async fn stage() -> Stage {
    let stage = Stage::new().await;
    let issuer = wire::Issuer {
        issuer_id: IssuerId(Uuid::from_u128(1)).to_bytes(),
        issuer: ISSUER.into(),
        audiences: vec!["app".into()],
        email: "verified".into(),
        roles_claim: "roles".into(),
        scopes_claim: "scope".into(),
        keys: vec![wire::IssuerKey {
            kid: key(1).kid().into(),
            algorithm: "EdDSA".into(),
            jwk: key(1).jwk().to_string(),
        }],
        keys_until_us: i64::MAX,
        ..wire::Issuer::default()
    };
    stage.state("issuer", 1, "registered", &issuer).await;
    stage
}

pub(crate) fn token(change: Value, signer: &SigningKey) -> String {
    let now = SystemClock.now_ms() / 1_000;
    let mut claims = json!({"iss": ISSUER, "aud": "app", "sub": "u1", "nbf": now, "exp": now + 60,
        "roles": ["clerk"], "scope": "crm.read crm.write"});
    let change = change.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(change);
    signer.sign(&claims).unwrap()
}

/// Only a clerk may act, and only with a scope for the tool.
pub(crate) async fn clerks_only(stage: &Stage) {
    let rule = json!({"allowed_roles": ["clerk"]});
    stage.policy(1, "access_control", "block", rule).await;
}

async fn with_header(stage: &Stage, replica: &Replica, token: &str) -> (StatusCode, Value) {
    let request = Request::post("/api/v1/policies/enforce")
        .header("authorization", format!("Bearer {}", stage.key))
        .header("x-writ-on-behalf-of", token)
        .body(Body::from(ask("read the account").to_string()))
        .unwrap();
    let response = replica.router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn roles_that_a_token_proves_are_believed_and_asserted_ones_are_not() {
    let stage = stage().await;
    clerks_only(&stage).await;
    let replica = stage.replica(0).await;
    let good = token(json!({}), &key(1));
    let (status, answer) = with_header(&stage, &replica, &good).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let mut inside = ask("read the account");
    inside["metadata"] = json!({"userToken": good});
    inside["onBehalfOf"] = json!({"userId": "somebody else", "roles": ["boss"]});
    let (status, answer) = replica.call(&stage.key, inside).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let mut said = ask("read the account");
    said["onBehalfOf"] = json!({"userId": "u1", "roles": ["clerk"]});
    let (status, answer) = replica.call(&stage.key, said).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    let other = token(json!({"roles": ["guest"]}), &key(1));
    let (status, answer) = with_header(&stage, &replica, &other).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    let recorded = stage.decisions().await;
    let user = |n: usize| recorded[n].1.user.as_ref().unwrap();
    assert!(user(0).verified && user(1).verified && !user(2).verified);
    assert_eq!(
        user(0).digest,
        user(1).digest,
        "the proven person, not the asserted one"
    );
}

#[tokio::test]
async fn a_person_who_is_not_proven_refuses_the_act_and_it_is_recorded() {
    let stage = stage().await;
    let replica = stage.replica(0).await;
    for bad in [
        token(json!({"aud": "elsewhere"}), &key(1)),
        token(json!({"exp": 1_000}), &key(1)),
        token(json!({}), &key(2)),
        token(json!({"iss": "https://elsewhere"}), &key(1)),
        "nonsense".to_owned(),
    ] {
        let (status, answer) = with_header(&stage, &replica, &bad).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
        assert_eq!(answer["allowed"], false);
        assert_eq!(
            answer["violations"][0]["code"], "USER_TOKEN_INVALID",
            "{answer}"
        );
    }
    assert_eq!(stage.decisions().await.len(), 5);
}

#[tokio::test]
async fn a_person_cannot_ask_for_decisions_with_a_token_instead_of_a_key() {
    let stage = stage().await;
    let replica = stage.replica(0).await;
    let good = token(json!({}), &key(1));
    let (status, answer) = replica.call(&good, ask("x")).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    assert_eq!(answer["allowed"], false);
}

//! Delegation tokens: what holds is recorded as proven, what does not refuses the act.

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;
use writ_access::delegation::{DelegationClaims, Step};
use writ_access::jwt::SigningKey;
use writ_contract::{AgentId, DelegationId, wire};
use writ_service_kit::{Clock as _, SystemClock};

use crate::stage::{AGENT, Stage, ask};

const FROM: AgentId = AgentId(Uuid::from_u128(0xb));
const HANDED: DelegationId = DelegationId(Uuid::from_u128(0xd));

fn key(seed: u8) -> SigningKey {
    SigningKey::ed25519(&[seed; 32]).unwrap()
}

async fn stage() -> Stage {
    let stage = Stage::new().await;
    let known = wire::SigningKey {
        kid: key(1).kid().into(),
        algorithm: "EdDSA".into(),
        jwk: key(1).jwk().to_string(),
        believed_until_us: None,
    };
    stage.state("signing", 1, "made", &known).await;
    state(&stage, 1, false).await;
    stage
}

async fn state(stage: &Stage, version: u64, revoked: bool) {
    let handed = wire::DelegationState {
        delegation_id: HANDED.to_bytes(),
        agent_id: FROM.to_bytes(),
        to_agent_id: AGENT.to_bytes(),
        scopes: vec!["crm.read".into()],
        revoked,
        ..wire::DelegationState::default()
    };
    stage.state("handed", version, "given", &handed).await;
}

fn token(stage: &Stage, to: AgentId, ends_in_s: i64, signer: &SigningKey) -> String {
    let step = Step {
        id: HANDED.0,
        agent: FROM.0,
        name: "planner".into(),
        scopes: vec!["crm.read".into()],
    };
    let now = SystemClock.now_ms();
    let ends = now / 1_000 + ends_in_s;
    let claims = DelegationClaims::new("writ", (stage.org.0, to.0), vec![step], ends, now);
    claims.sign(signer).unwrap()
}

fn act(token: impl Into<Value>) -> Value {
    let token: Value = token.into();
    let mut body = ask("read the account");
    body["metadata"] = json!({ "delegationToken": token });
    body
}

#[tokio::test]
async fn what_a_token_proves_is_recorded_as_proven_and_is_no_secret_found_in_the_act() {
    let stage = stage().await;
    stage.policy(1, "pii_access", "block", json!({})).await;
    let replica = stage.replica(0).await;
    let good = token(&stage, AGENT, 60, &key(1));
    let mut body = act(good);
    body["delegation"] = json!({"chain": ["somebody else"]});
    let (status, answer) = replica.call(&stage.key, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let said = json!({"agentId": "bot", "input": "x", "delegation": {"chain": ["planner"]}});
    replica.call(&stage.key, said).await;
    let recorded = stage.decisions().await;
    let proven = recorded[0].1.delegation.as_ref().unwrap();
    assert!(proven.verified);
    assert_eq!(proven.chain, ["planner"]);
    let asserted = recorded[1].1.delegation.as_ref().unwrap();
    assert!(!asserted.verified, "what is only said is not proven");
}

#[tokio::test]
async fn a_token_that_does_not_hold_refuses_the_act_and_is_recorded() {
    let stage = stage().await;
    let replica = stage.replica(0).await;
    for bad in [
        json!(token(&stage, FROM, 60, &key(1))),
        json!(token(&stage, AGENT, -60, &key(1))),
        json!(token(&stage, AGENT, 60, &key(2))),
        json!("nonsense"),
        json!(["no text"]),
    ] {
        let (status, answer) = replica.call(&stage.key, act(bad)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
        assert_eq!(answer["allowed"], false);
        assert_eq!(answer["violations"][0]["policyType"], "system");
        assert_eq!(answer["violations"][0]["code"], "DELEGATION_INVALID");
    }
    assert_eq!(stage.decisions().await.len(), 5);
}

#[tokio::test]
async fn a_revoked_delegation_refuses_the_act() {
    let stage = stage().await;
    state(&stage, 2, true).await;
    let replica = stage.replica(0).await;
    let revoked = token(&stage, AGENT, 60, &key(1));
    let (status, answer) = replica.call(&stage.key, act(revoked)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    assert_eq!(answer["violations"][0]["code"], "DELEGATION_INVALID");
}

//! What an agent credential proves: on the trace, in a fact, and where it is required.

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;
use writ_access::agent_token::{Agent, AgentClaims};
use writ_access::jwt::SigningKey;
use writ_contract::{AgentId, Service, Stream, wire};
use writ_eventlog::{Content, Start};
use writ_service_kit::{Clock as _, SystemClock};
use writ_testkit::eventually;

use crate::fixture::{Fixture, WITHIN, start, trace};

fn key(seed: u8) -> SigningKey {
    SigningKey::ed25519(&[seed; 32]).unwrap()
}

fn stamped(fixture: &Fixture, id: &str, agent: AgentId, signer: &SigningKey) -> Value {
    let whose = Agent {
        org: fixture.org.id.0,
        id: agent.0,
        external_id: "agent-1",
        environment: "production",
    };
    let claims = AgentClaims::new("writ", whose, Uuid::now_v7(), SystemClock.now_ms());
    let mut stamped = trace(id);
    stamped["agentCredential"] = claims.sign(signer).unwrap().into();
    stamped
}

async fn identity(fixture: &Fixture, id: &str) -> Value {
    let path = format!("/api/v1/traces/{id}");
    eventually(WITHIN, "the trace is read", || async {
        let (status, body) = fixture.get(&fixture.org, &path).await;
        if status == StatusCode::OK {
            Ok(body["data"]["spans"][0]["identity"].clone())
        } else {
            Err(body)
        }
    })
    .await
}

/// Returns once the signing key is known to the service.
async fn settled(fixture: &Fixture, agent: AgentId) {
    eventually(WITHIN, "a credential is believed", || async {
        let id = Uuid::now_v7().to_string();
        let probe = [stamped(fixture, &id, agent, &key(1))];
        fixture.send(&fixture.org, &probe).await;
        let found = identity(fixture, &id).await;
        if found == json!("verified") {
            Ok(())
        } else {
            Err(found)
        }
    })
    .await;
}

#[tokio::test]
async fn a_credential_is_verified_and_a_forged_one_leaves_a_mark_and_a_fact() {
    let fixture = start().await;
    let agent = fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.signing_key(&fixture.org, &key(1)).await;
    let other = AgentId(Uuid::from_u128(99));
    let chunk = [
        stamped(&fixture, "true", agent, &key(1)),
        stamped(&fixture, "foreign", agent, &key(2)),
        stamped(&fixture, "anothers", other, &key(1)),
        trace("bare"),
    ];
    settled(&fixture, agent).await;
    let (_, body) = fixture.send(&fixture.org, &chunk).await;
    assert_eq!(body["errors"], Value::Null);
    assert_eq!(identity(&fixture, "true").await, json!("verified"));
    assert_eq!(identity(&fixture, "foreign").await, json!("forged"));
    assert_eq!(identity(&fixture, "anothers").await, json!("forged"));
    assert_eq!(identity(&fixture, "bare").await, Value::Null);

    let log = fixture.log(Service::Anomaly);
    let filters = vec![fixture.topology.facts::<wire::ForgedCredential>()];
    let mut reader = log
        .read(Stream::Ingest, filters, Start::First)
        .await
        .unwrap();
    let read = tokio::time::timeout(WITHIN, reader.next()).await.unwrap();
    let Content::Fact(envelope) = read.unwrap().content else {
        panic!("a fact")
    };
    let fact: wire::ForgedCredential = envelope.open().unwrap();
    assert!(fact.traces > 0);
    assert_eq!(fact.external_agent_id, "agent-1");
    assert_eq!(fact.agent_id, agent.to_bytes());
}

#[tokio::test]
async fn where_proof_is_required_a_trace_without_it_is_refused_alone() {
    let fixture = start().await;
    let agent = fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.signing_key(&fixture.org, &key(1)).await;
    settled(&fixture, agent).await;
    fixture.credential_required(&fixture.org, 2).await;
    let chunk = [
        stamped(&fixture, "true", agent, &key(1)),
        stamped(&fixture, "foreign", agent, &key(2)),
        trace("bare"),
    ];
    let refused = eventually(WITHIN, "the setting is known", || async {
        let (_, body) = fixture.send(&fixture.org, &chunk).await;
        match body["errors"].as_array().map(Vec::len) {
            Some(2) => Ok(body),
            _ => Err(body),
        }
    })
    .await;
    for error in refused["errors"].as_array().unwrap() {
        assert_eq!(error["code"], "AGENT_CREDENTIAL_REQUIRED");
        assert_ne!(error["traceId"], "true");
    }
}

//! Erasures: rows forget the subject, what agents did is still counted.

use serde_json::{Value, json};
use uuid::Uuid;
use writ_contract::digest::DigestKey;
use writ_contract::{DecisionId, PrivacyRequestId, Service, Stream, wire};
use writ_eventlog::{Content, Start};
use writ_service_kit::config::HumanDuration;
use writ_testkit::{ClickHouse, Nats, eventually};

use crate::decisions::{decision, record};
use crate::fixture::{Fixture, WITHIN, start, start_on};

const HELD: &str = "SELECT count() FROM trace_rows WHERE position(concat(input, output, metadata, \
    extra, user_id, error_message, toString(tags), resolution), 'Ada') > 0";

fn digest(fixture: &Fixture, user: &str) -> Vec<u8> {
    DigestKey::new([7; 32])
        .for_org(fixture.org.id)
        .user(user)
        .to_vec()
}

fn trace(id: &str, fields: Value) -> Value {
    let mut trace = crate::fixture::trace(id);
    for (name, value) in fields.as_object().unwrap() {
        trace[name] = value.clone();
    }
    trace
}

/// What ingest says when it holds nothing more.
async fn carried_out(fixture: &Fixture, request: PrivacyRequestId) -> wire::Erasure {
    let log = fixture.log(Service::Control);
    let filters = vec![fixture.topology.facts::<wire::Erasure>()];
    eventually(WITHIN, "the erasure is carried out", || async {
        let mut reader = log
            .read(Stream::Ingest, filters.clone(), Start::First)
            .await
            .map_err(|error| error.to_string())?;
        for _ in 0..reader.behind() {
            let delivered = reader.next().await.map_err(|error| error.to_string())?;
            if let Content::Fact(envelope) = delivered.content {
                let fact: wire::Erasure = envelope.open().map_err(|error| error.to_string())?;
                if fact.request_id == request.to_bytes() {
                    return Ok(fact);
                }
            }
        }
        Err("nothing said".to_owned())
    })
    .await
}

#[tokio::test]
async fn rows_forget_the_subject_and_nobody_else() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 7, "agent-1").await;
    let mut of_ada = wire::Decision {
        user: Some(wire::User {
            digest: digest(&fixture, "u-1"),
            verified: false,
        }),
        ..decision(1, wire::Outcome::Allow)
    };
    of_ada.session_id = "s-1".into();
    record(
        &fixture,
        &fixture.org,
        &[of_ada, decision(2, wire::Outcome::Allow)],
    )
    .await;
    fixture.counts("SELECT count() FROM decisions", 2).await;

    let named = trace(
        "t-1",
        json!({"userId": "u-1", "input": "Ada asks", "output": "to Ada"}),
    );
    let child = trace(
        "t-1",
        json!({"input": "about Ada", "metadata": {"spanId": "s2"}}),
    );
    let source = format!("writ:{}", DecisionId(Uuid::from_u128(1)));
    let linked = json!({"input": "Ada too", "metadata": {"enforcement": {"source": source}}});
    let linked = trace("t-2", linked);
    let other = trace("t-3", json!({"userId": "u-2", "input": "Bob asks"}));
    let (status, body) = fixture
        .send(&fixture.org, &[named, child, linked, other])
        .await;
    assert!(status.is_success(), "{body}");
    fixture.counts("SELECT count() FROM traces", 4).await;
    fixture.counts(HELD, 3).await;
    let (_, listed) = fixture.get(&fixture.org, "/api/v1/traces?userId=u-1").await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    let (_, decided) = fixture
        .get(&fixture.org, "/api/v1/decisions?userId=u-1")
        .await;
    assert_eq!(decided["data"].as_array().unwrap().len(), 1, "{decided}");

    let request = PrivacyRequestId(Uuid::from_u128(77));
    fixture.erase(request, digest(&fixture, "u-1")).await;
    let done = carried_out(&fixture, request).await;
    assert_eq!((done.spans, done.decisions), (3, 1));
    assert_eq!(fixture.number(HELD).await, Ok(0));
    fixture.counts("SELECT count() FROM traces", 4).await;
    let bob = "SELECT count() FROM traces WHERE user_id = 'u-2' AND position(input, 'Bob') > 0";
    assert_eq!(fixture.number(bob).await, Ok(1));
    let pseudonyms = "SELECT count() FROM decisions WHERE user_digest != '' OR session_id != ''";
    assert_eq!(fixture.number(pseudonyms).await, Ok(0));
    assert_eq!(fixture.number("SELECT count() FROM decisions").await, Ok(2));
}

#[tokio::test]
async fn what_was_taken_before_and_is_still_on_its_way_is_erased_too() {
    let (nats, clickhouse) = (Nats::shared().await, ClickHouse::shared().await);
    let slow = HumanDuration::from_secs(4);
    let fixture = start_on(nats, clickhouse, |config| config.batch.wait = slow).await;
    fixture.agent(&fixture.org, 7, "agent-1").await;
    let named = |id| trace(id, json!({"userId": "u-1", "input": "Ada asks"}));
    for id in ["t-1", "t-2", "t-3"] {
        let (status, body) = fixture.send(&fixture.org, &[named(id)]).await;
        assert!(status.is_success(), "{body}");
    }
    let request = PrivacyRequestId(Uuid::from_u128(79));
    fixture.erase(request, digest(&fixture, "u-1")).await;
    assert_eq!(carried_out(&fixture, request).await.spans, 3);
    assert_eq!(fixture.number(HELD).await, Ok(0));
    fixture.counts("SELECT count() FROM traces", 3).await;
}

#[tokio::test]
async fn an_erasure_begun_while_nobody_listened_is_carried_out_at_the_next_start() {
    let mut fixture = start().await;
    fixture.agent(&fixture.org, 7, "agent-1").await;
    let named = trace("t-1", json!({"userId": "u-1", "input": "Ada asks"}));
    fixture.send(&fixture.org, &[named]).await;
    fixture.counts(HELD, 1).await;
    fixture.stop().await;
    let request = PrivacyRequestId(Uuid::from_u128(78));
    fixture.erase(request, digest(&fixture, "u-1")).await;
    fixture.restart().await;
    assert_eq!(carried_out(&fixture, request).await.spans, 1);
    assert_eq!(fixture.number(HELD).await, Ok(0));
}

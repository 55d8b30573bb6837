//! What somebody states who may not.

use std::time::Duration;

use http::{Method, StatusCode};
use uuid::Uuid;
use writ_access::Role;
use writ_contract::{Audit, Envelope, EventId, Fact, Kind, OrgId, Shard, wire};

use crate::stand::Stand;

fn forged<F: Fact>(org: OrgId, fact: &F) -> Envelope {
    Envelope {
        event_id: EventId(Uuid::now_v7()),
        kind: Kind::of::<F>("set"),
        org,
        aggregate_id: "forged".into(),
        version: 9,
        occurred_at_us: 1_790_000_000_000_000,
        audit: Audit::default(),
        fact: fact.encode_to_vec(),
        traceparent: String::new(),
    }
}

#[tokio::test]
async fn forged_facts_keep_no_replica_from_starting() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let (log, org) = (stand.log(), OrgId(stand.orgs[0].id));
    let agent = forged(org, &wire::Agent::default());
    let pause = forged(org, &wire::Kill::default());
    let subjects = [
        log.topology().fact::<wire::Agent>(org, "forged"),
        log.topology().kill(Shard::of(org)),
    ];
    for (subject, envelope) in subjects.iter().zip([agent, pause]) {
        let published = log.publish_fact(subject, &envelope, None, Duration::from_secs(5));
        published.await.unwrap();
    }

    let replica = stand.replica().await;
    let path = format!("/api/v1/agents/{id}/status-poll");
    let key = stand.key(0, Role::Developer);
    let answer = replica.call(&key, Method::GET, &path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.body["data"]["status"], "active");
}

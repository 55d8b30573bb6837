//! Decisions of the gate become rows and are read back.

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;
use writ_contract::{
    AgentId, ApprovalId, DecisionId, EventId, IncarnationId, KeyId, Packed, PolicyId, Record,
    Service, Shard, wire,
};
use writ_service_kit::SystemClock;
use writ_service_kit::ids::new_v7;
use writ_testkit::eventually;

use crate::fixture::{Fixture, Org, WITHIN, envelope, start, trace};

pub(crate) fn decision(n: u128, outcome: wire::Outcome) -> wire::Decision {
    wire::Decision {
        decision_id: DecisionId(Uuid::from_u128(n)).to_bytes(),
        agent_id: AgentId(Uuid::from_u128(7)).to_bytes(),
        external_agent_id: "agent-1".into(),
        environment: "production".into(),
        outcome: outcome.into(),
        hits: vec![wire::Hit {
            policy_id: PolicyId(Uuid::from_u128(9)).to_bytes(),
            policy_version: 3,
            policy_type: "pii_access".into(),
            enforcement_mode: "block".into(),
            severity: "high".into(),
            evidence: vec!["pii:email".into(), "pii:ssn".into()],
        }],
        policy_set_hash: vec![0xab; 4],
        tools: vec!["mail.send".into()],
        estimated_cost_micros: Some(12_500),
        kill_seq: 5,
        evaluation_us: 42,
        ..Default::default()
    }
}

pub(crate) async fn record(fixture: &Fixture, org: &Org, decisions: &[wire::Decision]) {
    let records = decisions.iter().zip(1..).map(|(decision, emitter_seq)| {
        let envelope = envelope(org.id, "made", 0, decision);
        Record {
            org: org.id,
            event_id: EventId(new_v7(&SystemClock)),
            emitter_seq,
            envelope: envelope.encode(),
        }
    });
    let packed = Packed {
        incarnation: IncarnationId(new_v7(&SystemClock)),
        service: "enforcement".into(),
        records: records.collect(),
        closes: false,
    };
    let subject = fixture.topology.decision(Shard::of(org.id));
    let id = new_v7(&SystemClock).to_string();
    let log = fixture.log(Service::Enforcement);
    log.append_packed(&subject, &id, &packed, WITHIN)
        .await
        .unwrap();
}

#[tokio::test]
async fn decisions_become_rows_and_pauses_between_them_do_not() {
    let fixture = start().await;
    let agent = fixture.agent(&fixture.org, 7, "agent-1").await;
    record(&fixture, &fixture.org, &[decision(1, wire::Outcome::Deny)]).await;
    fixture.pause(&fixture.org, agent).await;
    record(&fixture, &fixture.org, &[decision(2, wire::Outcome::Allow)]).await;
    record(
        &fixture,
        &fixture.other,
        &[decision(3, wire::Outcome::Hold)],
    )
    .await;
    fixture.counts("SELECT count() FROM decisions", 3).await;
    fixture.drained("ingest_decisions").await;

    let (_, body) = fixture.get(&fixture.org, "/api/v1/decisions?limit=1").await;
    let cursor = body["nextCursor"].as_str().unwrap();
    let (_, next) = fixture
        .get(
            &fixture.org,
            &format!("/api/v1/decisions?limit=1&cursor={cursor}"),
        )
        .await;
    let outcomes = [&body["data"][0]["outcome"], &next["data"][0]["outcome"]];
    assert_eq!(outcomes, [&json!("allow"), &json!("deny")]);
    let cursor = next["nextCursor"].as_str().unwrap();
    let (_, end) = fixture
        .get(&fixture.org, &format!("/api/v1/decisions?cursor={cursor}"))
        .await;
    assert_eq!(end, json!({ "data": [], "nextCursor": null }));
    let (_, denied) = fixture
        .get(&fixture.org, "/api/v1/decisions?outcome=deny")
        .await;
    assert_eq!(denied["data"].as_array().unwrap().len(), 1);

    let id = DecisionId(Uuid::from_u128(1));
    let (status, one) = fixture
        .get(&fixture.org, &format!("/api/v1/decisions/{id}"))
        .await;
    assert_eq!(status, StatusCode::OK);
    let one = &one["data"];
    assert_eq!(one["hits"][0]["evidence"], json!(["pii:email", "pii:ssn"]));
    assert_eq!(
        (&one["estimatedCost"], &one["killSeq"]),
        (&json!(0.0125), &json!(5))
    );
    assert_eq!(one["policySetHash"], json!("abababab"));
    let (status, _) = fixture
        .get(&fixture.other, &format!("/api/v1/decisions/{id}"))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let sums = "SELECT toUInt64(assumeNotNull(sum(estimated_cost_usd)) * 1000000) FROM decisions \
                WHERE has(hits.policy_type, 'pii_access')";
    assert_eq!(fixture.number(sums).await, Ok(37_500));
}

#[tokio::test]
async fn who_is_behind_a_decision_or_a_trace_is_a_column_of_its_row() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 7, "agent-1").await;
    let parent = DecisionId(Uuid::from_u128(8));
    let delegated = wire::Decision {
        phase: "post".into(),
        tier: "subagent".into(),
        user: Some(wire::User {
            digest: vec![0xcd; 4],
            verified: true,
        }),
        delegation: Some(wire::Delegation {
            chain: vec!["planner".into()],
            depth: 1,
            parent_decision_id: parent.to_bytes(),
            verified: false,
        }),
        ..decision(1, wire::Outcome::Allow)
    };
    let alone = decision(2, wire::Outcome::Allow);
    record(&fixture, &fixture.org, &[delegated, alone]).await;
    let mut sent = trace("t1");
    sent["metadata"] = json!({
        "tier": "subagent", "onBehalfOf": {"userId": "u1"},
        "delegation": {"chain": ["planner"], "parentDecisionId": parent.to_string()},
    });
    fixture.send(&fixture.org, &[sent]).await;
    let joined = "SELECT count() FROM traces AS t INNER JOIN decisions AS d USING \
                  (org_id, tier, parent_decision_id, delegation_chain) \
                  WHERE d.user_digest = 'cdcdcdcd' AND d.user_verified AND t.user_id = 'u1'";
    fixture.counts(joined, 1).await;
    fixture.counts("SELECT count() FROM decisions", 2).await;

    let shown = async |id: u128| {
        let id = DecisionId(Uuid::from_u128(id));
        let path = format!("/api/v1/decisions/{id}");
        fixture.get(&fixture.org, &path).await.1["data"].clone()
    };
    let one = shown(1).await;
    let user = json!({"digest": "cdcdcdcd", "verified": true});
    assert_eq!((&one["onBehalfOf"], &one["phase"]), (&user, &json!("post")));
    let delegation = json!({
        "chain": ["planner"], "depth": 1, "parentDecisionId": parent, "verified": false,
    });
    assert_eq!(one["delegation"], delegation);
    let two = shown(2).await;
    assert!(two.get("delegation").is_none() && two.get("onBehalfOf").is_none());
    let (_, trace) = fixture.get(&fixture.org, "/api/v1/traces/t1").await;
    let span = &trace["data"]["spans"][0];
    assert_eq!(
        (&span["tier"], &span["userId"]),
        (&json!("subagent"), &json!("u1"))
    );
    assert_eq!(span["delegation"]["chain"], json!(["planner"]));
}

#[tokio::test]
async fn an_id_reads_in_sql_as_it_does_everywhere_else() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 7, "agent-1").await;
    let n = Uuid::from_u128;
    let mut held = decision(1, wire::Outcome::Hold);
    held.approval_id = ApprovalId(n(4)).to_bytes();
    held.key_id = KeyId(n(5)).to_bytes();
    record(&fixture, &fixture.org, &[held]).await;
    record(
        &fixture,
        &fixture.other,
        &[decision(1, wire::Outcome::Allow)],
    )
    .await;
    let id = DecisionId(n(1));
    let mut linked = trace("t1");
    linked["metadata"] = json!({ "enforcement": { "source": format!("writ:{id}") } });
    fixture.send(&fixture.org, &[linked, trace("t2")]).await;

    let (_, shown) = eventually(WITHIN, "the decision is read", || async {
        let path = format!("/api/v1/decisions/{id}");
        match fixture.get(&fixture.org, &path).await {
            (StatusCode::OK, body) => Ok((StatusCode::OK, body)),
            other => Err(other),
        }
    })
    .await;
    let shown = &shown["data"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (approval, key) = (text(&shown["approvalRequestId"]), text(&shown["keyId"]));
    let (policy, agent) = (
        text(&shown["hits"][0]["policyId"]),
        text(&shown["agentUuid"]),
    );
    for (wanted, found) in [
        (key.as_str(), 1),
        ("key_00000000000000000000000000000001", 0),
    ] {
        let path = format!("/api/v1/decisions?keyId={wanted}");
        let (_, listed) = fixture.get(&fixture.org, &path).await;
        assert_eq!(listed["data"].as_array().unwrap().len(), found, "{listed}");
    }
    let (decision, org) = (text(&shown["id"]), fixture.org.id);
    let copied = format!(
        "SELECT count() FROM decisions WHERE org_id = '{org}' AND decision_id = '{decision}' \
         AND approval_id = '{approval}' AND key_id = '{key}' AND has(hits.policy_id, '{policy}') \
         AND agent_uuid = '{agent}'"
    );
    assert_eq!(fixture.number(&copied).await, Ok(1));
    let joined = format!(
        "SELECT count() FROM traces AS t INNER JOIN decisions AS d ON t.org_id = d.org_id \
         AND t.decision_id = d.decision_id WHERE t.org_id = '{org}' AND d.outcome = 'hold' \
         AND startsWith(t.key_id, 'key_')"
    );
    fixture.counts(&joined, 1).await;
    let bloom = format!(
        "SELECT count() FROM (EXPLAIN indexes = 1 SELECT outcome FROM decision_rows \
         WHERE decision_id = '{decision}') WHERE explain LIKE '%by_decision%'"
    );
    assert_eq!(fixture.number(&bloom).await, Ok(1));
}

#[tokio::test]
async fn a_decision_that_says_nothing_is_a_dead_letter_and_its_neighbour_a_row() {
    let fixture = start().await;
    let mut facts = vec![decision(1, wire::Outcome::Allow)];
    facts.push(wire::Decision::default());
    record(&fixture, &fixture.org, &facts).await;
    fixture.counts("SELECT count() FROM decisions", 1).await;
    let why = fixture.dead_letter().await;
    assert!(why.contains("decision_id"), "{why}");
}

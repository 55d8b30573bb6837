use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use writ_contract::digest::DigestKey;
use writ_contract::{ApprovalId, wire};
use writ_testkit::eventually;

use crate::stage::{Stage, ask};

async fn stage() -> Stage {
    let stage = Stage::new().await;
    let rule = json!({"denied_tools": ["refund"]});
    stage
        .policy(1, "tool_invocation", "require_approval", rule)
        .await;
    stage
}

fn refund() -> Value {
    let mut request = ask("refund order 7");
    request["tools"] = json!(["refund"]);
    request["metadata"] = json!({"order": 7});
    request
}

async fn held(stage: &Stage) -> wire::Decision {
    eventually(Duration::from_secs(5), "a held decision", || async {
        let decisions = stage.decisions().await;
        let held = decisions
            .into_iter()
            .find(|d| d.1.outcome() == wire::Outcome::Hold);
        held.map(|d| d.1).ok_or("none yet")
    })
    .await
}

#[tokio::test]
async fn a_hold_is_answered_once_the_approval_service_has_taken_it() {
    let stage = stage().await;
    let replica = stage.replica(0).await;
    let taking = async {
        let decision = held(&stage).await;
        let fact = wire::Approval {
            approval_id: decision.approval_id.clone(),
            decision_ids: vec![decision.decision_id.clone()],
            status: "pending".into(),
            ..Default::default()
        };
        let subject = stage.topology.fact::<wire::Approval>(stage.org, "x");
        let envelope = stage.envelope(1, "requested", &fact);
        let within = Duration::from_secs(5);
        stage
            .approval
            .publish_fact(&subject, &envelope, None, within)
            .await
            .unwrap();
        decision
    };
    let ((status, body), decision) = tokio::join!(replica.call(&stage.key, refund()), taking);
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    let approval = ApprovalId::from_bytes(&decision.approval_id).unwrap();
    assert_eq!(body["approvalRequestId"], approval.to_string());
    assert_eq!(body["requiresApproval"], true);

    let key = DigestKey::new([0x11; 32]).for_org(stage.org);
    let kept = stage
        .approval
        .get_body(&decision.body.unwrap(), &key)
        .await
        .unwrap();
    let card: Value = serde_json::from_slice(&kept.content).unwrap();
    assert_eq!(card["actionContext"]["metadata"], json!({"order": 7}));
    assert_eq!(
        card["actionContext"].as_object().unwrap().len(),
        4,
        "agentId is not part of it"
    );
    assert_eq!(card["violations"][0]["enforcementMode"], "require_approval");
}

#[tokio::test]
async fn an_act_whose_caller_asks_for_approval_is_held_without_a_policy() {
    let stage = Stage::new().await;
    let replica = stage.replica(0).await;
    let (status, _) = replica.call(&stage.key, ask("pay order 7")).await;
    assert_eq!(status, StatusCode::OK);
    let mut in_metadata = ask("pay order 7");
    in_metadata["metadata"] = json!({"requireApproval": true});
    let mut at_top = ask("pay order 7");
    at_top["requireApproval"] = json!(true);
    for request in [in_metadata, at_top] {
        let (_, body) = replica.call(&stage.key, request).await;
        let named = &body["violations"][0]["policyName"];
        assert_eq!(named, "Request: requireApproval", "{body}");
    }
}

#[tokio::test]
async fn a_hold_nobody_takes_is_refused_not_allowed() {
    let stage = stage().await;
    let replica = stage.replica(0).await;
    let (status, body) = replica.call(&stage.key, refund()).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    let codes: Vec<_> = body["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["code"])
        .collect();
    assert!(codes.contains(&&json!("APPROVAL_UNAVAILABLE")), "{body}");
}

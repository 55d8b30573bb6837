//! Who is behind an act: read from the request or its metadata, judged by, and recorded without a
//! name.

use http::StatusCode;
use serde_json::{Value, json};
use writ_contract::{DecisionId, wire};

use crate::stage::{Stage, ask};

fn asked(more: Value) -> Value {
    let mut request = ask("x");
    let fields = request.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    request
}

fn behind() -> Value {
    json!({
        "onBehalfOf": {"userId": "u1", "email": "p@x.org", "roles": ["clerk"], "scopes": null},
        "tier": "subagent",
        "delegation": {"chain": ["planner", {"agentId": "worker"}], "parentDecisionId": parent()},
        "sessionId": "s1",
    })
}

fn parent() -> String {
    DecisionId(uuid::Uuid::from_u128(7)).to_string()
}

#[tokio::test]
async fn the_fact_says_who_is_behind_an_act_and_names_nobody() {
    let stage = Stage::new().await;
    let replica = stage.replica(0).await;
    let own = replica.call(&stage.key, asked(behind())).await;
    assert_eq!(own.0, StatusCode::OK, "{own:?}");
    let metadata = asked(json!({"metadata": behind(), "phase": "post", "output": {"done": 1}}));
    let inside = replica.call(&stage.key, metadata).await;
    assert_eq!(inside.0, StatusCode::OK, "{inside:?}");

    let recorded = stage.envelopes().await;
    let decision = |at: usize| recorded[at].1.open::<wire::Decision>().unwrap();
    let (own, inside) = (decision(0), decision(1));
    assert_eq!(own.user, inside.user);
    assert_eq!(own.delegation, inside.delegation);
    assert_eq!(own.user.as_ref().unwrap().digest.len(), 32);
    assert!(!own.user.unwrap().verified);
    let delegation = own.delegation.unwrap();
    assert_eq!(delegation.chain, ["planner", "worker"]);
    assert_eq!(delegation.parent_decision_id.len(), 16);
    assert_eq!(
        (own.tier.as_str(), own.session_id.as_str()),
        ("subagent", "s1")
    );
    assert_eq!((own.phase.as_str(), inside.phase.as_str()), ("pre", "post"));
    for (_, envelope) in &recorded {
        let stands_for = &envelope.audit.on_behalf_of;
        assert_eq!(stands_for[..2], ["agent:worker", "agent:planner"]);
        assert!(stands_for[2].starts_with("user:"), "{stands_for:?}");
        let bytes = String::from_utf8_lossy(&envelope.encode()).into_owned();
        assert!(!bytes.contains("p@x.org") && !bytes.contains("clerk"));
    }
}

#[tokio::test]
async fn a_policy_for_subagents_judges_them_and_nobody_else() {
    let stage = Stage::new().await;
    let selectors = wire::Selectors {
        tiers: vec!["subagent".into()],
        users: vec!["u1".into()],
        ..wire::Selectors::default()
    };
    let policy = wire::Policy {
        selectors: Some(selectors),
        ..Stage::fact(
            1,
            "tool_invocation",
            "block",
            json!({"denied_tools": ["*"]}),
        )
    };
    stage.state("1", 1, "created", &policy).await;
    let replica = stage.replica(0).await;
    let call = async |more: Value| {
        let mut request = asked(more);
        request["tools"] = json!(["crm.read"]);
        replica.call(&stage.key, request).await.0
    };
    assert_eq!(call(behind()).await, StatusCode::FORBIDDEN);
    let in_metadata = json!({"metadata": behind()});
    assert_eq!(call(in_metadata).await, StatusCode::FORBIDDEN);
    assert_eq!(call(json!({"tier": "subagent"})).await, StatusCode::OK);
    assert_eq!(call(json!({})).await, StatusCode::OK);
}

#[tokio::test]
async fn a_shape_that_cannot_be_read_halts_the_sdk() {
    let stage = Stage::new().await;
    let replica = stage.replica(0).await;
    for wrong in [
        json!({"tier": "robot"}),
        json!({"phase": 1}),
        json!({"onBehalfOf": "u1"}),
        json!({"delegation": {"chain": [7]}}),
        json!({"toolDescriptors": ["x"]}),
        json!({"metadata": {"delegation": 7}}),
    ] {
        let (status, body) = replica.call(&stage.key, asked(wrong.clone())).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{wrong}");
        assert_eq!(body["violations"][0]["code"], "INVALID_REQUEST", "{wrong}");
    }
    let nulls = json!({"tier": null, "phase": null, "onBehalfOf": null, "delegation": null,
                       "toolDescriptors": null, "output": null, "sessionId": null});
    let (status, body) = replica.call(&stage.key, asked(nulls)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn who_asks_why_is_told_what_became_of_every_policy() {
    let stage = Stage::new().await;
    let rule = json!({"denied_tools": ["shell.*"]});
    stage.policy(1, "tool_invocation", "block", rule).await;
    let waits = wire::Policy {
        prerequisites: vec![uuid::Uuid::from_u128(1).as_bytes().to_vec()],
        ..Stage::fact(
            2,
            "tool_invocation",
            "block",
            json!({"denied_tools": ["*"]}),
        )
    };
    stage.state("2", 1, "created", &waits).await;
    let replica = stage.replica(0).await;
    let request = asked(json!({"tools": ["shell.run"]}));
    let (_, silent) = replica.call(&stage.key, request.clone()).await;
    assert!(silent.get("explanation").is_none());
    let at = "/api/v1/policies/enforce?explain=true";
    let (status, by_query) = replica.call_at(at, &stage.key, request.to_string()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let mut request = request;
    request["explain"] = json!(true);
    let (_, by_body) = replica.call(&stage.key, request).await;
    let explanation = &by_body["explanation"];
    assert_eq!(explanation, &by_query["explanation"]);
    let considered = &explanation["considered"];
    assert_eq!(considered.as_array().unwrap().len(), 2);
    assert_eq!(considered[0]["applied"], json!(true));
    assert_eq!(
        considered[0]["policyId"],
        by_body["violations"][0]["policyId"]
    );
    assert_eq!(considered[1]["judged"], json!(false));
    assert_eq!(considered[1]["why"], "a prerequisite was violated");
    let hash = explanation["policySetHash"].as_str().unwrap();
    assert_eq!(hash.len(), 64);
    let engine = explanation["engineVersion"].as_str().unwrap();
    assert!(engine.starts_with("writ-policy/"));
}

//! Tools that are not what was pinned for their agent.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use writ_contract::wire;
use writ_testkit::eventually;

use crate::stage::{AGENT, Replica, Stage, ask};

async fn pin(stage: &Stage, version: u64, hashes: &[(&str, &str)], removed: bool) {
    let tool = |(tool, hash): &(&str, &str)| wire::PinnedTool {
        server: "crm".into(),
        tool: (*tool).into(),
        descriptor_hash: (*hash).into(),
        description_hash: String::new(),
    };
    let fact = wire::Baseline {
        agent_id: AGENT.to_bytes(),
        tools: hashes.iter().map(tool).collect(),
        removed,
    };
    stage.state("agent", version, "pinned", &fact).await;
}

async fn sees(stage: &Stage, replica: &Replica, tool: &str, hash: &str) -> (StatusCode, Value) {
    let mut request = ask("look up a card");
    request["toolDescriptors"] = json!([{"server": "crm", "tool": tool, "descriptorHash": hash}]);
    replica.call(&stage.key, request).await
}

#[tokio::test]
async fn a_policy_with_an_exception_for_the_agent_is_left_out_and_the_record_says_so() {
    let stage = Stage::new().await;
    let exception = wire::PolicyException {
        exception_id: vec![7; 16],
        agent_id: AGENT.to_bytes(),
        expires_at_us: i64::MAX,
    };
    let policy = wire::Policy {
        exceptions: vec![exception],
        ..Stage::fact(
            1,
            "tool_invocation",
            "block",
            json!({"denied_tools": ["shell"]}),
        )
    };
    stage.state("1", 1, "waived", &policy).await;
    let replica = stage.replica(0).await;
    let mut request = ask("x");
    request["tools"] = json!(["shell"]);
    let (status, body) = replica.call(&stage.key, request).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (_, decision) = stage.decisions().await.pop().unwrap();
    assert_eq!(decision.excepted_policy_ids, [policy.policy_id]);
}

fn kinds(body: &Value, list: &str) -> Vec<(Value, Value)> {
    let all = body[list].as_array().unwrap().iter();
    all.map(|hit| {
        (
            hit["policyType"].clone(),
            hit["evidence"][0]["kind"].clone(),
        )
    })
    .collect()
}

#[tokio::test]
async fn drifted_and_unlisted_tools_are_blocked_and_the_pinned_ones_are_not() {
    let stage = Stage::new().await;
    stage.policy(1, "tool_integrity", "block", json!({})).await;
    pin(&stage, 1, &[("read", "aa")], false).await;
    let replica = stage.replica(0).await;

    let (status, body) = sees(&stage, &replica, "read", "aa").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    for (tool, hash, kind) in [
        ("read", "ab", "descriptor_changed"),
        ("delete", "aa", "tool_not_in_baseline"),
    ] {
        let (status, body) = sees(&stage, &replica, tool, hash).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
        let expected = vec![(json!("tool_integrity"), json!(kind))];
        assert_eq!(kinds(&body, "violations"), expected, "{body}");
    }
}

#[tokio::test]
async fn a_baseline_without_a_policy_warns_and_a_lifted_one_compares_nothing() {
    let stage = Stage::new().await;
    pin(&stage, 1, &[("read", "aa")], false).await;
    let replica = stage.replica(0).await;
    let (status, body) = sees(&stage, &replica, "read", "ab").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let expected = vec![(json!("tool_integrity"), json!("descriptor_changed"))];
    assert_eq!(kinds(&body, "warnings"), expected, "{body}");

    pin(&stage, 2, &[], true).await;
    eventually(Duration::from_secs(5), "nothing is compared", || async {
        let (_, body) = sees(&stage, &replica, "read", "ab").await;
        if kinds(&body, "warnings").is_empty() {
            Ok(())
        } else {
            Err(body)
        }
    })
    .await;
}

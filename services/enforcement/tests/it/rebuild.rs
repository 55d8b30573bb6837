//! The projection is in memory: one built anew from the log must be the one that followed it live.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use writ_contract::wire;
use writ_testkit::eventually;

use crate::stage::{AGENT, Replica, Stage, ask};

/// What a replica answers to acts that touch every part of its state.
async fn answers(stage: &Stage, replica: &Replica) -> Vec<(StatusCode, Value)> {
    let mut all = Vec::new();
    for tools in [json!([]), json!(["shell"]), json!(["crm"]), json!(["mail"])] {
        for agent in ["bot", "other", &AGENT.to_string()] {
            let mut request = ask("hello");
            request["agentId"] = json!(agent);
            request["tools"] = tools.clone();
            let (status, mut body) = replica.call(&stage.key, request).await;
            for unique in ["decisionId", "source"] {
                body.as_object_mut().unwrap().remove(unique);
            }
            all.push((status, body));
        }
    }
    all
}

fn agent(number: u8, version: u64) -> wire::Agent {
    wire::Agent {
        agent_id: vec![number; 16],
        external_id: "other".into(),
        name: format!("Other, version {version}"),
        environment: "production".into(),
        archived: version == 2,
        ..wire::Agent::default()
    }
}

#[tokio::test]
async fn a_replica_built_from_the_log_answers_like_one_that_followed_it() {
    let stage = Stage::new().await;
    let live = stage.replica(0).await;
    stage
        .policy(
            1,
            "tool_invocation",
            "block",
            json!({"denied_tools": ["shell"]}),
        )
        .await;
    stage
        .policy(
            2,
            "tool_invocation",
            "warn",
            json!({"denied_tools": ["crm"]}),
        )
        .await;
    stage
        .policy(
            3,
            "tool_invocation",
            "block",
            json!({"denied_tools": ["mail"]}),
        )
        .await;
    let mut withdrawn = wire::Policy {
        policy_id: vec![0; 16],
        ..wire::Policy::default()
    };
    withdrawn.policy_id[15] = 3;
    withdrawn.deleted = true;
    stage.state("3", 2, "deleted", &withdrawn).await;
    stage.state("other", 1, "registered", &agent(7, 1)).await;
    let before = answers(&stage, &live).await;
    stage.state("other", 2, "archived", &agent(7, 2)).await;
    stage.pause(1, 0).await;

    let rebuilt = stage.replica(1).await;
    let expected = answers(&stage, &rebuilt).await;
    assert_ne!(before, expected, "the pause and the archiving are seen");
    eventually(
        Duration::from_secs(5),
        "the live replica answers the same",
        || async {
            let now = answers(&stage, &live).await;
            if now == expected { Ok(()) } else { Err(now) }
        },
    )
    .await;
}

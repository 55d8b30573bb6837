//! Whether one agent may ask another: answered from the grants, and recorded.

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;
use writ_contract::{AgentId, GrantId, wire};

use crate::stage::{AGENT, Replica, Stage};

const OTHER: AgentId = AgentId(Uuid::from_u128(0xb));
const GRANT: GrantId = GrantId(Uuid::from_u128(0xc));

fn grant() -> wire::Grant {
    wire::Grant {
        grant_id: GRANT.to_bytes(),
        agent_id: OTHER.to_bytes(),
        target_agent_id: AGENT.to_bytes(),
        allowed_actions: vec!["invoke".into()],
        ..wire::Grant::default()
    }
}

async fn stage() -> Stage {
    let stage = Stage::new().await;
    let other = wire::Agent {
        agent_id: OTHER.to_bytes(),
        external_id: "planner".into(),
        environment: "production".into(),
        ..wire::Agent::default()
    };
    stage.state("other", 1, "registered", &other).await;
    stage.state("grant", 1, "given", &grant()).await;
    stage
}

async fn ask(stage: &Stage, replica: &Replica, body: &Value) -> (StatusCode, Value) {
    let path = "/api/v1/agents/authorize";
    replica.call_at(path, &stage.key, body.to_string()).await
}

fn sdk(caller: &str, callee: &str, action: &str) -> Value {
    json!({"callerAgentId": caller, "calleeAgentId": callee, "action": action})
}

#[tokio::test]
async fn a_granted_call_is_allowed_by_either_spelling_and_recorded() {
    let stage = stage().await;
    let replica = stage.replica(0).await;
    let (status, body) = ask(&stage, &replica, &sdk("planner", "bot", "invoke")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["allowed"], true);
    assert_eq!(body["grantId"], GRANT.to_string());
    assert_eq!(body["expiresAt"], Value::Null);
    let product = json!({"sourceAgentId": OTHER, "targetAgentId": AGENT, "action": "invoke"});
    let (status, _) = ask(&stage, &replica, &product).await;
    assert_eq!(status, StatusCode::OK);
    let recorded = stage.decisions().await;
    assert_eq!(recorded.len(), 2);
    let decision = &recorded[0].1;
    assert_eq!(decision.outcome(), wire::Outcome::Allow);
    assert_eq!(decision.agent_id, OTHER.to_bytes());
    let authorization = decision.authorization.as_ref().unwrap();
    assert_eq!(authorization.grant_id, GRANT.to_bytes());
    assert_eq!(authorization.target_agent_id, AGENT.to_bytes());
    assert_eq!(authorization.action, "invoke");
}

#[tokio::test]
async fn what_no_live_grant_allows_is_403_and_recorded() {
    let stage = stage().await;
    let past = wire::Grant {
        grant_id: vec![1; 16],
        allowed_actions: vec!["write".into()],
        expires_at_us: Some(1),
        ..grant()
    };
    stage.state("past", 1, "given", &past).await;
    let replica = stage.replica(0).await;
    for (caller, callee, action, code) in [
        ("bot", "planner", "invoke", "NOT_GRANTED"),
        ("planner", "bot", "delete", "NOT_GRANTED"),
        ("planner", "bot", "write", "NOT_GRANTED"),
        ("planner", "bot", "fly", "NOT_GRANTED"),
        ("planner", "nobody", "invoke", "AGENT_NOT_FOUND"),
    ] {
        let (status, body) = ask(&stage, &replica, &sdk(caller, callee, action)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
        assert_eq!(body["allowed"], false);
        assert_eq!(body["error"]["code"], code);
        assert_eq!(body["violations"][0]["policyType"], "system");
    }
    let recorded = stage.decisions().await;
    let denied = |(_, d): &&(u64, wire::Decision)| d.outcome() == wire::Outcome::Deny;
    assert_eq!(recorded.iter().filter(denied).count(), 5);
}

#[tokio::test]
async fn a_pause_of_the_one_that_is_asked_refuses_and_so_does_a_revocation() {
    let stage = stage().await;
    let replica = stage.replica(0).await;
    stage
        .state(
            "grant",
            2,
            "revoked",
            &wire::Grant {
                revoked: true,
                ..grant()
            },
        )
        .await;
    let call = sdk("planner", "bot", "invoke");
    let revoked = async {
        loop {
            let (status, body) = ask(&stage, &replica, &call).await;
            if status == StatusCode::FORBIDDEN {
                return body;
            }
        }
    };
    let within = std::time::Duration::from_secs(5);
    let body = tokio::time::timeout(within, revoked).await.unwrap();
    assert_eq!(body["error"]["code"], "NOT_GRANTED");
    stage.state("grant", 3, "given", &grant()).await;
    stage.pause(1, 0).await;
    let paused = stage.replica(1).await;
    let (status, body) = ask(&stage, &paused, &call).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["violations"][0]["policyType"], "kill_switch");
    assert_eq!(body["error"]["code"], "AGENT_PAUSED");
}

#[tokio::test]
async fn a_missing_field_is_named_and_a_bad_key_is_401() {
    let stage = stage().await;
    let replica = stage.replica(0).await;
    let (status, body) = ask(&stage, &replica, &json!({"action": "invoke"})).await;
    assert_eq!(
        (status, &body["allowed"]),
        (StatusCode::FORBIDDEN, &json!(false))
    );
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("callerAgentId")
    );
    let path = "/api/v1/agents/authorize";
    let call = sdk("planner", "bot", "invoke").to_string();
    let (status, _) = replica.call_at(path, "ag_nonsense", call).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(stage.decisions().await.is_empty());
}

//! Policies: checked before they are stored, versioned, stated as facts.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_access::Role;
use writ_contract::{Stream, wire};
use writ_eventlog::{Content, Start};

use crate::stand::{Answer, Stand};

const POLICIES: &str = "/api/v1/policies";

fn injection() -> Value {
    json!({
        "name": "No injections",
        "policyType": "injection_scan",
        "enforcementMode": "block",
        "ruleDefinition": {
            "patterns": ["ignore previous instructions", "system prompt"],
            "action": "block", "scan_input": true, "scan_output": false,
        },
        "appliesToAgents": [],
        "isActive": true,
    })
}

async fn create(stand: &Stand, policy: &Value) -> Answer {
    stand
        .owner(Method::POST, POLICIES, &policy.to_string())
        .await
}

#[tokio::test]
async fn a_policy_is_created_changed_and_deleted_and_each_state_is_a_fact() {
    let stand = Stand::start().await;
    let created = create(&stand, &injection()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    let id = created.body["data"]["id"].as_str().unwrap();
    assert!(id.starts_with("pol_"));
    let path = format!("{POLICIES}/{id}");
    let off = stand
        .owner(Method::PATCH, &path, r#"{"isActive":false}"#)
        .await;
    assert_eq!(
        (off.status, &off.body["data"]["version"]),
        (StatusCode::OK, &json!(2))
    );
    let gone = stand.owner(Method::DELETE, &path, "").await;
    assert_eq!(
        (gone.status, &gone.body["data"]["deleted"]),
        (StatusCode::OK, &json!(true))
    );
    assert_eq!(
        stand.owner(Method::GET, &path, "").await.code(),
        "POLICY_NOT_FOUND"
    );
    let versions = stand
        .owner(Method::GET, &format!("{path}/versions"), "")
        .await;
    assert_eq!(versions.body["data"].as_array().unwrap().len(), 3);
    assert_eq!(versions.body["data"][2]["policy"]["isActive"], json!(true));

    let log = stand.log();
    let filter = vec![log.topology().facts::<wire::Policy>()];
    let mut reader = log
        .read(Stream::Control, filter, Start::First)
        .await
        .unwrap();
    for (version, verb) in [(1, "created"), (2, "deactivated"), (3, "deleted")] {
        let Content::Fact(envelope) = reader.next().await.unwrap().content else {
            panic!()
        };
        assert_eq!((envelope.version, envelope.kind.verb()), (version, verb));
        let policy = envelope.open::<wire::Policy>().unwrap();
        assert_eq!(
            (policy.is_active, policy.deleted),
            (version == 1, version == 3)
        );
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_policy_is_named_field_by_field() {
    let stand = Stand::start().await;
    let mut typo = injection();
    typo["ruleDefinition"]["paterns"] = json!([]);
    typo["severity"] = json!("huge");
    let refused = create(&stand, &typo).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::BAD_REQUEST, "INVALID_REQUEST")
    );
    assert!(
        refused
            .message()
            .contains("ruleDefinition: unknown field 'paterns'"),
        "{refused:?}"
    );
    assert!(refused.message().contains("severity"), "{refused:?}");

    let mut unknown = injection();
    unknown["enabled"] = json!(true);
    assert!(
        create(&stand, &unknown)
            .await
            .message()
            .contains("unknown field `enabled`")
    );

    let broken = json!({
        "name": "cel", "policyType": "expression", "enforcementMode": "block",
        "ruleDefinition": {"expression": "1 +"},
    });
    let refused = create(&stand, &broken).await;
    assert!(refused.message().contains("ruleDefinition"), "{refused:?}");
    assert!(
        create(&stand, &json!({}))
            .await
            .message()
            .contains("policyType: is required")
    );
}

#[tokio::test]
async fn a_developer_writes_policies_for_its_own_agents_only() {
    let stand = Stand::start().await;
    let mine = stand.agent("mine").await;
    let theirs = stand
        .owner(Method::POST, "/api/v1/agents", r#"{"agentId":"theirs"}"#)
        .await;
    let theirs = theirs.body["data"]["id"].as_str().unwrap().to_owned();
    let aimed = |agents: Value| {
        let mut policy = injection();
        policy["appliesToAgents"] = agents;
        let stand = &stand;
        async move { stand.dev(Method::POST, POLICIES, &policy.to_string()).await }
    };
    assert_eq!(aimed(json!([])).await.code(), "NOT_OWNED");
    assert_eq!(aimed(json!([mine, theirs])).await.code(), "NOT_OWNED");
    assert_eq!(aimed(json!([mine])).await.status, StatusCode::CREATED);
    let all = create(&stand, &injection()).await;
    let path = format!("{POLICIES}/{}", all.body["data"]["id"].as_str().unwrap());
    assert_eq!(
        stand.dev(Method::DELETE, &path, "").await.code(),
        "NOT_OWNED"
    );
}

#[tokio::test]
async fn policies_of_another_organisation_do_not_exist() {
    let stand = Stand::start().await;
    let created = create(&stand, &injection()).await;
    let path = format!(
        "{POLICIES}/{}",
        created.body["data"]["id"].as_str().unwrap()
    );
    let stranger = stand.key(1, Role::Owner);
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let answer = stand.call(&stranger, method, &path, "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    }
    let versions = stand
        .call(&stranger, Method::GET, &format!("{path}/versions"), "")
        .await;
    assert_eq!(versions.status, StatusCode::NOT_FOUND);
}

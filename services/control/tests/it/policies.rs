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

#[tokio::test]
async fn a_policy_goes_back_to_what_a_version_said_as_a_version_of_its_own() {
    let stand = Stand::start().await;
    let created = create(&stand, &injection()).await;
    let path = format!(
        "{POLICIES}/{}",
        created.body["data"]["id"].as_str().unwrap()
    );
    for change in [
        r#"{"name":"Renamed","description":"words"}"#,
        r#"{"enforcementMode":"warn"}"#,
    ] {
        stand.owner(Method::PATCH, &path, change).await;
    }
    let rollback = format!("{path}/rollback");
    let back = stand
        .owner(Method::POST, &rollback, r#"{"version":1}"#)
        .await;
    assert_eq!(back.status, StatusCode::OK, "{back:?}");
    let data = &back.body["data"];
    assert_eq!(
        (&data["version"], &data["name"]),
        (&json!(4), &created.body["data"]["name"])
    );
    assert_eq!(
        (&data["enforcementMode"], &data["description"]),
        (&json!("block"), &Value::Null)
    );
    let refused = stand
        .owner(Method::POST, &rollback, r#"{"version":9}"#)
        .await;
    assert!(refused.message().contains("version"), "{refused:?}");

    let page = stand
        .owner(Method::GET, &format!("{path}/versions?limit=3"), "")
        .await
        .body;
    assert_eq!(
        (page["data"].as_array().unwrap().len(), &page["nextCursor"]),
        (3, &json!("2"))
    );
    let rest = stand
        .owner(Method::GET, &format!("{path}/versions?cursor=2"), "")
        .await
        .body;
    assert_eq!(
        (&rest["data"][0]["version"], &rest["nextCursor"]),
        (&json!(1), &Value::Null)
    );
}

#[tokio::test]
async fn an_exception_is_stated_without_its_reason_and_can_be_ended() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let created = create(&stand, &injection()).await;
    let path = format!(
        "{POLICIES}/{}",
        created.body["data"]["id"].as_str().unwrap()
    );
    let exceptions = format!("{path}/exceptions");
    let until = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let body = json!({"agentId": "bot", "reason": "a red team's week", "expiresAt": until});
    let refused = stand
        .dev(Method::POST, &exceptions, &body.to_string())
        .await;
    assert_eq!(
        refused.code(),
        "NOT_OWNED",
        "a policy for all is an admin's"
    );
    let made = stand
        .owner(Method::POST, &exceptions, &body.to_string())
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let exception = made.body["data"]["exceptions"][0].clone();
    assert_eq!(exception["agentId"], json!(agent));
    let over = json!({"reason": "x", "expiresAt": "2020-01-01T00:00:00Z"}).to_string();
    let refused = stand.owner(Method::POST, &exceptions, &over).await;
    assert!(refused.message().contains("expiresAt"), "{refused:?}");

    let log = stand.log();
    let filter = vec![log.topology().facts::<wire::Policy>()];
    let reading = log.read(Stream::Control, filter, Start::LastPerSubject);
    let Content::Fact(envelope) = reading.await.unwrap().next().await.unwrap().content else {
        panic!("a fact")
    };
    let fact = envelope.open::<wire::Policy>().unwrap();
    assert_eq!(fact.exceptions[0].expires_at_us, until.timestamp_micros());
    assert!(!format!("{fact:?}").contains("red team"));

    let end = format!("{exceptions}/{}", exception["id"].as_str().unwrap());
    let ended = stand.owner(Method::DELETE, &end, "").await.body["data"].clone();
    assert_eq!(
        (&ended["exceptions"], &ended["version"]),
        (&Value::Null, &json!(3))
    );
    let again = stand.owner(Method::DELETE, &end, "").await;
    assert_eq!(again.code(), "EXCEPTION_NOT_FOUND");
}

#[tokio::test]
async fn a_false_positive_is_marked_once_and_counted_for_its_policy() {
    let stand = Stand::start().await;
    let created = create(&stand, &injection()).await;
    let path = format!(
        "{POLICIES}/{}/false-positives",
        created.body["data"]["id"].as_str().unwrap()
    );
    let say = |n: u128, reason: &str| {
        let decision = writ_contract::DecisionId(uuid::Uuid::from_u128(n));
        json!({"decisionId": decision, "reason": reason}).to_string()
    };
    let made = stand.dev(Method::POST, &path, &say(1, "a quote")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let again = stand.dev(Method::POST, &path, &say(1, "other words")).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &made.body));
    stand.dev(Method::POST, &path, &say(2, "a quote")).await;
    let refused = stand.dev(Method::POST, &path, &say(3, " ")).await;
    assert!(refused.message().contains("reason"), "{refused:?}");
    let page = stand
        .dev(Method::GET, &format!("{path}?limit=1"), "")
        .await
        .body;
    assert_eq!(
        (page["data"].as_array().unwrap().len(), &page["total"]),
        (1, &json!(2))
    );
    let next = page["nextCursor"].as_str().unwrap();
    let rest = stand
        .dev(Method::GET, &format!("{path}?cursor={next}"), "")
        .await
        .body;
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
    let foreign = stand.key(1, Role::Owner);
    let refused = stand
        .call(&foreign, Method::POST, &path, &say(1, "x"))
        .await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
}

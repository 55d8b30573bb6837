//! An organisation's settings, and what its plan allows.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_contract::{OrgId, Stream, wire};
use writ_eventlog::{Content, Start};
use writ_testkit::eventually;

use crate::stand::{Answer, Stand};

const SETTINGS: &str = "/api/v1/organization/settings";

async fn set(stand: &Stand, settings: Value) -> Answer {
    stand
        .owner(Method::PATCH, SETTINGS, &settings.to_string())
        .await
}

async fn policy(stand: &Stand, name: &str) -> Answer {
    let body = json!({"name": name, "policyType": "injection_scan", "enforcementMode": "block",
        "ruleDefinition": {}, "appliesToAgents": []});
    stand
        .owner(Method::POST, "/api/v1/policies", &body.to_string())
        .await
}

async fn last_fact(stand: &Stand) -> wire::Organization {
    let org = OrgId(stand.orgs[0].id);
    let log = stand.log();
    let filters = vec![
        log.topology()
            .fact::<wire::Organization>(org, &org.to_string()),
    ];
    let reading = log.read(Stream::Control, filters, Start::LastPerSubject);
    let Content::Fact(envelope) = reading.await.unwrap().next().await.unwrap().content else {
        panic!("a fact")
    };
    envelope.open().unwrap()
}

#[tokio::test]
async fn settings_begin_as_documented_and_every_one_of_them_is_stated() {
    let stand = Stand::start().await;
    let begun = stand.dev(Method::GET, SETTINGS, "").await.body["data"].clone();
    for (name, value) in [
        ("registrationRequired", json!(true)),
        ("tieredGovernance", json!(true)),
        ("versionRegistry", json!(true)),
        ("promptApproval", json!(false)),
        ("credentialRequired", json!(false)),
        ("onPlanLimit", json!("govern")),
        ("plan", json!("")),
        ("retentionDays", Value::Null),
        ("maxAgents", Value::Null),
    ] {
        assert_eq!(begun[name], value, "{name}");
    }
    let all = json!({"registrationRequired": false, "tieredGovernance": false,
        "versionRegistry": false, "promptApproval": true, "credentialRequired": true,
        "onPlanLimit": "refuse", "plan": "pro", "retentionDays": 90, "maxAgents": 50,
        "maxPolicies": 20, "maxUsers": 5, "maxTracesPerMonth": 1000});
    let changed = set(&stand, all.clone()).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    for (name, value) in all.as_object().unwrap() {
        assert_eq!(&changed.body["data"][name], value, "{name}");
    }
    let fact = last_fact(&stand).await;
    assert_eq!(
        (
            fact.tiered_governance,
            fact.version_registry,
            fact.prompt_approval
        ),
        (Some(false), Some(false), true)
    );
    assert!(fact.credential_required && !fact.registration_required);
    assert_eq!(
        (
            fact.plan.as_str(),
            fact.retention_days,
            fact.max_agents,
            fact.max_policies
        ),
        ("pro", Some(90), Some(50), Some(20))
    );
    assert_eq!(
        (fact.max_users, fact.max_traces_per_month),
        (Some(5), Some(1000))
    );
}

#[tokio::test]
async fn a_plan_without_room_is_answered_402_as_the_sdk_reads_it() {
    let stand = Stand::start().await;
    let id = stand.agent("first").await;
    policy(&stand, "first").await;
    set(&stand, json!({"maxAgents": 1, "maxPolicies": 1})).await;

    let body = r#"{"agentId":"second"}"#;
    let refused = stand.dev(Method::POST, "/api/v1/agents", body).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{refused:?}");
    let error = &refused.body["error"];
    assert_eq!(
        (&error["resource"], &error["current"], &error["max"]),
        (&json!("maxAgents"), &json!(1), &json!(1))
    );
    let again = stand
        .dev(Method::POST, "/api/v1/agents", r#"{"agentId":"first"}"#)
        .await;
    assert_eq!(
        again.status,
        StatusCode::OK,
        "one that is there may register: {again:?}"
    );
    let refused = policy(&stand, "second").await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(refused.body["error"]["resource"], "maxPolicies");

    let path = format!("/api/v1/agents/{id}");
    stand
        .owner(Method::PATCH, &path, r#"{"archived":true}"#)
        .await;
    let made = stand.dev(Method::POST, "/api/v1/agents", body).await;
    assert_eq!(
        made.status,
        StatusCode::CREATED,
        "an archived one takes no room: {made:?}"
    );
    let refused = stand
        .owner(Method::PATCH, &path, r#"{"archived":false}"#)
        .await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{refused:?}");
    set(&stand, json!({"maxAgents": null})).await;
    let back = stand
        .owner(Method::PATCH, &path, r#"{"archived":false}"#)
        .await;
    assert_eq!(back.status, StatusCode::OK, "{back:?}");
}

#[tokio::test]
async fn usage_counts_what_there_is_and_what_ingest_states() {
    let stand = Stand::start().await;
    stand.agent("bot").await;
    set(&stand, json!({"plan": "pro", "maxAgents": 50})).await;
    stand.counted(12).await;
    eventually(Duration::from_secs(5), "the count of traces", || async {
        let usage = stand
            .dev(Method::GET, "/api/v1/billing/usage", "")
            .await
            .body["data"]
            .clone();
        let expected = json!({"plan": "pro", "usage": {
            "agents": {"current": 1, "max": 50}, "policies": {"current": 0, "max": -1},
            "users": {"current": 2, "max": -1}, "traces": {"current": 12, "max": -1}}});
        if usage == expected {
            Ok(())
        } else {
            Err(usage)
        }
    })
    .await;
}

#[tokio::test]
async fn only_an_owner_sets_the_plan_and_only_where_the_deployment_leaves_it_to_owners() {
    let stand = Stand::start().await;
    let refused = stand
        .dev(Method::PATCH, SETTINGS, r#"{"maxAgents":9}"#)
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
    let issued = r#"{"name":"an admin","role":"admin"}"#;
    let admin = stand.owner(Method::POST, "/api/v1/keys", issued).await;
    let admin = admin.body["data"]["key"].as_str().unwrap().to_owned();
    let path = |body| stand.call(&admin, Method::PATCH, SETTINGS, body);
    let refused = path(r#"{"plan":"enterprise"}"#).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::FORBIDDEN, "PLAN_FIXED")
    );
    assert_eq!(path(r#"{"retentionDays":30}"#).await.status, StatusCode::OK);

    let mut stand = stand;
    stand.running.stop().await;
    stand.config.owner_sets_plan = false;
    stand.start_again().await;
    let refused = set(&stand, json!({"maxAgents": 9})).await;
    assert_eq!(refused.code(), "PLAN_FIXED");
    assert!(refused.message().contains("seed"), "{refused:?}");
}

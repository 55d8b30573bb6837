use http::StatusCode;
use serde_json::json;
use writ_contract::wire;
use writ_enforcement::Config;
use writ_enforcement::config::Refusals;

use crate::stage::{Stage, ask};

#[tokio::test]
async fn what_no_policy_minds_is_allowed_and_recorded_before_it_is_answered() {
    let stage = Stage::new().await;
    let replica = stage.replica(0).await;
    let (status, body) = replica.call(&stage.key, ask("good morning")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["allowed"], true);
    let recorded = stage.decisions().await;
    assert_eq!(recorded.len(), 1);
    let decision = &recorded[0].1;
    assert_eq!(decision.outcome(), wire::Outcome::Allow);
    assert_eq!(
        body["source"],
        format!("writ:{}", body["decisionId"].as_str().unwrap())
    );
    assert_eq!(decision.input_length, "good morning".len() as u64);
}

#[tokio::test]
async fn a_large_request_is_judged_to_its_end() {
    let stage = Stage::new().await;
    let rule = json!({"patterns": ["open sesame"]});
    stage.policy(1, "injection_scan", "block", rule).await;
    let replica = stage.replica(0).await;
    let long = "a quiet day at the office. ".repeat(8 * 1024);
    let (status, body) = replica.call(&stage.key, ask(&long)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (status, body) = replica
        .call(&stage.key, ask(&format!("{long} open sesame")))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
}

#[tokio::test]
async fn an_act_too_large_to_be_shown_to_an_approver_is_denied() {
    let stage = Stage::new().await;
    let rule = json!({"denied_tools": ["*"]});
    stage
        .policy(1, "tool_invocation", "require_approval", rule)
        .await;
    let replica = stage.replica(0).await;
    let mut request = ask(&"x".repeat(8 * 1024 * 1024));
    request["tools"] = json!(["shell.run"]);
    let (status, body) = replica.call(&stage.key, request).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert_eq!(body["violations"][0]["code"], "REQUEST_TOO_LARGE");
}

#[tokio::test]
async fn a_block_is_a_403_with_its_violations_and_a_warning_rides_on_a_200() {
    let stage = Stage::new().await;
    let rule = json!({"denied_tools": ["shell.*"]});
    stage
        .policy(1, "tool_invocation", "block", rule.clone())
        .await;
    stage
        .policy(
            2,
            "tool_invocation",
            "warn",
            json!({"denied_tools": ["crm.*"]}),
        )
        .await;
    let replica = stage.replica(0).await;
    let mut request = ask("x");
    request["tools"] = json!(["shell.run"]);
    let (status, body) = replica.call(&stage.key, request.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["allowed"], false);
    assert_eq!(body["violations"][0]["policyType"], "tool_invocation");
    assert_eq!(body["violations"][0]["enforcementMode"], "block");
    request["tools"] = json!(["crm.read"]);
    let (status, body) = replica.call(&stage.key, request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["warnings"][0]["policyName"], "policy 2");
    let outcomes: Vec<_> = stage
        .decisions()
        .await
        .iter()
        .map(|d| d.1.outcome())
        .collect();
    assert_eq!(outcomes, [wire::Outcome::Deny, wire::Outcome::Allow]);
}

#[tokio::test]
async fn what_was_only_noted_reads_so_and_masking_holds_in_every_mode() {
    let stage = Stage::new().await;
    let emails = json!({"denied_pii_types": ["email"]});
    stage.policy(1, "pii_access", "monitor", emails).await;
    let masked = json!({"denied_pii_types": ["ssn"], "mask_output": true});
    stage.policy(2, "pii_access", "block", masked).await;
    let replica = stage.replica(0).await;
    let (status, body) = replica.call(&stage.key, ask("write to a@b.com")).await;
    assert_eq!((status, &body["mode"]), (StatusCode::OK, &json!("monitor")));
    let (status, body) = replica.call(&stage.key, ask("I am 123-45-6789")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["redactedInput"], "I am [REDACTED:ssn]");
    let versions: Vec<_> = stage
        .decisions()
        .await
        .iter()
        .flat_map(|(_, decision)| decision.hits.iter().map(|hit| hit.policy_version))
        .collect();
    assert_eq!(versions, [1, 1]);
}

#[tokio::test]
async fn every_refusal_halts_the_sdk() {
    let stage = Stage::new().await;
    let replica = stage.replica(0).await;
    let unknown = json!({"agentId": "nobody", "environment": "production", "input": "x"});
    let refused = [
        ("no key at all", "", ask("x").to_string()),
        ("a malformed key", "exe_prod_short", ask("x").to_string()),
        ("an unknown agent", stage.key.as_str(), unknown.to_string()),
        ("no JSON", stage.key.as_str(), "{".to_owned()),
        (
            "keys that stand twice",
            stage.key.as_str(),
            r#"{"input":"a","input":"b"}"#.to_owned(),
        ),
        (
            "a body over the limit",
            stage.key.as_str(),
            " ".repeat(11 * 1024 * 1024),
        ),
        (
            "nesting without end",
            stage.key.as_str(),
            "[".repeat(100_000),
        ),
        ("an empty body", stage.key.as_str(), String::new()),
    ];
    for (what, key, body) in refused {
        let (status, body) = replica.call_text(key, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{what}: {body}");
        assert_eq!(body["allowed"], false, "{what}");
        assert_eq!(body["violations"][0]["policyType"], "system", "{what}");
    }
}

#[tokio::test]
async fn where_it_is_asked_for_refusals_have_the_plain_codes_of_http_and_denials_stay_403() {
    let stage = Stage::new().await;
    let rule = json!({"denied_tools": ["shell.*"]});
    stage.policy(1, "tool_invocation", "block", rule).await;
    let config = Config {
        refusals: Refusals::Http,
        ..stage.config(0)
    };
    let replica = stage.replica_with(config).await;
    let unknown = json!({"agentId": "nobody", "environment": "production", "input": "x"});
    let mut denied = ask("x");
    denied["tools"] = json!(["shell.run"]);
    for (status, key, body) in [
        (StatusCode::UNAUTHORIZED, "", ask("x").to_string()),
        (
            StatusCode::NOT_FOUND,
            stage.key.as_str(),
            unknown.to_string(),
        ),
        (StatusCode::BAD_REQUEST, stage.key.as_str(), "{".to_owned()),
        (
            StatusCode::FORBIDDEN,
            stage.key.as_str(),
            denied.to_string(),
        ),
        (StatusCode::OK, stage.key.as_str(), ask("x").to_string()),
    ] {
        let (given, body) = replica.call_text(key, body).await;
        assert_eq!(given, status, "{body}");
        assert_eq!(body["allowed"], status == StatusCode::OK, "{body}");
    }
}

#[tokio::test]
async fn a_budget_is_never_exceeded_by_parallel_callers_on_two_replicas() {
    let stage = Stage::new().await;
    stage
        .policy(1, "cost_limit", "block", json!({"daily_budget": 1.0}))
        .await;
    let (one, two) = (stage.replica(0).await, stage.replica(1).await);
    let mut request = ask("x");
    request["estimatedCost"] = json!(0.1);
    let calls = (0..32).map(|n| {
        let replica = if n % 2 == 0 { &one } else { &two };
        replica.call(&stage.key, request.clone())
    });
    let answers = futures::future::join_all(calls).await;
    let allowed = answers
        .iter()
        .filter(|(status, _)| *status == StatusCode::OK)
        .count();
    assert!((1..=10).contains(&allowed), "{allowed} of at most 10");
    assert!(
        answers
            .iter()
            .all(|(s, _)| [StatusCode::OK, StatusCode::FORBIDDEN].contains(s))
    );
}

#[tokio::test]
async fn where_agents_need_not_register_the_policies_for_all_of_them_judge() {
    let stage = Stage::new().await;
    let org = wire::Organization {
        org_id: stage.org.to_bytes(),
        registration_required: false,
        ..wire::Organization::default()
    };
    stage.state("org", 2, "updated", &org).await;
    let rule = json!({"denied_tools": ["shell"]});
    stage.policy(1, "tool_invocation", "block", rule).await;
    let replica = stage.replica(0).await;
    let mut request = ask("x");
    request["agentId"] = json!("nobody");
    let (status, body) = replica.call(&stage.key, request.clone()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    request["tools"] = json!(["shell"]);
    let (status, body) = replica.call(&stage.key, request).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert_eq!(body["violations"][0]["policyType"], "tool_invocation");
}

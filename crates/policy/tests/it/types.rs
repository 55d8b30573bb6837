//! What each type says about particular requests.

use serde_json::json;
use uuid::Uuid;
use writ_policy::{Facts, Mode, Obligation, Outcome, PolicySet, PolicyType, Request, decide_alone};

use crate::support::{NOON, agent, decide, decide_by, policy, request};

#[test]
fn messages_never_echo_what_was_found() {
    let text = "card 4111 1111 1111 1111, ssn 536-90-4399, mail ana@example.com";
    let decision = decide_by(PolicyType::PiiAccess, json!({}), &request(text));
    let wire = serde_json::to_string(&decision).unwrap();
    assert_eq!(decision.outcome, Outcome::Block);
    for secret in ["4111", "536-90", "ana@"] {
        assert!(!wire.contains(secret), "{wire}");
    }
    assert!(
        decision.violations[0]
            .message
            .contains("credit_card, email, ssn")
    );
}

#[test]
fn masking_works_in_every_mode_and_logs_access() {
    let rule = json!({"denied_pii_types": ["ssn"], "mask_output": true, "log_access": true});
    let text = "Ω my ssn is 536-90-4399.";
    for mode in Mode::ALL {
        let policies = vec![policy(1, PolicyType::PiiAccess, *mode, rule.clone())];
        let decision = decide(policies, &request(text));
        assert_eq!(
            decision.redacted_input.as_deref(),
            Some("Ω my ssn is [REDACTED:ssn].")
        );
        assert!(
            matches!(&decision.obligations[0], Obligation::Mask { evidence, .. } if evidence.len() == 1)
        );
        assert!(
            matches!(&decision.obligations[1], Obligation::LogAccess { types, .. } if types == &["ssn"])
        );
    }
}

#[test]
fn nothing_to_mask_leaves_no_redacted_input() {
    let rule = json!({"mask_output": true});
    let decision = decide_by(PolicyType::PiiAccess, rule, &request("all clear"));
    assert_eq!(decision.redacted_input, None);
}

#[test]
fn daily_budget_becomes_a_reservation_of_the_utc_day() {
    let rule = json!({"daily_budget": 10, "max_cost_per_execution": 1});
    let spending = Request {
        estimated_cost: Some(0.25),
        ..request("go")
    };
    let decision = decide_by(PolicyType::CostLimit, rule.clone(), &spending);
    let reservation = &decision.reservations[0];
    assert_eq!(decision.outcome, Outcome::Allow);
    assert_eq!(reservation.period, "2026-11-20");
    assert_eq!((reservation.amount, reservation.cap), (250_000, 10_000_000));

    let mut refused = decision.clone();
    refused.add(reservation.violation.clone());
    assert_eq!(refused.outcome, Outcome::Block);
    assert_eq!(
        refused.violations[0].message,
        "the daily budget of $10.00 is used up"
    );

    let dear = Request {
        estimated_cost: Some(11.0),
        ..request("go")
    };
    let blocked = decide_by(PolicyType::CostLimit, rule, &dear);
    assert_eq!(blocked.outcome, Outcome::Block);
    assert!(blocked.reservations.is_empty());
}

#[test]
fn missing_estimate_falls_back_and_says_so() {
    let rule = json!({"daily_budget": 10, "default_estimated_cost": 0.02});
    let decision = decide_by(PolicyType::CostLimit, rule, &request("go"));
    assert_eq!(decision.reservations[0].amount, 20_000);
    assert!(
        decision.considered[0]
            .why
            .starts_with("the policy's default cost is to be reserved")
    );

    let set = PolicySet::compile(vec![policy(
        1,
        PolicyType::CostLimit,
        Mode::Block,
        json!({"daily_budget": 10}),
    )]);
    let facts = Facts {
        now_ms: NOON,
        mean_cost: Some(0.5),
    };
    let decision = decide_alone(&set, &request("go"), &facts);
    assert_eq!(decision.reservations[0].amount, 500_000);
    let decision = decide_alone(&set, &request("go"), &Facts::at(NOON));
    assert_eq!(decision.reservations[0].amount, 0);
}

#[test]
fn unusable_cost_denies() {
    for cost in [-1.0, f64::NAN, f64::INFINITY] {
        let request = Request {
            estimated_cost: Some(cost),
            ..request("go")
        };
        let rule = json!({"max_cost_per_execution": 1});
        let decision = decide_by(PolicyType::CostLimit, rule, &request);
        assert_eq!(decision.outcome, Outcome::Block, "{cost}");
        assert!(decision.considered[0].failed);
    }
}

#[test]
fn denied_tool_wins_over_allowed_and_ignores_case() {
    let rule = json!({"allowed_tools": ["db.*", "search"], "denied_tools": ["db.drop_*"]});
    for (tool, blocked) in [
        ("db.read", false),
        ("search", false),
        ("db.drop_table", true),
        ("DB.Drop_Table", true),
        ("Search", true),
        ("mail.send", true),
    ] {
        let request = Request {
            tools: vec![tool.into()],
            ..request("go")
        };
        let decision = decide_by(PolicyType::ToolInvocation, rule.clone(), &request);
        assert_eq!(decision.outcome == Outcome::Block, blocked, "{tool}");
    }
    let aliases = json!({"allow": ["*"], "deny": ["payments.{refund,transfer}"]});
    let request = Request {
        tools: vec!["x".into(), "payments.refund".into()],
        ..request("go")
    };
    let decision = decide_by(PolicyType::ToolInvocation, aliases, &request);
    assert_eq!(
        decision.violations[0].message,
        "tool 'payments.refund' is denied"
    );
    assert_eq!(decision.violations[0].evidence[0].location, "tools[1]");
}

#[test]
fn empty_allow_list_allows_no_tool() {
    let request = Request {
        tools: vec!["x".into()],
        ..request("go")
    };
    let decision = decide_by(
        PolicyType::ToolInvocation,
        json!({"allowed_tools": []}),
        &request,
    );
    assert_eq!(decision.outcome, Outcome::Block);
}

fn rich_request() -> Request {
    let mut request = Request {
        metadata: Some(json!({
            "amount": 250, "rate": 0.5, "tags": ["a", "b"], "nested": {"deep": [1, 2, 3]},
            "onBehalfOf": {"userId": "u1", "roles": ["clerk"]}, "tier": "subagent",
            "sessionId": "s1",
        })),
        tools: vec!["db.read".into(), "mail.send".into()],
        estimated_cost: Some(1.5),
        ..request("Transfer the money, please")
    };
    request.read_metadata().unwrap();
    request
}

#[test]
fn expressions_read_the_request() {
    let request = rich_request();
    for (source, expected) in [
        ("cost > 1", true),
        ("metadata.amount >= 250 && metadata.rate < 1", true),
        ("metadata.amount * metadata.rate == 125.0", true),
        ("tools.exists(t, t.startsWith('mail.'))", true),
        ("tools.all(t, t.contains('.'))", true),
        ("tools.exists_one(t, t == 'db.read')", true),
        ("size(tools.filter(t, t.endsWith('send'))) == 1", true),
        ("metadata.tags.map(t, t + '!') == ['a!', 'b!']", true),
        ("metadata.nested.deep[1] == 2", true),
        ("'a' in metadata.tags && !('z' in metadata.tags)", true),
        ("has(metadata.amount) && !has(metadata.missing)", true),
        ("input.lowerAscii().contains('money')", true),
        ("input.matches('(?i)^transfer .* please$')", true),
        (
            "agentName == 'Billing bot' && environment == 'production'",
            true,
        ),
        ("now.getHours() == 12 && now.getHours('+02:00') == 14", true),
        (
            "now - duration('36h') < timestamp('2026-11-19T00:00:01Z')",
            true,
        ),
        ("now.getDayOfWeek() == 5", true),
        (
            "tier == 'subagent' && session == 's1' && user.roles.exists(r, r == 'clerk')",
            true,
        ),
        ("phase == 'pre' && output == ''", true),
        ("environment in ['staging', 'development']", false),
        ("true || metadata.missing > 1", true),
        ("metadata.missing > 1 || true", true),
        ("false && metadata.missing > 1", false),
        (
            "tools.exists(t, metadata.missing > 1 || t == 'mail.send')",
            true,
        ),
        ("cost > 1 ? false : true", false),
        ("9007199254740993 == 9007199254740992.0", false),
        (
            "int('7') % 4 == 3 && double('1.5') == 1.5 && string(7) == '7'",
            true,
        ),
    ] {
        let rule = json!({"expression": source});
        let decision = decide_by(PolicyType::Expression, rule, &request);
        assert!(
            !decision.considered[0].failed,
            "{source}: {}",
            decision.considered[0].why
        );
        assert_eq!(decision.outcome == Outcome::Block, expected, "{source}");
    }
}

#[test]
fn only_policies_of_the_agent_are_considered() {
    let rule = json!({"denied_tools": ["*"]});
    let mut other = policy(1, PolicyType::ToolInvocation, Mode::Block, rule.clone());
    other.applies_to_agents = vec![Uuid::from_u128(99)];
    let mut own = policy(2, PolicyType::ToolInvocation, Mode::Warn, rule.clone());
    own.applies_to_agents = vec![agent(), Uuid::from_u128(99)];
    let mut off = policy(3, PolicyType::ToolInvocation, Mode::Block, rule);
    off.is_active = false;
    let request = Request {
        tools: vec!["x".into()],
        ..request("go")
    };
    let decision = decide(vec![other, own, off], &request);
    assert_eq!(decision.outcome, Outcome::Allow);
    assert_eq!(decision.considered.len(), 1);
    assert_eq!(decision.warnings[0].policy_id, Uuid::from_u128(2));
}

#[test]
fn strongest_hit_decides_and_all_are_listed_in_order() {
    let rule = json!({"denied_tools": ["*"]});
    let of = |n, mode, order| {
        let mut policy = policy(n, PolicyType::ToolInvocation, mode, rule.clone());
        policy.evaluation_order = order;
        policy
    };
    let policies = vec![
        of(1, Mode::Monitor, 400),
        of(2, Mode::Block, 300),
        of(3, Mode::RequireApproval, 200),
        of(4, Mode::Warn, 100),
    ];
    let request = Request {
        tools: vec!["x".into()],
        ..request("go")
    };
    let decision = decide(policies, &request);
    let ids = |hits: &[writ_policy::Violation]| -> Vec<u128> {
        hits.iter().map(|hit| hit.policy_id.as_u128()).collect()
    };
    assert_eq!(decision.outcome, Outcome::Block);
    assert_eq!(ids(&decision.violations), [3, 2]);
    assert_eq!(ids(&decision.warnings), [4, 1]);
}

#[test]
fn violation_has_the_wire_shape() {
    let request = Request {
        tools: vec!["x".into()],
        ..request("go")
    };
    let decision = decide_by(
        PolicyType::ToolInvocation,
        json!({"denied_tools": ["x"]}),
        &request,
    );
    assert_eq!(
        serde_json::to_value(&decision.violations[0]).unwrap(),
        json!({
            "policyId": "00000000-0000-0000-0000-000000000001",
            "policyName": "policy 1",
            "policyType": "tool_invocation",
            "severity": "high",
            "enforcementMode": "block",
            "message": "tool 'x' is denied",
            "evidence": [{"kind": "denied_tool", "location": "tools[0]"}],
        })
    );
}

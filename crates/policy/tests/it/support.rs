//! Short ways to say policies and requests.

use serde_json::Value;
use uuid::Uuid;
use writ_policy::{
    AgentRef, Decision, Facts, Mode, Policy, PolicySet, PolicyType, Request, Severity, decide_alone,
};

/// 2026-11-20T12:00:00Z.
pub(crate) const NOON: i64 = 1_795_176_000_000;

pub(crate) fn agent() -> Uuid {
    Uuid::from_u128(0xA6E1)
}

pub(crate) fn policy(n: u128, policy_type: PolicyType, mode: Mode, rule: Value) -> Policy {
    Policy {
        severity: Severity::High,
        ..Policy::new(
            Uuid::from_u128(n),
            format!("policy {n}"),
            policy_type,
            mode,
            rule,
        )
    }
}

pub(crate) fn request(input: &str) -> Request {
    Request {
        agent: AgentRef {
            id: agent(),
            external_id: "billing-bot".into(),
            name: "Billing bot".into(),
            environment: "production".into(),
            ..AgentRef::default()
        },
        org_id: Uuid::from_u128(0x0126),
        input: input.into(),
        ..Request::default()
    }
}

pub(crate) fn decide(policies: Vec<Policy>, request: &Request) -> Decision {
    decide_alone(&PolicySet::compile(policies), request, &Facts::at(NOON))
}

/// Judges by a single block policy.
pub(crate) fn decide_by(policy_type: PolicyType, rule: Value, request: &Request) -> Decision {
    decide(vec![policy(1, policy_type, Mode::Block, rule)], request)
}

/// The problem a rule definition has, as its author reads it.
pub(crate) fn problem(policy_type: PolicyType, rule: &Value) -> String {
    let problems = writ_policy::schema::validate(policy_type, rule).unwrap_err();
    problems[0].to_string()
}

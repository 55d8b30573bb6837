//! The same rules for every engine, and the requests they are asked about.

use serde_json::{Value, json};
use uuid::Uuid;
use writ_policy::{AgentRef, Mode, Policy, PolicyType, Request};

const WORDS: &[&str] = &[
    "order", "invoice", "customer", "password", "reset", "delivery", "address", "refund", "status",
    "summary", "meeting", "quarter", "report", "ticket", "agent", "policy", "shipment", "account",
];

/// 2026-11-20T12:00:00Z.
pub const NOON_MS: i64 = 1_795_176_000_000;

/// The agent that asks.
#[must_use]
pub fn agent() -> Uuid {
    Uuid::from_u128(0xA6E1)
}

/// Different texts of `bytes` bytes, a fifth of them not all ASCII; nothing in them hits.
#[must_use]
pub fn texts(count: usize, bytes: usize) -> Vec<String> {
    (0..count).map(|number| text(number, bytes)).collect()
}

fn text(number: usize, bytes: usize) -> String {
    let mut text = format!("Request {number}:");
    let mut state = number as u64 + 1;
    while text.len() < bytes {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let pick = (state >> 33) as usize;
        text.push(' ');
        text.push_str(WORDS[pick % WORDS.len()]);
        if number.is_multiple_of(5) && pick.is_multiple_of(23) {
            text.push_str(" größe");
        }
    }
    text
}

/// An act with this input.
#[must_use]
pub fn request(input: &str) -> Request {
    Request {
        agent: AgentRef {
            id: agent(),
            external_id: "bench-bot".to_owned(),
            name: "Bench bot".to_owned(),
            environment: "production".to_owned(),
            ..AgentRef::default()
        },
        input: input.to_owned(),
        tools: vec!["crm.read".to_owned()],
        estimated_cost: Some(0.2),
        ..Request::default()
    }
}

fn policy(n: usize, policy_type: PolicyType, mode: Mode, rule: Value) -> Policy {
    let id = Uuid::from_u128(n as u128 + 1);
    Policy::new(id, format!("policy {n}"), policy_type, mode, rule)
}

/// Half tool rules, half conditions: what every engine can say.
#[must_use]
pub fn conditions(count: usize) -> Vec<Policy> {
    (0..count)
        .map(|n| {
            let (policy_type, rule) = if n % 2 == 0 {
                let rule = json!({"denied_tools": [format!("shell{n}.*")]});
                (PolicyType::ToolInvocation, rule)
            } else {
                let source = format!("cost > {n}.5 && environment == 'production'");
                (PolicyType::Expression, json!({"expression": source}))
            };
            policy(n, policy_type, Mode::Block, rule)
        })
        .collect()
}

/// [`conditions`], with the first three replaced by the detectors and 56 patterns, and a cost cap.
#[must_use]
pub fn mixed(count: usize) -> Vec<Policy> {
    let patterns: Vec<String> = (0..56)
        .map(|n| format!("forbidden phrase number {n}\\b"))
        .collect();
    let mut policies = conditions(count);
    policies[0] = policy(
        0,
        PolicyType::InjectionScan,
        Mode::Block,
        json!({"patterns": patterns}),
    );
    policies[1] = policy(
        1,
        PolicyType::PiiAccess,
        Mode::Monitor,
        json!({"denied_pii_types": ["credit_card", "email"]}),
    );
    policies[2] = policy(
        2,
        PolicyType::CostLimit,
        Mode::Block,
        json!({"max_cost_per_execution": 5.0}),
    );
    policies
}

/// `count` policies of which `applying` are for the agent that asks.
#[must_use]
pub fn scoped(count: usize, applying: usize) -> Vec<Policy> {
    let mut policies = mixed(applying);
    let others = conditions(count).into_iter().skip(applying);
    policies.extend(others.enumerate().map(|(n, mut policy)| {
        policy.applies_to_agents = vec![Uuid::from_u128(0xF000_0000 + n as u128 / 20)];
        policy
    }));
    policies
}

/// The same conditions in Cedar's language.
#[must_use]
pub fn cedar(count: usize) -> String {
    let mut source = "permit(principal, action, resource);\n".to_owned();
    for n in 0..count {
        let condition = if n % 2 == 0 {
            format!("context.tool like \"shell{n}.*\"")
        } else {
            format!("context.cents > {n}50 && context.environment == \"production\"")
        };
        source.push_str(&format!(
            "forbid(principal, action, resource) when {{ {condition} }};\n"
        ));
    }
    source
}

/// The same conditions as CEL programs.
#[must_use]
pub fn cel(count: usize) -> Vec<String> {
    (0..count)
        .map(|n| {
            if n % 2 == 0 {
                format!("tools.exists(t, t.startsWith('shell{n}.'))")
            } else {
                format!("cost > {n}.5 && environment == 'production'")
            }
        })
        .collect()
}

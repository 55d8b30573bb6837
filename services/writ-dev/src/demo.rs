//! Demo data: what a new user would have after an hour. Made through the API like anybody's.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::Api;
use crate::layout::Ports;
use crate::orgs::Org;

/// Name, external id and type of the demo's agents.
const AGENTS: [(&str, &str, &str); 3] = [
    ("Support bot", "support-bot", "chatbot"),
    ("Order processor", "order-processor", "autonomous"),
    ("Report writer", "report-writer", "copilot"),
];
/// Traces of the last hour, one a minute.
const TRACES: u32 = 60;

/// Fills the demo organisation unless it has policies already. `now` is the end of the hour.
///
/// # Errors
/// The first request that is refused.
pub async fn seed(ports: Ports, org: &Org, now: DateTime<Utc>) -> anyhow::Result<()> {
    let api = Api::of(ports, org);
    let known = api
        .send(Method::GET, "/policies", None)
        .await?
        .json::<Value>()
        .await?;
    if known
        .get("data")
        .and_then(Value::as_array)
        .is_some_and(|policies| !policies.is_empty())
    {
        return Ok(());
    }
    for (name, id, kind) in AGENTS {
        let agent = json!({ "agentId": id, "name": name, "type": kind, "platform": "custom",
            "environment": "production" });
        api.post("/agents", agent).await?;
    }
    for policy in policies() {
        api.post("/policies", policy).await?;
    }
    let agents = AGENTS.iter().map(|(_, id, _)| *id).cycle();
    let traces: Vec<_> = (0..TRACES)
        .zip(agents)
        .map(|(minute, agent)| trace(minute, agent, now))
        .collect();
    api.post("/traces/ingest", json!({ "traces": traces }))
        .await?;
    let held = json!({ "agentId": "order-processor", "input": "Refund order 1042 in full",
        "environment": "production", "tools": ["payments.refund"], "estimatedCost": 0.02 });
    // Asked with the developer's key: nobody may approve what was asked with their own.
    let agent = api.with_key(&org.developer.key);
    agent.post("/policies/enforce", held).await.map(drop)
}

/// The product's instant setup.
fn policies() -> [Value; 5] {
    let policy = |name: &str, kind: &str, mode: &str, rule: Value| {
        json!({ "name": name, "policyType": kind, "enforcementMode": mode,
            "ruleDefinition": rule, "appliesToAgents": [], "isActive": true })
    };
    [
        policy(
            "Prompt injection",
            "injection_scan",
            "block",
            json!({
            "patterns": ["ignore previous instructions"], "scan_input": true }),
        ),
        policy(
            "Personal data",
            "pii_access",
            "warn",
            json!({
            "denied_pii_types": ["ssn", "credit_card"], "mask_output": true }),
        ),
        policy(
            "Cost of one execution",
            "cost_limit",
            "warn",
            json!({
            "max_cost_per_execution": 0.5 }),
        ),
        policy(
            "Payments need a person",
            "tool_invocation",
            "require_approval",
            json!({
            "denied_tools": ["payments.*"] }),
        ),
        policy(
            "Expensive in production",
            "expression",
            "monitor",
            json!({
            "expression": "cost > 0.1 && environment == 'production'" }),
        ),
    ]
}

fn trace(minute: u32, agent: &str, now: DateTime<Utc>) -> Value {
    let at = (now - TimeDelta::minutes(i64::from(minute))).trunc_subsecs(0);
    let failed = minute.is_multiple_of(17);
    json!({
        "traceId": format!("tr_{:016x}", u64::from(minute) + 1),
        "agentId": agent,
        "timestamp": at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "durationMs": 400 + (minute * 37) % 900,
        "status": if failed { "error" } else { "success" },
        "errorType": if failed { "Timeout" } else { "" },
        "errorMessage": if failed { "the model did not answer" } else { "" },
        "input": "How do I reset my password?",
        "output": "Follow the link in the mail we sent.",
        "modelName": "gpt-4o-mini",
        "promptTokens": 120, "completionTokens": 40, "totalTokens": 160,
        "costUsd": 0.001 + f64::from(minute % 5) / 1000.0,
        "environment": "production",
    })
}

//! Acts as they are still known: from the decision, its trace and the agent's registration.

use serde_json::Value;
use writ_contract::OrgId;
use writ_policy::request::Hop;
use writ_policy::{AgentRef, Delegation, Outcome, Phase, Request};

use crate::api::Api;
use crate::domain::Past;
use crate::store::{Content, DecisionRow};

/// The acts of some decisions, in their order. The person behind an act is known by a digest only,
/// so nothing that goes by persons, roles or scopes holds of one.
pub(super) async fn of(
    api: &Api,
    org: OrgId,
    rows: &[DecisionRow],
) -> Result<Vec<Past>, clickhouse::error::Error> {
    let ids: Vec<_> = rows.iter().map(|row| row.decision_id).collect();
    let times = || rows.iter().map(|row| row.timestamp);
    let between = (
        times().min().unwrap_or_default(),
        times().max().unwrap_or_default(),
    );
    let mut contents = match ids.is_empty() {
        true => Default::default(),
        false => api.store.contents(org, &ids, between).await?,
    };
    let past = |row: &DecisionRow| {
        let content = contents.remove(&row.decision_id).unwrap_or_default();
        Past {
            request: request(api, org, row, &content),
            at_ms: row.timestamp / 1_000,
            outcome: outcome(&row.outcome),
            hits: hits(row),
        }
    };
    Ok(rows.iter().map(past).collect())
}

fn request(api: &Api, org: OrgId, row: &DecisionRow, content: &Content) -> Request {
    let phase: Phase = row.phase.parse().unwrap_or_default();
    let output = (phase == Phase::Post).then(|| text(&content.output));
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    let estimated_cost = row.estimated_cost_usd.map(|micros| micros as f64 / 1.0e6);
    Request {
        agent: agent(api, org, row),
        org_id: org.0,
        input: text(&content.input),
        environment: row.environment.clone(),
        metadata: serde_json::from_str(&content.metadata).ok(),
        estimated_cost,
        tools: row.tools.clone(),
        output: output.filter(|text| !text.is_empty()),
        phase,
        tier: row.tier.parse().ok(),
        delegation: delegation(row),
        session_id: row.session_id.clone(),
        ..Request::default()
    }
}

fn agent(api: &Api, org: OrgId, row: &DecisionRow) -> AgentRef {
    let known = row
        .agent_uuid
        .and_then(|id| api.registrar.described(org, id));
    known.unwrap_or_else(|| AgentRef {
        id: row.agent_uuid.unwrap_or_default(),
        external_id: row.agent_id.clone(),
        name: row.agent_id.clone(),
        environment: row.environment.clone(),
        ..AgentRef::default()
    })
}

fn delegation(row: &DecisionRow) -> Option<Delegation> {
    let hop = |agent: &String| Hop {
        agent_id: agent.clone(),
        scopes: None,
    };
    (!row.delegation_chain.is_empty()).then(|| Delegation {
        chain: row.delegation_chain.iter().map(hop).collect(),
        verified: row.delegation_verified,
        ..Delegation::default()
    })
}

fn hits(row: &DecisionRow) -> Vec<(writ_contract::PolicyId, writ_policy::Mode)> {
    let hits = row.hit_policy_id.iter().zip(&row.hit_mode);
    hits.filter_map(|(id, mode)| Some((*id, mode.parse().ok()?)))
        .collect()
}

fn outcome(word: &str) -> Outcome {
    match word {
        "allow" => Outcome::Allow,
        "hold" => Outcome::Hold,
        _ => Outcome::Block,
    }
}

/// A JSON text is its content, anything else the JSON itself.
fn text(json: &str) -> String {
    match serde_json::from_str::<Value>(json) {
        Ok(Value::String(text)) => text,
        Ok(Value::Null) => String::new(),
        Ok(_) | Err(_) => json.to_owned(),
    }
}

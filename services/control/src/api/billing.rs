//! What an organisation uses of its plan.

use axum::Json;
use axum::extract::State as Shared;
use serde_json::{Value, json};
use writ_contract::OrgId;
use writ_service_kit::ApiError;

use super::State;
use super::extract::By;

/// Counts and limits; -1 is no limit, because the SDK reads null as 0.
pub(super) async fn usage(Shared(state): Shared<State>, by: By) -> Result<Json<Value>, ApiError> {
    let org = by.org();
    let organization = state.identity.organization(org).await?;
    let limits = organization.limits;
    let now_us = state.clock.now().timestamp_micros();
    let traces = state.usage.traces(OrgId(org), now_us);
    let bucket = |current: u64, max: Option<u64>| {
        let max = max.map_or(json!(-1), |max| json!(max));
        json!({ "current": current, "max": max })
    };
    let plan = Some(organization.plan.as_str()).filter(|plan| !plan.is_empty());
    Ok(Json(json!({ "data": {
        "plan": plan.unwrap_or("unlimited"),
        "usage": {
            "agents": bucket(state.registry.count(org).await?, limits.agents),
            "policies": bucket(state.policies.count(org).await?, limits.policies),
            "users": bucket(state.identity.people(org).await?, limits.users),
            "traces": bucket(traces, limits.traces),
        },
    }})))
}

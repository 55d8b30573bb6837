//! What an organisation uses of its plan.

use axum::Json;
use axum::extract::State as Shared;
use schemars::JsonSchema;
use serde::Serialize;
use writ_contract::OrgId;
use writ_service_kit::ApiError;
use writ_service_kit::json::Data;
use writ_service_kit::routes::Routes;

use super::extract::By;
use super::{State, VIEWER};

/// A plan and what is used of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanUsage")]
struct Shown {
    /// `unlimited` when there is none.
    plan: String,
    usage: Used,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Used {
    agents: Bucket,
    policies: Bucket,
    users: Bucket,
    /// Of this calendar month.
    traces: Bucket,
}

/// How much of a limit is used.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UsageBucket")]
struct Bucket {
    current: u64,
    /// -1 is no limit.
    max: i64,
}

impl Bucket {
    /// -1 because the SDK reads null as 0.
    fn of(current: u64, max: Option<u64>) -> Self {
        let max = max.map_or(-1, |max| i64::try_from(max).unwrap_or(i64::MAX));
        Self { current, max }
    }
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/billing/usage", VIEWER, usage)
        .says("Get plan usage", "")
        .answers::<Data<Shown>>(200)
}

async fn usage(Shared(state): Shared<State>, by: By) -> Result<Json<Data<Shown>>, ApiError> {
    let org = by.org();
    let organization = state.identity.organization(org).await?;
    let limits = organization.limits;
    let now_us = state.clock.now().timestamp_micros();
    let traces = state.usage.traces(OrgId(org), now_us);
    let plan = Some(organization.plan).filter(|plan| !plan.is_empty());
    let data = Shown {
        plan: plan.unwrap_or_else(|| "unlimited".to_owned()),
        usage: Used {
            agents: Bucket::of(state.registry.count(org).await?, limits.agents),
            policies: Bucket::of(state.policies.count(org).await?, limits.policies),
            users: Bucket::of(state.identity.people(org).await?, limits.users),
            traces: Bucket::of(traces, limits.traces),
        },
    };
    Ok(Json(Data { data }))
}

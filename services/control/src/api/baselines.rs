//! Tool baselines: what an agent's tools are compared with.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::json;
use writ_service_kit::ApiError;
use writ_service_kit::json::Strict;

use super::State;
use super::agents::etag;
use super::extract::{By, InEnvironment};
use crate::baseline::{Baseline, Pin};
use crate::registry::{Agent, AgentRef};

pub(super) async fn pin(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
    Strict(command): Strict<Pin>,
) -> Result<Response, ApiError> {
    let agent = agent(&state, &by, &id, &query).await?;
    by.may_act_in(&agent.environment)?;
    let pinned = state.baselines.pin(&by.actor, agent.id, &command).await?;
    Ok(answer(&agent, &pinned))
}

pub(super) async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Response, ApiError> {
    let agent = agent(&state, &by, &id, &query).await?;
    let found = state.baselines.get(by.org(), agent.id).await?;
    Ok(answer(&agent, &found))
}

pub(super) async fn remove(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Response, ApiError> {
    let agent = agent(&state, &by, &id, &query).await?;
    by.may_act_in(&agent.environment)?;
    let removed = state.baselines.remove(&by.actor, agent.id).await?;
    Ok(answer(&agent, &removed))
}

async fn agent(state: &State, by: &By, id: &str, query: &InEnvironment) -> Result<Agent, ApiError> {
    let reference = AgentRef::parse(id, query.environment.as_deref());
    Ok(state.registry.get(by.org(), &reference).await?)
}

fn answer(agent: &Agent, baseline: &Baseline) -> Response {
    let at = (baseline.version > 0).then_some(baseline.updated_at);
    let body = Json(json!({ "data": {
        "agentId": agent.id,
        "externalId": agent.external_id,
        "environment": agent.environment,
        "pinned": baseline.is_pinned,
        "descriptors": baseline.tools,
        "reason": baseline.reason,
        "actor": baseline.actor,
        "version": baseline.version,
        "updatedAt": at,
    }}));
    ([(header::ETAG, etag(baseline.version))], body).into_response()
}

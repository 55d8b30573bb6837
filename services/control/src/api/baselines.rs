//! Tool baselines: what an agent's tools are compared with.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Strict};
use writ_service_kit::routes::Routes;

use super::agents::etag;
use super::extract::{By, InEnvironment};
use super::{ADMIN, DEVELOPER, State, VIEWER};
use crate::baseline::{Baseline, Pin, Tool};
use crate::registry::{Agent, AgentRef};

const PATH: &str = "/tool-integrity/agents/{id}/baseline";

/// The tools an agent was approved with.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ToolBaseline")]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    agent_id: Uuid,
    /// The application's own id.
    external_id: &'a str,
    environment: &'a str,
    /// False when nothing is pinned, which is not the same as an empty list.
    pinned: bool,
    descriptors: &'a [Tool],
    /// Why it was pinned.
    reason: &'a str,
    /// Who did.
    actor: &'a str,
    /// Counts its changes; the `ETag`. 0 when nothing was ever pinned.
    version: u64,
    updated_at: Option<DateTime<Utc>>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get(PATH, VIEWER, get)
        .says(
            "Get a tool baseline",
            "The tools an agent was approved with.",
        )
        .answers::<Data<Shown<'_>>>(200)
        .post(PATH, DEVELOPER, pin)
        .says(
            "Pin a tool baseline",
            "What the agent sends from now on is compared with these.",
        )
        .answers::<Data<Shown<'_>>>(200)
        .delete(PATH, ADMIN, remove)
        .says("Remove a tool baseline", "Nothing is compared any more.")
        .answers::<Data<Shown<'_>>>(200)
}

async fn pin(
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

async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Response, ApiError> {
    let agent = agent(&state, &by, &id, &query).await?;
    let found = state.baselines.get(by.org(), agent.id).await?;
    Ok(answer(&agent, &found))
}

async fn remove(
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
    let data = Shown {
        agent_id: agent.id,
        external_id: &agent.external_id,
        environment: &agent.environment,
        pinned: baseline.is_pinned,
        descriptors: &baseline.tools,
        reason: &baseline.reason,
        actor: &baseline.actor,
        version: baseline.version,
        updated_at: at,
    };
    let tag = [(header::ETAG, etag(baseline.version))];
    (tag, Json(Data { data })).into_response()
}

//! Versions of agents.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use chrono::{DateTime, Utc};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::routes::Routes;

use super::extract::{By, InEnvironment};
use super::{DEVELOPER, State, VIEWER};
use crate::agent_version::{AgentVersion, Report};
use crate::error::Refusal;
use crate::registry::{Agent, AgentRef};

/// A snapshot of an agent.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AgentVersion")]
#[serde(rename_all = "camelCase")]
struct Shown {
    /// From 1, for each agent.
    version_number: u32,
    version_label: Option<String>,
    notes: Option<String>,
    /// Such as `gitCommit` and `deployedAt`.
    metadata: Value,
    /// The one that is said to run.
    is_active: bool,
    /// The agent as it was.
    snapshot: Value,
    created_by: String,
    created_at: DateTime<Utc>,
}

/// `?cursor=&limit=`: the cursor is the number of the last version seen.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct Listing {
    cursor: Option<u32>,
    limit: Option<u32>,
    environment: Option<String>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/agents/{id}/versions", VIEWER, list)
        .says("List versions of an agent", "The newest first.")
        .answers::<Page<Shown>>(200)
        .post("/agents/{id}/versions", DEVELOPER, report)
        .says(
            "Create a version of an agent",
            "Keeps what the agent is now; with `activate` it is the one that is said to run. \
             Refused (409, `NOT_ENABLED`) where `versionRegistry` is off.",
        )
        .answers::<Data<Shown>>(201)
        .post(
            "/agents/{id}/versions/{number}/activate",
            DEVELOPER,
            activate,
        )
        .says("Activate a version of an agent", "")
        .answers::<Data<Shown>>(200)
}

async fn report(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
    Strict(report): Strict<Report>,
) -> Result<(StatusCode, Json<Data<Shown>>), ApiError> {
    let agent = agent(&state, &by, &id, query.environment.as_deref()).await?;
    enabled(&state, &by).await?;
    by.may_act_in(&agent.environment)?;
    let snapshot = super::agents::shown(&state, by.org(), &agent);
    let snapshot = serde_json::to_value(snapshot).unwrap_or_default();
    let made = state
        .agent_versions
        .report(&by.actor, &agent, &report, snapshot);
    Ok((StatusCode::CREATED, answer(made.await?)))
}

async fn activate(
    Shared(state): Shared<State>,
    by: By,
    Path((id, number)): Path<(String, u32)>,
    Query(query): Query<InEnvironment>,
) -> Result<Json<Data<Shown>>, ApiError> {
    let agent = agent(&state, &by, &id, query.environment.as_deref()).await?;
    enabled(&state, &by).await?;
    by.may_act_in(&agent.environment)?;
    let active = state.agent_versions.activate(&by.actor, agent.id, number);
    Ok(answer(active.await?))
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<Listing>,
) -> Result<Json<Page<Shown>>, ApiError> {
    let agent = agent(&state, &by, &id, query.environment.as_deref()).await?;
    let limit = query.limit.unwrap_or(100).clamp(1, 200);
    let found = state
        .agent_versions
        .list(by.org(), agent.id, query.cursor, limit);
    let found = found.await?;
    let last = found.last().filter(|last| last.number > 1);
    let next = last.filter(|_| found.len() >= limit as usize);
    let next = next.map(|last| last.number.to_string());
    Ok(Json(Page {
        data: found.into_iter().map(shown).collect(),
        next_cursor: next,
    }))
}

async fn agent(
    state: &State,
    by: &By,
    id: &str,
    environment: Option<&str>,
) -> Result<Agent, ApiError> {
    let reference = AgentRef::parse(id, environment);
    Ok(state.registry.get(by.org(), &reference).await?)
}

async fn enabled(state: &State, by: &By) -> Result<(), ApiError> {
    let organization = state.identity.organization(by.org()).await?;
    if organization.switches.version_registry {
        Ok(())
    } else {
        Err(Refusal::NotEnabled("agent versions").into())
    }
}

fn answer(version: AgentVersion) -> Json<Data<Shown>> {
    Json(Data {
        data: shown(version),
    })
}

fn shown(version: AgentVersion) -> Shown {
    Shown {
        version_number: version.number,
        version_label: version.label,
        notes: version.notes,
        metadata: version.metadata,
        is_active: version.is_active,
        snapshot: version.snapshot,
        created_by: version.actor,
        created_at: version.created_at,
    }
}

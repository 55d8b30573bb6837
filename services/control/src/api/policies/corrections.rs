//! What undoes, waives or doubts what a policy says.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Strict};
use writ_service_kit::routes::Routes;

use super::super::extract::{By, IfMatch, ListQuery, cursor};
use super::super::{DEVELOPER, State, VIEWER};
use super::{Shown, answer, asked, parse, targets};
use crate::error::Refusal;
use crate::policy::{Body, Except, Mark, Say};
use crate::registry::AgentRef;

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.post("/policies/{id}/rollback", DEVELOPER, rollback)
        .says(
            "Roll a policy back",
            "It says again what it said in `version`, as a new version. Exceptions stay.",
        )
        .answers::<Data<Shown<'_>>>(200)
        .post("/policies/{id}/exceptions", DEVELOPER, except)
        .says(
            "Add an exception to a policy",
            "Until `expiresAt` it is not judged for the agent, or for any if none is named; \
             explanations and decisions name it.",
        )
        .answers::<Data<Shown<'_>>>(201)
        .delete(
            "/policies/{id}/exceptions/{exception}",
            DEVELOPER,
            end_exception,
        )
        .says("End an exception", "The policy is judged again.")
        .answers::<Data<Shown<'_>>>(200)
        .get("/policies/{id}/false-positives", VIEWER, marks)
        .says("List false positives of a policy", "With their number.")
        .answers::<Marks>(200)
        .post("/policies/{id}/false-positives", DEVELOPER, mark)
        .says(
            "Mark a false positive",
            "Says that the policy should not have hit in a decision. The decision stays as it is.",
        )
        .makes::<Data<Mark>>()
}

/// `POST /policies/{id}/rollback`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PolicyRollback")]
#[serde(deny_unknown_fields)]
struct Rollback {
    /// The version to go back to.
    version: u64,
}

/// Decisions in which the policy should not have hit.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FalsePositives")]
#[serde(rename_all = "camelCase")]
struct Marks {
    data: Vec<Mark>,
    next_cursor: Option<String>,
    /// How many there are altogether.
    total: u64,
}

async fn mark(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Strict(say): Strict<Say>,
) -> Result<Response, ApiError> {
    let (data, is_new) = state.policies.mark(&by.actor, parse(&id)?, &say).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(Data { data })).into_response())
}

async fn marks(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Marks>, ApiError> {
    let (id, limit) = (parse(&id)?, query.limit());
    let found = state.policies.marks(by.org(), id, query.after_id()?, limit);
    let (data, total) = found.await?;
    let last = data.last().filter(|_| data.len() >= limit as usize);
    Ok(Json(Marks {
        next_cursor: last.map(|last| cursor(0, last.decision_id.0)),
        data,
        total,
    }))
}

async fn rollback(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    IfMatch(if_match): IfMatch,
    Strict(to): Strict<Rollback>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    let stored = state.policies.get(by.org(), id).await?;
    let body = state.policies.body_of(by.org(), id, to.version).await?;
    let targets = targets(&state, &by, &body, &stored.applies_to_agents).await?;
    asked(&state, &by, &body).await?;
    let policy = state
        .policies
        .rollback(&by.actor, id, if_match, &body, &targets)
        .await?;
    Ok(answer(by.org(), &policy))
}

async fn except(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Strict(command): Strict<Except>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    let stored = state.policies.get(by.org(), id).await?;
    let targets = targets(&state, &by, &Body::default(), &stored.applies_to_agents).await?;
    let agent = match &command.agent_id {
        Some(named) => {
            let reference = AgentRef::parse(named, None);
            Some(state.registry.get(by.org(), &reference).await?.id)
        }
        None => None,
    };
    let policy = state
        .policies
        .except(&by.actor, id, agent, &command, &targets)
        .await?;
    Ok((StatusCode::CREATED, answer(by.org(), &policy)).into_response())
}

async fn end_exception(
    Shared(state): Shared<State>,
    by: By,
    Path((id, exception)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    let stored = state.policies.get(by.org(), id).await?;
    let targets = targets(&state, &by, &Body::default(), &stored.applies_to_agents).await?;
    let exception = Uuid::try_parse(&exception).map_err(|_| Refusal::ExceptionNotFound)?;
    let policy = state
        .policies
        .end_exception(&by.actor, id, exception, &targets)
        .await?;
    Ok(answer(by.org(), &policy))
}

//! The switch: pause, resume, polls and heartbeats. Nothing here waits for Postgres; the row of a
//! turned switch is written by the loop that reads the gate.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use serde::Deserialize;
use serde_json::{Value, json};
use writ_contract::OrgId;
use writ_service_kit::ApiError;
use writ_service_kit::json::Lenient;

use super::State;
use super::extract::{By, InEnvironment};
use crate::channel::{Found, Receipt, Switch};
use crate::error::{Error, Refusal};
use crate::registry::AgentRef;

/// How long the row of an agent that memory does not know may take.
const ROW_WITHIN: Duration = Duration::from_millis(500);

/// The body may be missing, but a field that would be passed over, such as a time when the pause
/// ends, is refused: who pauses believes what it says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Why {
    reason: Option<String>,
}

pub(super) async fn pause(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
    Lenient(why): Lenient<Why>,
) -> Result<Json<Value>, ApiError> {
    let reason = why.reason.unwrap_or_default();
    turn(
        &state,
        &by,
        &id,
        query.environment.as_deref(),
        true,
        &reason,
    )
    .await
}

pub(super) async fn resume(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Json<Value>, ApiError> {
    turn(&state, &by, &id, query.environment.as_deref(), false, "").await
}

pub(super) async fn status_poll(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Json<Value>, ApiError> {
    let switch = find(&state, &by, &id, query.environment.as_deref())?;
    let status = if switch.status() == "active" {
        "active"
    } else {
        "paused"
    };
    let reason = switch.paused.then_some(switch.reason);
    Ok(Json(
        json!({ "data": { "status": status, "reason": reason } }),
    ))
}

/// The body's fields say nothing that is kept; the SDK always sends an explicit null.
pub(super) async fn heartbeat(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Json<Value>, ApiError> {
    let switch = find(&state, &by, &id, query.environment.as_deref())?;
    let now = state.clock.now();
    state.heartbeats.beat(by.org(), switch.agent, now);
    Ok(Json(
        json!({ "data": { "status": switch.status(), "receivedAt": now } }),
    ))
}

async fn turn(
    state: &State,
    by: &By,
    id: &str,
    environment: Option<&str>,
    paused: bool,
    reason: &str,
) -> Result<Json<Value>, ApiError> {
    let found = find_or_read(state, by, id, environment).await?;
    by.may_act_in(&found.environment)?;
    let (switch, receipt) = state
        .channel
        .turn(&by.actor, found.agent, paused, reason)
        .await?;
    Ok(Json(answer(by, &switch, receipt)))
}

/// The switch a path names. Until memory is filled nothing is said of an agent that is not in it.
fn find(state: &State, by: &By, id: &str, environment: Option<&str>) -> Result<Switch, Error> {
    match state.channel.switches().find(by.org(), id, environment) {
        Found::One(switch) => Ok(*switch),
        Found::Several => Err(Refusal::AgentAmbiguous.into()),
        Found::None if filling(state) => Err(Error::CatchingUp),
        Found::None => Err(Refusal::AgentNotFound.into()),
    }
}

/// As [`find`], but an agent that another replica registered a moment ago is looked up in its row,
/// if that can be read soon.
async fn find_or_read(
    state: &State,
    by: &By,
    id: &str,
    environment: Option<&str>,
) -> Result<Switch, Error> {
    match find(state, by, id, environment) {
        Err(Error::Refused(Refusal::AgentNotFound)) => {}
        found => return found,
    }
    let reference = AgentRef::parse(id, environment);
    let reading = state.registry.get(by.org(), &reference);
    if let Ok(Ok(agent)) = tokio::time::timeout(ROW_WITHIN, reading).await {
        state
            .channel
            .observe(by.org(), agent.version, &agent.fact());
    }
    find(state, by, id, environment)
}

fn filling(state: &State) -> bool {
    state
        .ready
        .missing()
        .iter()
        .any(|(what, _)| ["agents", "kills"].contains(what))
}

fn answer(by: &By, switch: &Switch, receipt: Receipt) -> Value {
    json!({
        "data": {
            "id": switch.agent,
            "agentId": switch.external_id,
            "name": switch.name,
            "environment": switch.environment,
            "status": switch.status(),
            "pauseReason": switch.paused.then_some(&switch.reason),
            "organizationId": OrgId(by.org()).to_string(),
        },
        "receipt": {
            "sequence": receipt.sequence,
            "acknowledgedAt": receipt.acknowledged_at,
        },
    })
}

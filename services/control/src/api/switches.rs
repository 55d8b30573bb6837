//! The switch: pause, resume, polls and heartbeats. Nothing here waits for Postgres; the row of a
//! turned switch is written by the loop that reads the gate.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_contract::{OrgId, PauseId};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Lenient};
use writ_service_kit::routes::{Class, Routes};

use super::extract::{By, InEnvironment};
use super::{DEVELOPER, State, VIEWER};
use crate::channel::{Found, Receipt, Switch};
use crate::error::{Error, Refusal};
use crate::registry::AgentRef;

/// How long the row of an agent that memory does not know may take.
const ROW_WITHIN: Duration = Duration::from_millis(500);

/// The body may be missing, but a field that would be passed over, such as a time when the pause
/// ends, is refused: who pauses believes what it says.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "PauseRequest", description = "Why the agent is stopped.")]
#[serde(default, deny_unknown_fields)]
struct Why {
    /// Shown to whoever meets the pause.
    reason: Option<String>,
}

/// An agent whose switch was turned.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SwitchedAgent")]
#[serde(rename_all = "camelCase")]
struct Switched {
    id: Uuid,
    /// The application's own id.
    agent_id: String,
    name: String,
    environment: String,
    /// `active`, `paused` or `archived`.
    status: &'static str,
    pause_reason: Option<String>,
    /// The wider pauses that cover it.
    paused_by: Vec<PauseId>,
    organization_id: OrgId,
}

/// What the log says of the switch: from here on nothing is allowed that it stopped.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PauseReceipt")]
#[serde(rename_all = "camelCase")]
pub(super) struct Proof {
    /// Its place on the log.
    sequence: u64,
    acknowledged_at: DateTime<Utc>,
}

/// The agent and the receipt.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Turned {
    data: Switched,
    receipt: Proof,
}

/// What a client polls for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AgentStatus")]
struct Status {
    /// `active` or `paused`.
    status: &'static str,
    reason: Option<String>,
}

/// The heartbeat was noted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Heartbeat")]
#[serde(rename_all = "camelCase")]
struct Beat {
    /// `active`, `paused` or `archived`.
    status: &'static str,
    received_at: DateTime<Utc>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    let (turned, polled) = (
        DEVELOPER.class(Class::Generous),
        VIEWER.class(Class::Generous),
    );
    to.patch("/agents/{id}/pause", turned, pause)
        .says(
            "Pause an agent",
            "Answered once the log has the pause: no act of the agent is allowed after that.",
        )
        .answers::<Turned>(200)
        .patch("/agents/{id}/resume", turned, resume)
        .says(
            "Resume an agent",
            "Turns the agent's own switch on; wider pauses stay, and `status` says so.",
        )
        .answers::<Turned>(200)
        .get("/agents/{id}/status-poll", polled, status_poll)
        .says(
            "Poll the status of an agent",
            "What the SDK asks every 15 seconds.",
        )
        .answers::<Data<Status>>(200)
        .post("/agents/{id}/heartbeat", polled, heartbeat)
        .says("Send a heartbeat of an agent", "The body may say anything.")
        .answers::<Data<Beat>>(200)
}

async fn pause(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
    Lenient(why): Lenient<Why>,
) -> Result<Json<Turned>, ApiError> {
    let reason = why.reason.unwrap_or_default();
    let environment = query.environment.as_deref();
    let (switch, receipt) = turn(&state, &by, &id, environment, Some(&reason)).await?;
    Ok(Json(answer(&by, switch, receipt)))
}

async fn resume(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Json<Turned>, ApiError> {
    let (switch, receipt) = turn(&state, &by, &id, query.environment.as_deref(), None).await?;
    Ok(Json(answer(&by, switch, receipt)))
}

async fn status_poll(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Json<Data<Status>>, ApiError> {
    let switch = find(&state, &by, &id, query.environment.as_deref())?;
    let now = state.clock.now();
    state.heartbeats.polled(by.org(), switch.agent, now);
    Ok(Json(Data {
        data: Status {
            status: switch.polled(),
            reason: switch.why(),
        },
    }))
}

/// The body's fields say nothing that is kept; the SDK always sends an explicit null.
async fn heartbeat(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Json<Data<Beat>>, ApiError> {
    let switch = find(&state, &by, &id, query.environment.as_deref())?;
    let now = state.clock.now();
    state.heartbeats.beat(by.org(), switch.agent, now);
    Ok(Json(Data {
        data: Beat {
            status: switch.status(),
            received_at: now,
        },
    }))
}

/// Pauses an agent for a reason, or resumes it, for every edge.
pub(super) async fn turn(
    state: &State,
    by: &By,
    id: &str,
    environment: Option<&str>,
    reason: Option<&str>,
) -> Result<(Switch, Receipt), Error> {
    let found = find_or_read(state, by, id, environment).await?;
    by.may_act_in(&found.environment)?;
    let (paused, reason) = (reason.is_some(), reason.unwrap_or_default());
    let channel = &state.channel;
    channel.turn(&by.actor, found.agent, paused, reason).await
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
pub(super) async fn find_or_read(
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

pub(super) fn filling(state: &State) -> bool {
    state
        .ready
        .missing()
        .iter()
        .any(|(what, _)| ["agents", "kills"].contains(what))
}

fn answer(by: &By, switch: Switch, receipt: Receipt) -> Turned {
    Turned {
        data: Switched {
            id: switch.agent,
            status: switch.status(),
            pause_reason: switch.why(),
            paused_by: switch.covered.iter().map(|pause| pause.id).collect(),
            agent_id: switch.external_id,
            name: switch.name,
            environment: switch.environment,
            organization_id: OrgId(by.org()),
        },
        receipt: receipt.into(),
    }
}

impl From<Receipt> for Proof {
    fn from(receipt: Receipt) -> Self {
        Self {
            sequence: receipt.sequence,
            acknowledged_at: receipt.acknowledged_at,
        }
    }
}

//! Pauses beyond one agent's switch. As in `switches`, nothing here waits for Postgres.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use writ_access::Role;
use writ_contract::{Pause, PauseId, Scope};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Page, Strict};
use writ_service_kit::routes::{Class, Routes};

use super::extract::{By, ListQuery, cursor};
use super::switches::{Proof, filling};
use super::{DEVELOPER, State, VIEWER};
use crate::channel::{Ended, NewPause, Receipt};
use crate::error::{Error, Refusal};

const VALUE: usize = 255;
const REASON: usize = 500;

/// What is to be paused.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "NewPause")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    /// `organization`, `tag`, `environment`, `tool` or `agent`.
    pub(crate) scope: String,
    /// Which tag, environment, tool (its name, or a beginning and `*`) or agent; none for the
    /// organization.
    #[serde(default)]
    pub(crate) value: Option<String>,
    /// Shown to whoever is refused, up to 500 characters; not for personal data.
    pub(crate) reason: String,
    /// When it ends by itself.
    #[serde(default)]
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// A pause beyond one agent's own switch.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Pause")]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    id: PauseId,
    /// `organization`, `tag`, `environment`, `tool` or `agent`.
    scope: &'static str,
    value: Option<String>,
    reason: String,
    /// `in_force`, or `ended`.
    status: &'static str,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    /// How many agents it covers now.
    agents: usize,
}

/// The pause, and the receipt while the log remembers it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Receipted {
    data: Shown,
    receipt: Option<Proof>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    // One agent is a developer's to pause, all else an admin's: the handler asks.
    let pauser = DEVELOPER.class(Class::Generous);
    to.get("/pauses", VIEWER, list)
        .says("List pauses", "Those in force, of every scope.")
        .answers::<Page<Shown>>(200)
        .post("/pauses", pauser, create)
        .says(
            "Create a pause",
            "Stops every agent, those of a tag or an environment, one agent, or the calls that name \
             a tool. Answered once the log has it: nothing it covers is allowed after that. Scopes \
             beyond `agent` need the admin role.",
        )
        .answers::<Receipted>(201)
        .get("/pauses/{id}", VIEWER, get)
        .says("Get a pause", "")
        .answers::<Receipted>(200)
        .delete("/pauses/{id}", pauser, delete)
        .says(
            "Delete a pause",
            "Lifts it before its end; agents that nothing else pauses are active again.",
        )
        .answers::<Receipted>(200)
}

async fn create(
    Shared(state): Shared<State>,
    by: By,
    Strict(body): Strict<Body>,
) -> Result<Response, ApiError> {
    let (pause, receipt) = make(&state, &by, &body).await?;
    let made = receipted(&state, by.org(), &pause, receipt);
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Shown>>, ApiError> {
    if filling(&state) {
        return Err(Error::CatchingUp.into());
    }
    let (_, pauses) = state.channel.switches().all(by.org());
    let after = query.after_id()?;
    let limit = usize::try_from(query.limit()).unwrap_or(usize::MAX);
    let mut rest = pauses
        .iter()
        .filter(|pause| after.is_none_or(|after| pause.id.0 > after));
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let last = page.last().filter(|_| more);
    let shown = page
        .iter()
        .map(|pause| shown(&state, by.org(), pause, false));
    Ok(Json(Page {
        data: shown.collect(),
        next_cursor: last.map(|last| cursor(0, last.id.0)),
    }))
}

async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Json<Receipted>, ApiError> {
    let (pause, receipt) = find(&state, &by, &id)?;
    Ok(Json(receipted(&state, by.org(), &pause, receipt)))
}

async fn delete(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Json<Receipted>, ApiError> {
    let (pause, receipt) = lift(&state, &by, &id).await?;
    Ok(Json(Receipted {
        data: shown(&state, by.org(), &pause, true),
        receipt: Some(receipt.into()),
    }))
}

/// Makes a pause, for every edge.
pub(super) async fn make(
    state: &State,
    by: &By,
    body: &Body,
) -> Result<(Arc<Pause>, Option<Receipt>), ApiError> {
    let scope = body.scope.parse::<Scope>();
    let scope = scope.map_err(|error| Refusal::field("scope", &error.to_string()))?;
    let new = NewPause {
        id: id_of(state, by),
        scope,
        value: checked(scope, body, state.clock.now())?,
        reason: body.reason.clone(),
        expires_at: body.expires_at,
    };
    may_pause(state, by, scope, &new.value)?;
    Ok(state.channel.pause(&by.actor, &new).await?)
}

/// Lifts a pause, for every edge.
pub(super) async fn lift(
    state: &State,
    by: &By,
    id: &str,
) -> Result<(Arc<Pause>, Receipt), ApiError> {
    let (pause, _) = find(state, by, id)?;
    may_pause(state, by, pause.scope, &pause.value)?;
    Ok(state
        .channel
        .end(&by.actor, pause.id, Ended::Lifted)
        .await?)
}

fn find(state: &State, by: &By, id: &str) -> Result<(Arc<Pause>, Option<Receipt>), ApiError> {
    let id = id.parse::<PauseId>();
    let id = id.map_err(|error| ApiError::invalid(error.to_string()))?;
    match state.channel.switches().pause(by.org(), id) {
        Some(found) => Ok(found),
        None if filling(state) => Err(Error::CatchingUp.into()),
        None => Err(Error::from(Refusal::PauseNotFound).into()),
    }
}

/// The value, when every field says what it should.
fn checked(scope: Scope, body: &Body, now: DateTime<Utc>) -> Result<String, Refusal> {
    let value = body.value.as_deref().unwrap_or_default().trim();
    let mut wrong = Vec::new();
    match scope {
        Scope::Organization if !value.is_empty() => {
            wrong.push("value: an organization pause has none".to_owned());
        }
        Scope::Organization => {}
        Scope::Tag | Scope::Environment | Scope::Tool | Scope::Agent => {
            if !(1..=VALUE).contains(&value.chars().count()) {
                let of = scope.as_str();
                wrong.push(format!(
                    "value: expected which {of}, up to {VALUE} characters"
                ));
            }
        }
    }
    if !(1..=REASON).contains(&body.reason.trim().chars().count()) {
        wrong.push(format!("reason: expected 1 to {REASON} characters"));
    }
    if body.expires_at.is_some_and(|at| at <= now) {
        wrong.push("expiresAt: expected a time to come".to_owned());
    }
    if wrong.is_empty() {
        Ok(value.to_owned())
    } else {
        Err(Refusal::Invalid(wrong))
    }
}

/// One agent's pause is a developer's to make, wider ones are an admin's. A key that may act in some
/// environments only pauses and resumes nothing beyond them.
fn may_pause(state: &State, by: &By, scope: Scope, value: &str) -> Result<(), ApiError> {
    match scope {
        Scope::Agent => {
            let sample = Pause {
                id: PauseId(Uuid::nil()),
                scope,
                value: value.to_owned(),
                reason: String::new(),
                since_us: 0,
                expires_at_us: None,
            };
            let agents = state.channel.switches().covered(by.org(), &sample);
            if agents.is_empty() {
                let none = if filling(state) {
                    Error::CatchingUp
                } else {
                    Refusal::AgentNotFound.into()
                };
                return Err(none.into());
            }
            for agent in agents {
                by.may_act_in(&agent.environment).map_err(Error::from)?;
            }
        }
        Scope::Environment => {
            by.require(Role::Admin)?;
            by.may_act_in(value).map_err(Error::from)?;
        }
        Scope::Organization | Scope::Tag | Scope::Tool => {
            by.require(Role::Admin)?;
            by.may_act_everywhere().map_err(Error::from)?;
        }
    }
    Ok(())
}

/// The id of a pause follows from the request's `Idempotency-Key`, so that it needs no store to be
/// made once.
fn id_of(state: &State, by: &By) -> PauseId {
    let Some(once) = &by.actor.once else {
        return PauseId(state.channel.new_id());
    };
    let mut hash = Sha256::new();
    hash.update(b"writ/pause/v1");
    hash.update(by.org().as_bytes());
    hash.update(once.key.as_bytes());
    let digest = hash.finalize();
    let (first, _) = digest.split_at(16);
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(first);
    PauseId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn receipted(state: &State, org: Uuid, pause: &Pause, receipt: Option<Receipt>) -> Receipted {
    Receipted {
        data: shown(state, org, pause, false),
        receipt: receipt.map(Proof::from),
    }
}

/// A pause as answers and events have it.
pub(super) fn shown(state: &State, org: Uuid, pause: &Pause, ended: bool) -> Shown {
    let at = |us: i64| DateTime::<Utc>::from_timestamp_micros(us).unwrap_or_default();
    Shown {
        id: pause.id,
        scope: pause.scope.as_str(),
        value: (!pause.value.is_empty()).then(|| pause.value.clone()),
        reason: pause.reason.clone(),
        status: if ended { "ended" } else { "in_force" },
        created_at: at(pause.since_us),
        expires_at: pause.expires_at_us.map(at),
        agents: state.channel.switches().covered(org, pause).len(),
    }
}

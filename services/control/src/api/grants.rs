//! Grants: what one agent may ask of another.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use chrono::{DateTime, Utc};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use writ_contract::{AgentId, GrantId};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::routes::Routes;

use super::extract::{By, InEnvironment, ListQuery, cursor};
use super::owning::Rights;
use super::status::status_of;
use super::{DEVELOPER, State, VIEWER};
use crate::error::Refusal;
use crate::registry::{Agent, AgentRef, Give, Grant};

/// What one agent may ask of another.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Grant")]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: GrantId,
    /// Who may ask.
    agent_id: AgentId,
    /// Who may be asked.
    target_agent_id: AgentId,
    allowed_actions: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
    /// By somebody, or because one of its agents was archived.
    revoked_at: Option<DateTime<Utc>>,
    version: u64,
    created_at: DateTime<Utc>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/agents/{id}/grants", VIEWER, list)
        .says("List grants", "What the agent may ask of others.")
        .answers::<Page<Shown>>(200)
        .post("/agents/{id}/grants", DEVELOPER, give)
        .says(
            "Grant a call",
            "Lets the agent ask another. An admin decides, or an owner of the agent that is asked. \
             `POST /agents/authorize` answers by it.",
        )
        .makes::<Data<Shown>>()
        .delete("/agents/{id}/grants/{grantId}", DEVELOPER, revoke)
        .says("Revoke a grant", "Calls are refused within moments.")
        .answers::<Data<Shown>>(200)
}

async fn give(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
    Strict(give): Strict<Give>,
) -> Result<(StatusCode, Json<Data<Shown>>), ApiError> {
    let agent = AgentRef::parse(&id, query.environment.as_deref());
    let rights = Rights::of(&state, &by).await?;
    let may = |agent: &Agent, target: &Agent| may_let(&by, &rights, agent, target);
    let (grant, new) = state.registry.grant(&by.actor, &agent, &give, may).await?;
    let status = status_of(new);
    Ok((
        status,
        Json(Data {
            data: shown(&grant),
        }),
    ))
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(within): Query<InEnvironment>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Shown>>, ApiError> {
    let agent = AgentRef::parse(&id, within.environment.as_deref());
    let page = state
        .registry
        .grants(by.org(), &agent, query.after_id()?, query.limit());
    let (grants, next) = page.await?;
    Ok(Json(Page {
        data: grants.iter().map(shown).collect(),
        next_cursor: next.map(|id| cursor(0, id)),
    }))
}

async fn revoke(
    Shared(state): Shared<State>,
    by: By,
    Path((id, grant)): Path<(String, String)>,
    Query(query): Query<InEnvironment>,
) -> Result<Json<Data<Shown>>, ApiError> {
    let agent = AgentRef::parse(&id, query.environment.as_deref());
    let grant: GrantId = grant.parse().map_err(|_| Refusal::GrantNotFound)?;
    let rights = Rights::of(&state, &by).await?;
    let may = |agent: &Agent, target: &Agent| may_let(&by, &rights, agent, target);
    let revoked = state
        .registry
        .revoke_grant(&by.actor, &agent, grant.0, may)
        .await?;
    Ok(Json(Data {
        data: shown(&revoked),
    }))
}

/// Whether somebody may decide what `agent` may ask of `target`: an admin, or an owner of the agent
/// that is asked; and only where its key may act.
fn may_let(by: &By, rights: &Rights, agent: &Agent, target: &Agent) -> Result<(), Refusal> {
    by.may_act_in(&agent.environment)?;
    by.may_act_in(&target.environment)?;
    if rights.over(target) {
        return Ok(());
    }
    let whose = &target.external_id;
    Err(Refusal::NotOwned(format!(
        "only an owner of {whose} or an admin decides who may ask it"
    )))
}

fn shown(grant: &Grant) -> Shown {
    Shown {
        id: GrantId(grant.id),
        agent_id: AgentId(grant.agent),
        target_agent_id: AgentId(grant.target),
        allowed_actions: grant.allowed_actions.clone(),
        expires_at: grant.expires_at,
        revoked_at: grant.revoked_at,
        version: grant.version,
        created_at: grant.created_at,
    }
}

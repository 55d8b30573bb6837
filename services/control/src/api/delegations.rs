//! Delegations. The token of one is in the answer that made it and nowhere else.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use chrono::{DateTime, Utc};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use writ_contract::{AgentId, DelegationId};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::routes::Routes;

use super::extract::{By, InEnvironment, ListQuery, cursor};
use super::owning::Rights;
use super::status::status_of;
use super::{DEVELOPER, State, VIEWER};
use crate::error::{Error, Refusal};
use crate::registry::{Agent, AgentRef, Delegation, HandDown};

/// What an agent handed down to another.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GivenDelegation")]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: DelegationId,
    /// Who hands down.
    agent_id: AgentId,
    /// Who may act under it.
    to: AgentId,
    scopes: Vec<String>,
    /// The one it was made from.
    parent_delegation_id: Option<DelegationId>,
    /// Every step, its own last.
    chain: Vec<ShownStep>,
    expires_at: DateTime<Utc>,
    /// By somebody, with one it was made from, or with one of its agents.
    revoked_at: Option<DateTime<Utc>>,
    version: u64,
    created_at: DateTime<Utc>,
    /// What the other agent sends as `X-Writ-Delegation`, shown only here.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DelegationStep")]
#[serde(rename_all = "camelCase")]
struct ShownStep {
    delegation_id: DelegationId,
    agent_id: AgentId,
    scopes: Vec<String>,
}

const ALL: &str = "/agents/{id}/delegations";

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get(ALL, VIEWER, list)
        .says(
            "List delegations",
            "Those in force that the agent has made or been given.",
        )
        .answers::<Page<Shown>>(200)
        .post(ALL, DEVELOPER, give)
        .says(
            "Delegate",
            "Hands a part of what the agent may do down to another, at most for 24 hours. The \
             token proves it: with `parentDelegationId` a chain, each step of which may only \
             narrow.",
        )
        .makes::<Data<Shown>>()
        .delete("/agents/{id}/delegations/{delegationId}", DEVELOPER, revoke)
        .says("Revoke a delegation", "And all that were made from it.")
        .answers::<Data<Shown>>(200)
}

async fn give(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
    Strict(command): Strict<HandDown>,
) -> Result<(StatusCode, Json<Data<Shown>>), ApiError> {
    let key = state.signing.current()?;
    let agent = AgentRef::parse(&id, query.environment.as_deref());
    let rights = Rights::of(&state, &by).await?;
    let may = |agent: &Agent, to: &Agent| {
        by.may_act_in(&to.environment)?;
        may_hand_down(&by, &rights, agent)
    };
    let made = state.registry.delegate(&by.actor, &agent, &command, may);
    let (made, new) = made.await?;
    let token = made.claims(state.signing.issuer(), by.org()).sign(&key);
    let token = token.map_err(|error| Error::Bug(error.to_string()))?;
    let mut data = shown(&made);
    data.token = Some(token);
    let status = status_of(new);
    Ok((status, Json(Data { data })))
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(within): Query<InEnvironment>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Shown>>, ApiError> {
    let agent = AgentRef::parse(&id, within.environment.as_deref());
    let (after, limit) = (query.after_id()?, query.limit());
    let page = state.registry.delegations(by.org(), &agent, after, limit);
    let (delegations, next) = page.await?;
    Ok(Json(Page {
        data: delegations.iter().map(shown).collect(),
        next_cursor: next.map(|id| cursor(0, id)),
    }))
}

async fn revoke(
    Shared(state): Shared<State>,
    by: By,
    Path((id, delegation)): Path<(String, String)>,
    Query(query): Query<InEnvironment>,
) -> Result<Json<Data<Shown>>, ApiError> {
    let agent = AgentRef::parse(&id, query.environment.as_deref());
    let delegation: DelegationId = delegation
        .parse()
        .map_err(|_| Refusal::DelegationNotFound)?;
    let rights = Rights::of(&state, &by).await?;
    let may = |agent: &Agent| may_hand_down(&by, &rights, agent);
    let revoked = state
        .registry
        .revoke_delegation(&by.actor, &agent, delegation.0, may);
    let data = shown(&revoked.await?);
    Ok(Json(Data { data }))
}

/// Whether somebody may hand down what `agent` may do: an admin, or an owner of it; and only where
/// its key may act.
fn may_hand_down(by: &By, rights: &Rights, agent: &Agent) -> Result<(), Refusal> {
    by.may_act_in(&agent.environment)?;
    if rights.over(agent) {
        return Ok(());
    }
    let whose = &agent.external_id;
    Err(Refusal::NotOwned(format!(
        "only an owner of {whose} or an admin hands down what it may do"
    )))
}

fn shown(made: &Delegation) -> Shown {
    let chain = made.chain.iter().map(|step| ShownStep {
        delegation_id: DelegationId(step.id),
        agent_id: AgentId(step.agent),
        scopes: step.scopes.clone(),
    });
    Shown {
        id: DelegationId(made.id),
        agent_id: AgentId(made.agent),
        to: AgentId(made.to),
        scopes: made.scopes.clone(),
        parent_delegation_id: made.parent().map(DelegationId),
        chain: chain.collect(),
        expires_at: made.expires_at,
        revoked_at: made.revoked_at,
        version: made.version,
        created_at: made.created_at,
        token: None,
    }
}

//! Agents: registration, search, change.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;
use writ_access::Role;
use writ_contract::{OrgId, PersonId};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Lenient, Strict};

use super::State;
use super::extract::{By, IfMatch, InEnvironment, ListQuery, cursor};
use crate::error::Refusal;
use crate::registry::{Agent, AgentRef, Patch, Register, Search, Transfer};

pub(super) async fn register(
    Shared(state): Shared<State>,
    by: By,
    Lenient(command): Lenient<Register>,
) -> Result<Response, ApiError> {
    let environment = command
        .environment
        .as_deref()
        .filter(|name| !name.is_empty());
    by.may_act_in(environment.unwrap_or("production"))?;
    let most = state.identity.organization(by.org()).await?.limits.agents;
    let registered = state.registry.register(&by.actor, &command, most);
    let (agent, new) = registered.await?;
    state
        .channel
        .observe(by.org(), agent.version, &agent.fact());
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, answer(&state, by.org(), &agent)).into_response())
}

pub(super) async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let search = Search {
        text: query.search.clone().filter(|text| !text.is_empty()),
        environment: query.environment.clone(),
        archived: query.archived.unwrap_or_default(),
        after: query.position()?,
        limit: query.limit(),
    };
    let page = state.registry.list(by.org(), &search).await?;
    let agents: Vec<Value> = page
        .agents
        .iter()
        .map(|agent| shown(&state, by.org(), agent))
        .collect();
    let next = page.next.map(|(rank, id)| cursor(rank, id));
    Ok(Json(json!({ "data": agents, "nextCursor": next })))
}

/// Agents and what they say they can do; one list, since the SDK does not page.
pub(super) async fn discover(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let search = Search {
        limit: 1_000,
        environment: query.environment,
        ..Search::default()
    };
    let page = state.registry.list(by.org(), &search).await?;
    let wanted = query.capability.as_ref().filter(|text| !text.is_empty());
    let found: Vec<Value> = page
        .agents
        .iter()
        .map(|agent| (agent, agent.capabilities()))
        .filter(|(_, capabilities)| wanted.is_none_or(|wanted| capabilities.contains(wanted)))
        .map(|(agent, capabilities)| {
            json!({
                "id": agent.id,
                "agentId": agent.external_id,
                "name": agent.name,
                "environment": agent.environment,
                "capabilities": capabilities,
            })
        })
        .collect();
    Ok(Json(json!({ "data": found })))
}

pub(super) async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Response, ApiError> {
    let reference = AgentRef::parse(&id, query.environment.as_deref());
    let agent = state.registry.get(by.org(), &reference).await?;
    Ok(answer(&state, by.org(), &agent))
}

pub(super) async fn update(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
    IfMatch(if_match): IfMatch,
    Strict(patch): Strict<Patch>,
) -> Result<Response, ApiError> {
    if patch.archived.is_some() {
        require_admin(&by)?;
    }
    let reference = AgentRef::parse(&id, query.environment.as_deref());
    let may = |agent: &Agent| by.may_act_in(&agent.environment);
    let most = state.identity.organization(by.org()).await?.limits.agents;
    let agent = state
        .registry
        .update(&by.actor, &reference, if_match, &patch, most, may)
        .await?;
    state
        .channel
        .observe(by.org(), agent.version, &agent.fact());
    Ok(answer(&state, by.org(), &agent))
}

/// Hands an agent over: an admin, or one of those who own it.
pub(super) async fn transfer(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
    Strict(transfer): Strict<Transfer>,
) -> Result<Response, ApiError> {
    let people: Vec<Uuid> = transfer.owners.iter().map(|id| id.0).collect();
    if let Some(stranger) = state.identity.strangers(by.org(), &people).await?.first() {
        let problem = format!("{} is nobody in this organization", PersonId(*stranger));
        return Err(Refusal::field("owners", &problem).into());
    }
    let reference = AgentRef::parse(&id, query.environment.as_deref());
    let may = |agent: &Agent| {
        let own = by
            .actor
            .person
            .as_ref()
            .is_some_and(|me| agent.owners.contains(me));
        if !own && by.caller.require(Role::Admin).is_err() {
            return Err(Refusal::NotOwned(
                "the agent is not one of yours".to_owned(),
            ));
        }
        by.may_act_in(&agent.environment)
    };
    let transferred = state
        .registry
        .transfer(&by.actor, &reference, &transfer, may);
    Ok(answer(&state, by.org(), &transferred.await?))
}

fn require_admin(by: &By) -> Result<(), ApiError> {
    by.caller
        .require(Role::Admin)
        .map_err(|no| ApiError::new(StatusCode::FORBIDDEN, no.code(), no.to_string()))
}

fn answer(state: &State, org: Uuid, agent: &Agent) -> Response {
    let body = Json(json!({ "data": shown(state, org, agent) }));
    ([(header::ETAG, etag(agent.version))], body).into_response()
}

/// The version as an entity tag.
pub(super) fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// The row, with the switch as memory has it: a pause shows before its row is written.
fn shown(state: &State, org: Uuid, agent: &Agent) -> Value {
    let switch = state.channel.switches().get(org, agent.id);
    let newer = switch.filter(|switch| switch.kill_version > agent.kill_version);
    let (paused, reason) = newer.map_or((agent.paused, agent.pause_reason.clone()), |switch| {
        (switch.paused, switch.reason)
    });
    let status = match (agent.archived, paused) {
        (true, _) => "archived",
        (false, true) => "paused",
        (false, false) => "active",
    };
    json!({
        "id": agent.id,
        "agentId": agent.external_id,
        "name": agent.name,
        "type": agent.agent_type,
        "platform": agent.platform,
        "environment": agent.environment,
        "description": agent.description,
        "ownerEmail": agent.owner_email,
        "allowedDataSources": agent.allowed_data_sources,
        "allowedActions": agent.allowed_actions,
        "requiresHumanApprovalFor": agent.requires_human_approval_for,
        "tags": agent.tags,
        "metadata": agent.metadata,
        "autonomyLevel": agent.autonomy_level,
        "outcomeStrictness": agent.strictness.as_str(),
        "owners": agent.owners,
        "capabilities": agent.capabilities(),
        "status": status,
        "pauseReason": if paused { Some(reason) } else { None },
        "organizationId": OrgId(org).to_string(),
        "version": agent.version,
        "createdAt": agent.created_at,
        "updatedAt": agent.updated_at,
        "lastSeenAt": agent.last_seen_at,
    })
}

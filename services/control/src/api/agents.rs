//! Agents: registration, search, change.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::{HeaderValue, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;
use writ_access::Role;
use writ_contract::{Acting, AgentId, OrgId, PauseId, PersonId};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Lenient, Page, Strict};
use writ_service_kit::routes::{Class, Routes};

use super::extract::{By, IfMatch, InEnvironment, ListQuery, cursor};
use super::owning::Rights;
use super::status::status_of;
use super::{DEVELOPER, State, VIEWER};
use crate::error::Refusal;
use crate::registry::{Agent, AgentRef, Patch, Register, Search, Transfer};

/// Agents of one answer, where the client reads no second.
const FOUND: u32 = 1_000;

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/agents", VIEWER, list)
        .says("List agents", "Those that fit `search` best come first.")
        .answers::<Page<Shown>>(200)
        .post("/agents", DEVELOPER.class(Class::Generous), register)
        .says(
            "Register an agent",
            "Registering an agent again changes what is given and answers 200. A pause stays.",
        )
        .makes::<Data<Shown>>()
        .get("/agents/discover", VIEWER, discover)
        .says(
            "Discover agents",
            "What the agents say they can do, all in one list.",
        )
        .answers::<Data<Vec<Found>>>(200)
        .get("/agents/{id}", VIEWER, get)
        .says(
            "Get an agent",
            "`id` is its UUID, or the application's own id.",
        )
        .answers::<Data<Shown>>(200)
        .patch("/agents/{id}", DEVELOPER, update)
        .says(
            "Change an agent",
            "Fields that are absent stay. `archived` needs the role `admin`.",
        )
        .answers::<Data<Shown>>(200)
        .post("/agents/{id}/transfer", DEVELOPER, transfer)
        .says(
            "Transfer an agent",
            "By an owner of the agent or an admin; the named people own it from then on.",
        )
        .answers::<Data<Shown>>(200)
}

async fn register(
    Shared(state): Shared<State>,
    by: By,
    Lenient(command): Lenient<Register>,
) -> Result<Response, ApiError> {
    let (agent, new) = enrol(&state, &by, &command).await?;
    let status = status_of(new);
    if agent.external_id.contains(char::REPLACEMENT_CHARACTER) {
        return Ok((status, unnamed(&state, by.org(), &agent)?).into_response());
    }
    Ok((status, answer(&state, by.org(), &agent)).into_response())
}

/// Registers an agent, or finds it registered, for every edge.
pub(super) async fn enrol(
    state: &State,
    by: &By,
    command: &Register,
) -> Result<(Agent, bool), ApiError> {
    let environment = command
        .environment
        .as_deref()
        .filter(|name| !name.is_empty());
    by.may_act_in(environment.unwrap_or("production"))?;
    let most = state.identity.organization(by.org()).await?.limits.agents;
    let rights = Rights::of(state, by).await?;
    let own = |agent: &Agent| rights.over(agent);
    let registered = state.registry.register(&by.actor, command, most, own);
    let (agent, new) = registered.await?;
    state
        .channel
        .observe(by.org(), agent.version, &agent.fact());
    Ok((agent, new))
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(page): Query<ListQuery>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Shown>>, ApiError> {
    let text = wanted.search.filter(|text| !text.is_empty());
    // The SDK looks an id up by a search without a limit and reads one page: every environment the
    // agent is registered in has to be on it.
    let found_whole = text.is_some() && page.limit.is_none();
    let search = Search {
        text,
        environment: wanted.environment,
        archived: wanted.archived.unwrap_or_default(),
        after: page.position()?,
        limit: if found_whole { FOUND } else { page.limit() },
    };
    let page = state.registry.list(by.org(), &search).await?;
    let agents = page.agents.iter();
    Ok(Json(Page {
        data: agents.map(|agent| shown(&state, by.org(), agent)).collect(),
        next_cursor: page.next.map(|(rank, id)| cursor(rank, id)),
    }))
}

/// Agents and what they say they can do; one list, since the SDK does not page.
async fn discover(
    Shared(state): Shared<State>,
    by: By,
    Query(able): Query<Able>,
) -> Result<Json<Data<Vec<Found>>>, ApiError> {
    let mut search = Search {
        limit: FOUND,
        environment: able.environment,
        ..Search::default()
    };
    let wanted = able.capability.as_ref().filter(|text| !text.is_empty());
    let mut data = Vec::new();
    loop {
        let page = state.registry.list(by.org(), &search).await?;
        data.extend(page.agents.into_iter().filter_map(|agent| {
            let capabilities = agent.capabilities();
            let able = wanted.is_none_or(|wanted| capabilities.contains(wanted));
            able.then_some(Found {
                id: agent.id,
                agent_id: agent.external_id,
                name: agent.name,
                environment: agent.environment,
                capabilities,
            })
        }));
        match page.next {
            Some(next) => search.after = Some(next),
            None => return Ok(Json(Data { data })),
        }
    }
}

async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Response, ApiError> {
    let reference = AgentRef::parse(&id, query.environment.as_deref());
    let agent = state.registry.get(by.org(), &reference).await?;
    Ok(answer(&state, by.org(), &agent))
}

async fn update(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
    IfMatch(if_match): IfMatch,
    Strict(patch): Strict<Patch>,
) -> Result<Response, ApiError> {
    if patch.archived.is_some() {
        by.require(Role::Admin)?;
    }
    let reference = AgentRef::parse(&id, query.environment.as_deref());
    let rights = Rights::of(&state, &by).await?;
    let may = |agent: &Agent| {
        let theirs = agent.is_owned() && patch.limits();
        if (patch.owner_email.is_some() || theirs) && !rights.over(agent) {
            return Err(not_yours());
        }
        by.may_act_in(&agent.environment)
    };
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
async fn transfer(
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
    let rights = Rights::of(&state, &by).await?;
    let may = |agent: &Agent| {
        if !rights.over(agent) {
            return Err(not_yours());
        }
        by.may_act_in(&agent.environment)
    };
    let transferred = state
        .registry
        .transfer(&by.actor, &reference, &transfer, may);
    Ok(answer(&state, by.org(), &transferred.await?))
}

fn not_yours() -> Refusal {
    Refusal::NotOwned("the agent is not one of yours".to_owned())
}

fn answer(state: &State, org: Uuid, agent: &Agent) -> Response {
    let body = Json(Data {
        data: shown(state, org, agent),
    });
    ([(header::ETAG, etag(agent.version))], body).into_response()
}

/// An answer without `agentId`. One with a character that no store takes was changed, and the SDK
/// refuses an id that is not the one it sent; it takes none.
fn unnamed(state: &State, org: Uuid, agent: &Agent) -> Result<Response, ApiError> {
    let shown = serde_json::to_value(shown(state, org, agent));
    let mut data = shown.map_err(|wrong| ApiError::internal(&wrong))?;
    if let Some(fields) = data.as_object_mut() {
        fields.remove("agentId");
    }
    let tag = [(header::ETAG, etag(agent.version))];
    Ok((tag, Json(Data { data })).into_response())
}

/// The version as an entity tag.
pub(super) fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Which agents a list shows.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// Words of the external id or the name.
    search: Option<String>,
    /// Only of this environment.
    environment: Option<String>,
    /// The archived ones instead of the others.
    archived: Option<bool>,
}

/// What an agent should be able to do.
#[derive(Debug, Deserialize, JsonSchema)]
struct Able {
    /// Only those that say they have it.
    capability: Option<String>,
    /// Only of this environment.
    environment: Option<String>,
}

/// An agent somebody may call.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FoundAgent")]
#[serde(rename_all = "camelCase")]
struct Found {
    id: Uuid,
    /// The application's own id.
    agent_id: String,
    name: String,
    environment: String,
    capabilities: Vec<String>,
}

/// An agent.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Agent")]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    id: Uuid,
    /// The application's own id.
    agent_id: String,
    name: String,
    r#type: String,
    platform: String,
    environment: String,
    description: Option<String>,
    owner_email: Option<String>,
    allowed_data_sources: Vec<String>,
    allowed_actions: Vec<String>,
    /// Tools that a human has to approve each time.
    requires_human_approval_for: Vec<String>,
    tags: Vec<String>,
    #[schemars(with = "Map<String, Value>")]
    metadata: Value,
    autonomy_level: Option<String>,
    /// `standard`, or `strict`: a trace that says it succeeded must bring evidence.
    outcome_strictness: &'static str,
    /// `per_` ids of those who may write policies for it.
    owners: Vec<String>,
    /// Teams whose members may, too.
    teams: Vec<String>,
    capabilities: Vec<String>,
    /// `active`, `paused` or `archived`.
    status: &'static str,
    pause_reason: Option<String>,
    /// The wider pauses that cover it.
    paused_by: Vec<PauseId>,
    organization_id: OrgId,
    /// Counts its changes; the `ETag`.
    version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    last_seen_at: Option<DateTime<Utc>>,
}

/// The row, with the switch as memory has it: a pause shows before its row is written.
pub(super) fn shown(state: &State, org: Uuid, agent: &Agent) -> Shown {
    let switches = state.channel.switches();
    let switch = switches.get(org, agent.id);
    let newer = switch.filter(|switch| switch.kill_version > agent.kill_version);
    let (own, reason) = newer.map_or((agent.paused, agent.pause_reason.clone()), |switch| {
        (switch.paused, switch.reason)
    });
    let covering = switches.covering(
        org,
        &Acting {
            agent: Some(AgentId(agent.id)),
            external_id: &agent.external_id,
            environments: [&agent.environment, ""],
            tags: &agent.tags,
        },
    );
    let paused = own || !covering.is_empty();
    let reason = own.then_some(reason);
    let reason = reason.or_else(|| covering.first().map(|pause| pause.to_string()));
    let status = match (agent.archived, paused) {
        (true, _) => "archived",
        (false, true) => "paused",
        (false, false) => "active",
    };
    Shown {
        id: agent.id,
        agent_id: agent.external_id.clone(),
        name: agent.name.clone(),
        r#type: agent.agent_type.clone(),
        platform: agent.platform.clone(),
        environment: agent.environment.clone(),
        description: agent.description.clone(),
        owner_email: agent.owner_email.clone(),
        allowed_data_sources: agent.allowed_data_sources.clone(),
        allowed_actions: agent.allowed_actions.clone(),
        requires_human_approval_for: agent.requires_human_approval_for.clone(),
        tags: agent.tags.clone(),
        metadata: agent.metadata.clone(),
        autonomy_level: agent.autonomy_level.clone(),
        outcome_strictness: agent.strictness.as_str(),
        owners: agent.owners.clone(),
        teams: agent.teams.clone(),
        capabilities: agent.capabilities(),
        status,
        pause_reason: reason,
        paused_by: covering.iter().map(|pause| pause.id).collect(),
        organization_id: OrgId(org),
        version: agent.version,
        created_at: agent.created_at,
        updated_at: agent.updated_at,
        last_seen_at: agent.last_seen_at,
    }
}

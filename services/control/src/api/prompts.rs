//! Versions of prompts.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use chrono::{DateTime, Utc};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use similar::TextDiff;
use uuid::Uuid;
use writ_contract::{ApprovalId, PromptId};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Strict};
use writ_service_kit::routes::Routes;

use super::extract::By;
use super::{DEVELOPER, State, VIEWER};
use crate::prompt::{Content, Create, Deploy, Deployment, Prompt, parse};
use crate::registry::{Agent, AgentRef};

/// How many characters of `deploymentNotes` or a `reason` are kept.
const NOTES: usize = 4_096;

/// How long a comparison may take; then it is coarser.
const DIFF: std::time::Duration = std::time::Duration::from_millis(200);

/// A version of an agent's prompt.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PromptVersion")]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: PromptId,
    agent_id: Uuid,
    /// The application's own id.
    external_agent_id: String,
    /// From 1, for each agent.
    version_number: u32,
    #[serde(flatten)]
    content: Content,
    /// `not_required`, `pending`, `approved`, `denied`, `expired` or `cancelled`.
    approval_status: &'static str,
    /// What it waits for.
    approval_request_id: Option<ApprovalId>,
    /// Where it is to be deployed once that is granted.
    pending_environment: Option<String>,
    /// What was said of that deployment.
    pending_notes: Option<String>,
    /// The last deployment or rollback that was carried out.
    last_deployment: Option<Deployment>,
    /// Deployed, and nothing waits for approval.
    is_active: bool,
    is_deployed: bool,
    /// Where it is deployed.
    environments: Vec<String>,
    created_by: String,
    /// Counts its changes.
    version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// What differs between two versions.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PromptDifference")]
#[serde(rename_all = "camelCase")]
struct Difference {
    id: PromptId,
    version_number: u32,
    /// What it is compared with.
    against: Other,
    changes: Vec<Change>,
}

/// The version another one is compared with.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PromptComparedWith")]
#[serde(rename_all = "camelCase")]
struct Other {
    id: PromptId,
    version_number: u32,
}

/// A field that differs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PromptChange")]
struct Change {
    field: String,
    from: Option<Value>,
    to: Option<Value>,
    /// Unified, of two texts.
    diff: Option<String>,
}

/// `GET /prompt-versions`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfAgent {
    /// UUID or external id.
    agent_id: String,
    /// Beside an external id that is in several.
    environment: Option<String>,
    /// Only those that are deployed somewhere.
    #[serde(default)]
    deployed: bool,
}

/// `POST /prompt-versions/{id}/deploy`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeployBody {
    environment: Option<String>,
    require_approval: bool,
    /// Kept beside the version, up to 4,096 characters; the audit says who deployed and when.
    deployment_notes: Option<String>,
}

/// `POST /prompt-versions/{id}/rollback`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RollbackBody {
    environment: Option<String>,
    /// Kept beside the version, up to 4,096 characters; the audit says who went back and when.
    reason: Option<String>,
}

/// `?against=`: a version's id or number; the one before when absent.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct Against {
    against: Option<String>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/prompt-versions", VIEWER, list)
        .says(
            "List prompt versions",
            "All of one agent (at most 100,000), the newest first and in one answer.",
        )
        .answers::<Data<Vec<Shown>>>(200)
        .post("/prompt-versions", DEVELOPER, create)
        .says(
            "Create a prompt version",
            "Numbered for each agent. It is deployed by another call.",
        )
        .answers::<Data<Shown>>(201)
        .get("/prompt-versions/{id}", VIEWER, get)
        .says("Get a prompt version", "")
        .answers::<Data<Shown>>(200)
        .get("/prompt-versions/{id}/diff", VIEWER, diff)
        .says(
            "Compare prompt versions",
            "With the version of the same agent that `against` names by id or number; without it, \
             with the one before.",
        )
        .answers::<Data<Difference>>(200)
        .post("/prompt-versions/{id}/deploy", DEVELOPER, deploy)
        .says(
            "Deploy a prompt version",
            "In place of the one that is deployed in the environment (default `production`). With \
             `requireApproval`, or where the organization asks for it, it waits for an approval; \
             asked again without, it goes on waiting.",
        )
        .answers::<Data<Shown>>(200)
        .post("/prompt-versions/{id}/rollback", DEVELOPER, rollback)
        .says(
            "Roll a prompt back",
            "Deploys this version again. In an environment where it was deployed before it needs no \
             approval.",
        )
        .answers::<Data<Shown>>(200)
}

async fn create(
    Shared(state): Shared<State>,
    by: By,
    Strict(command): Strict<Create>,
) -> Result<(StatusCode, Json<Data<Shown>>), ApiError> {
    let reference = AgentRef::parse(&command.agent_id, None);
    let agent = state.registry.get(by.org(), &reference).await?;
    by.may_act_in(&agent.environment)?;
    let prompt = state.prompts.create(&by.actor, &agent, &command).await?;
    Ok((StatusCode::CREATED, answer(prompt, &agent)))
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<OfAgent>,
) -> Result<Json<Data<Vec<Shown>>>, ApiError> {
    let reference = AgentRef::parse(&query.agent_id, query.environment.as_deref());
    let agent = state.registry.get(by.org(), &reference).await?;
    let found = state.prompts.list(by.org(), agent.id, query.deployed);
    let mut found = found.await?;
    if query.deployed {
        // The SDK takes the first: what runs where the agent is comes first.
        let elsewhere = |prompt: &Prompt| !prompt.environments.contains(&agent.environment);
        found.sort_by_key(elsewhere);
    }
    let data = found.into_iter().map(|prompt| shown(prompt, &agent));
    Ok(Json(Data {
        data: data.collect(),
    }))
}

async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Json<Data<Shown>>, ApiError> {
    let (prompt, agent) = one(&state, &by, &id).await?;
    Ok(answer(prompt, &agent))
}

async fn deploy(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Strict(body): Strict<DeployBody>,
) -> Result<Json<Data<Shown>>, ApiError> {
    let command = Deploy {
        environment: body.environment.unwrap_or_default(),
        needs_approval: body.require_approval,
        is_rollback: false,
        notes: body.deployment_notes,
    };
    put(&state, &by, &id, command).await
}

async fn rollback(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Strict(body): Strict<RollbackBody>,
) -> Result<Json<Data<Shown>>, ApiError> {
    let command = Deploy {
        environment: body.environment.unwrap_or_default(),
        needs_approval: false,
        is_rollback: true,
        notes: body.reason,
    };
    put(&state, &by, &id, command).await
}

/// Deploys it, there or where the SDK means when it names nothing, unless the organisation wants it
/// approved.
async fn put(
    state: &State,
    by: &By,
    id: &str,
    mut command: Deploy,
) -> Result<Json<Data<Shown>>, ApiError> {
    if command.environment.trim().is_empty() {
        "production".clone_into(&mut command.environment);
    }
    if command.environment.chars().count() > 256 {
        return Err(ApiError::invalid("environment: at most 256 characters"));
    }
    let (prompt, agent) = one(state, by, id).await?;
    by.may_act_in(&command.environment)?;
    by.may_act_in(&agent.environment)?;
    let organization = state.identity.organization(by.org()).await?;
    command.needs_approval |= organization.switches.prompt_approval;
    let notes = command.notes.as_deref().map(str::trim);
    let notes = notes.filter(|notes| !notes.is_empty());
    command.notes = notes.map(|notes| notes.chars().take(NOTES).collect());
    let deployed = state.prompts.deploy(&by.actor, &agent, prompt.id, &command);
    Ok(answer(deployed.await?, &agent))
}

/// What differs between two versions of one agent's prompt.
async fn diff(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<Against>,
) -> Result<Json<Data<Difference>>, ApiError> {
    let (prompt, agent) = one(&state, &by, &id).await?;
    let named = query.against.as_deref().filter(|text| !text.is_empty());
    let number = match named.map(str::parse::<u32>) {
        None => Some(prompt.number.saturating_sub(1)),
        Some(number) => number.ok(),
    };
    let other = match (number, named) {
        (Some(number), _) => state.prompts.numbered(by.org(), agent.id, number).await?,
        (None, named) => {
            let id = parse(named.unwrap_or_default())?;
            state.prompts.get(by.org(), id).await?
        }
    };
    if other.agent_id != prompt.agent_id {
        return Err(ApiError::invalid("against: a version of another agent"));
    }
    let data = Difference {
        id: PromptId(prompt.id),
        version_number: prompt.number,
        against: Other {
            id: PromptId(other.id),
            version_number: other.number,
        },
        changes: changes(&other.content, &prompt.content),
    };
    Ok(Json(Data { data }))
}

async fn one(state: &State, by: &By, id: &str) -> Result<(Prompt, Agent), ApiError> {
    let prompt = state.prompts.get(by.org(), parse(id)?).await?;
    let reference = AgentRef::Id(prompt.agent_id);
    let agent = state.registry.get(by.org(), &reference).await?;
    Ok((prompt, agent))
}

/// Every field that differs: both values, and for texts of several lines what changed in them.
fn changes(before: &Content, after: &Content) -> Vec<Change> {
    let fields = |content: &Content| serde_json::to_value(content).unwrap_or_default();
    let (before, after) = (fields(before), fields(after));
    let names = before.as_object().into_iter().chain(after.as_object());
    let mut names: Vec<&String> = names.flat_map(serde_json::Map::keys).collect();
    names.sort_unstable();
    names.dedup();
    let differs = names
        .into_iter()
        .filter(|name| before.get(name) != after.get(name));
    differs
        .map(|name| {
            let (from, to) = (before.get(name), after.get(name));
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            let unified = text(from)
                .zip(text(to))
                .map(|(from, to)| unified(&from, &to));
            Change {
                field: name.clone(),
                from: from.cloned(),
                to: to.cloned(),
                diff: unified,
            }
        })
        .collect()
}

fn unified(from: &str, to: &str) -> String {
    let diff = TextDiff::configure().timeout(DIFF).diff_lines(from, to);
    diff.unified_diff().context_radius(3).to_string()
}

fn answer(prompt: Prompt, agent: &Agent) -> Json<Data<Shown>> {
    Json(Data {
        data: shown(prompt, agent),
    })
}

fn shown(prompt: Prompt, agent: &Agent) -> Shown {
    let (is_deployed, waits) = (prompt.is_deployed(), prompt.pending);
    Shown {
        id: PromptId(prompt.id),
        agent_id: prompt.agent_id,
        external_agent_id: agent.external_id.clone(),
        version_number: prompt.number,
        content: prompt.content,
        approval_status: prompt.status.as_str(),
        approval_request_id: waits.as_ref().map(|pending| pending.approval_id),
        is_active: is_deployed && waits.is_none(),
        pending_environment: waits.as_ref().map(|pending| pending.environment.clone()),
        pending_notes: waits.and_then(|pending| pending.notes),
        last_deployment: prompt.last,
        is_deployed,
        environments: prompt.environments,
        created_by: prompt.actor,
        version: prompt.version,
        created_at: prompt.created_at,
        updated_at: prompt.updated_at,
    }
}

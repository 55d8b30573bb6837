//! Policies.

mod corrections;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use writ_contract::{OrgId, PolicyId};
use writ_policy::PolicyType;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::routes::Routes;

use super::agents::etag;
use super::extract::{By, IfMatch, ListQuery, cursor};
use super::owning::Rights;
use super::status::status_of;
use super::{DEVELOPER, State, VIEWER};
use crate::error::{Error, Refusal};
use crate::policy::{Body, Policy, Said, Targets};

/// A policy.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Policy")]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: PolicyId,
    #[serde(flatten)]
    said: Said<'a>,
    organization_id: OrgId,
    /// Counts its changes; the `ETag`.
    version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A policy as it was.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PolicyVersion")]
#[serde(rename_all = "camelCase")]
struct Former {
    version: i64,
    /// What it said.
    #[schemars(with = "Said<'static>")]
    policy: Value,
    /// Who wrote it.
    actor: String,
    created_at: DateTime<Utc>,
}

/// A type of policies.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PolicyTypeSchema")]
#[serde(rename_all = "camelCase")]
struct Type {
    policy_type: PolicyType,
    /// JSON Schema of `ruleDefinition`.
    schema: Value,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    let routes = to
        .get("/policies", VIEWER, list)
        .says("List policies", "Deleted ones are left out.")
        .answers::<Page<Shown<'_>>>(200)
        .post("/policies", DEVELOPER, create)
        .says(
            "Create a policy",
            "Needs `name`, `policyType`, `enforcementMode` and `ruleDefinition`. Below the role \
             `admin`: only for agents of one's own, named in `appliesToAgents`.",
        )
        .makes::<Data<Shown<'_>>>()
        .get("/policies/types", VIEWER, types)
        .says(
            "List policy types",
            "Each with the JSON Schema of its rule.",
        )
        .answers::<Data<Vec<Type>>>(200)
        .get("/policies/{id}", VIEWER, get)
        .says("Get a policy", "")
        .answers::<Data<Shown<'_>>>(200)
        .patch("/policies/{id}", DEVELOPER, update)
        .says("Change a policy", "Fields that are absent stay.")
        .answers::<Data<Shown<'_>>>(200)
        .delete("/policies/{id}", DEVELOPER, delete)
        .says(
            "Delete a policy",
            "Refused while another policy waits for it.",
        )
        .answers::<Data<Shown<'_>>>(200)
        .get("/policies/{id}/versions", VIEWER, versions)
        .says(
            "List policy versions",
            "States of the policy, of a deleted one too, the newest first.",
        )
        .answers::<Page<Former>>(200);
    corrections::routes(routes)
}

/// `?cursor=&limit=`: the cursor is the last version seen.
#[derive(Debug, Default, Deserialize, JsonSchema)]
struct Listing {
    cursor: Option<u64>,
    limit: Option<u32>,
}

async fn create(
    Shared(state): Shared<State>,
    by: By,
    Strict(body): Strict<Body>,
) -> Result<Response, ApiError> {
    let targets = targets(&state, &by, &body, &[]).await?;
    asked(&state, &by, &body).await?;
    let most = state.identity.organization(by.org()).await?.limits.policies;
    let created = state.policies.create(&by.actor, &body, &targets, most);
    let created = created.await?;
    let status = status_of(created.is_new);
    Ok((status, answer(by.org(), &created.policy)).into_response())
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let page = state
        .policies
        .list(by.org(), query.after_id()?, query.limit())
        .await?;
    let body = Page {
        data: page.policies.iter().map(|p| shown(by.org(), p)).collect(),
        next_cursor: page.next.map(|id| cursor(0, id)),
    };
    Ok(Json(body).into_response())
}

async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let policy = state.policies.get(by.org(), parse(&id)?).await?;
    Ok(answer(by.org(), &policy))
}

async fn update(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    IfMatch(if_match): IfMatch,
    Strict(body): Strict<Body>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    let stored = state.policies.ever(by.org(), id).await?;
    let targets = targets(&state, &by, &body, &stored.applies_to_agents).await?;
    asked(&state, &by, &body).await?;
    let policy = state
        .policies
        .update(&by.actor, id, if_match, &body, &targets)
        .await?;
    Ok(answer(by.org(), &policy))
}

async fn delete(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    IfMatch(if_match): IfMatch,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    let stored = state.policies.ever(by.org(), id).await?;
    let body = Body::default();
    let targets = targets(&state, &by, &body, &stored.applies_to_agents).await?;
    let policy = state
        .policies
        .delete(&by.actor, id, if_match, &targets)
        .await?;
    Ok(answer(by.org(), &policy))
}

async fn versions(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<Listing>,
) -> Result<Json<Page<Former>>, ApiError> {
    let (id, limit) = (parse(&id)?, query.limit.unwrap_or(200).clamp(1, 200));
    let found = state.policies.versions(by.org(), id, query.cursor, limit);
    let versions = found.await?;
    let last = versions.last().filter(|last| last.version > 1);
    let next = last.filter(|_| versions.len() >= limit as usize);
    let next_cursor = next.map(|last| last.version.to_string());
    let shown = versions.into_iter().map(|version| Former {
        version: version.version,
        policy: version.policy.0,
        actor: version.actor,
        created_at: version.created_at,
    });
    Ok(Json(Page {
        data: shown.collect(),
        next_cursor,
    }))
}

/// Every type a policy can have, with the JSON Schema of its rule.
async fn types(_: By) -> Json<Data<Vec<Type>>> {
    let types = PolicyType::ALL.iter().map(|policy_type| Type {
        policy_type: *policy_type,
        schema: serde_json::from_str(policy_type.schema()).unwrap_or_default(),
    });
    Json(Data {
        data: types.collect(),
    })
}

/// An id that is none belongs to no policy.
fn parse(id: &str) -> Result<Uuid, Refusal> {
    id.parse::<PolicyId>()
        .map(|id| id.0)
        .map_err(|_| Refusal::PolicyNotFound)
}

/// Looks up the agents that the new and the stored form name.
async fn targets(state: &State, by: &By, body: &Body, stored: &[Uuid]) -> Result<Targets, Error> {
    let named = body.applies_to_agents.iter().flatten();
    let mut agents: Vec<Uuid> = named.filter_map(|id| Uuid::try_parse(id).ok()).collect();
    agents.extend_from_slice(stored);
    let rights = Rights::of(state, by).await?;
    if agents.is_empty() {
        return Ok(Targets {
            unknown: Vec::new(),
            foreign: rights.own().map(|_| Vec::new()),
        });
    }
    let own = rights.own();
    let (unknown, foreign) = state
        .registry
        .owned(by.org(), &agents, own.flatten())
        .await?;
    Ok(Targets {
        unknown,
        foreign: own.map(|_| foreign),
    })
}

/// A policy may ask only a validator that is there; one that goes away later fails closed.
async fn asked(state: &State, by: &By, body: &Body) -> Result<(), Error> {
    let Some(id) = body.validator() else {
        return Ok(());
    };
    match state.validators.get(by.org(), id).await {
        Err(Error::Refused(Refusal::ValidatorNotFound)) => {
            Err(Refusal::field("ruleDefinition.validator_id", "no such validator").into())
        }
        found => found.map(drop),
    }
}

fn answer(org: Uuid, policy: &Policy) -> Response {
    let body = Json(Data {
        data: shown(org, policy),
    });
    ([(header::ETAG, etag(policy.version))], body).into_response()
}

fn shown(org: Uuid, policy: &Policy) -> Shown<'_> {
    Shown {
        id: PolicyId(policy.id),
        said: policy.said(),
        organization_id: OrgId(org),
        version: policy.version,
        created_at: policy.created_at,
        updated_at: policy.updated_at,
    }
}

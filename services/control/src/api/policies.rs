//! Policies.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;
use writ_access::Role;
use writ_contract::{OrgId, PolicyId};
use writ_policy::PolicyType;
use writ_service_kit::ApiError;
use writ_service_kit::json::Strict;

use super::State;
use super::agents::etag;
use super::extract::{By, IfMatch, ListQuery, cursor};
use crate::error::{Error, Refusal};
use crate::policy::{Body, Policy, Targets};

pub(super) async fn create(
    Shared(state): Shared<State>,
    by: By,
    Strict(body): Strict<Body>,
) -> Result<Response, ApiError> {
    let targets = targets(&state, &by, &body, &[]).await?;
    asked(&state, &by, &body).await?;
    let most = state.identity.organization(by.org()).await?.limits.policies;
    let created = state.policies.create(&by.actor, &body, &targets, most);
    let created = created.await?;
    let status = if created.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, answer(by.org(), &created.policy)).into_response())
}

pub(super) async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let page = state
        .policies
        .list(by.org(), query.after_id()?, query.limit())
        .await?;
    let policies: Vec<Value> = page.policies.iter().map(|p| shown(by.org(), p)).collect();
    let next = page.next.map(|id| cursor(0, id));
    Ok(Json(json!({ "data": policies, "nextCursor": next })))
}

pub(super) async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let policy = state.policies.get(by.org(), parse(&id)?).await?;
    Ok(answer(by.org(), &policy))
}

pub(super) async fn update(
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

pub(super) async fn delete(
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

pub(super) async fn versions(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let versions = state.policies.versions(by.org(), parse(&id)?).await?;
    let shown: Vec<Value> = versions
        .into_iter()
        .map(|version| {
            json!({
                "version": version.version,
                "policy": version.policy.0,
                "actor": version.actor,
                "createdAt": version.created_at,
            })
        })
        .collect();
    Ok(Json(json!({ "data": shown })))
}

/// Every type a policy can have, with the JSON Schema of its rule.
pub(super) async fn types(_: By) -> Json<Value> {
    let types = PolicyType::ALL.iter().map(|policy_type| {
        let schema: Value = serde_json::from_str(policy_type.schema()).unwrap_or_default();
        json!({ "policyType": policy_type.as_str(), "schema": schema })
    });
    Json(json!({ "data": types.collect::<Vec<_>>() }))
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
    let below_admin = by.caller.require(Role::Admin).is_err();
    if agents.is_empty() {
        return Ok(Targets {
            unknown: Vec::new(),
            foreign: below_admin.then(Vec::new),
        });
    }
    let (unknown, foreign) = state
        .registry
        .owned(by.org(), &agents, by.actor.person.as_deref())
        .await?;
    Ok(Targets {
        unknown,
        foreign: below_admin.then_some(foreign),
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
    let body = Json(json!({ "data": shown(org, policy) }));
    ([(header::ETAG, etag(policy.version))], body).into_response()
}

fn shown(org: Uuid, policy: &Policy) -> Value {
    let mut shown = policy.said();
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("id".into(), json!(PolicyId(policy.id)));
        fields.insert("version".into(), json!(policy.version));
        fields.insert("organizationId".into(), json!(OrgId(org)));
        fields.insert("createdAt".into(), json!(policy.created_at));
        fields.insert("updatedAt".into(), json!(policy.updated_at));
    }
    shown
}

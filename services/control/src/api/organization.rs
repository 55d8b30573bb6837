//! The caller's organisation and its settings.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::json;
use writ_contract::OrgId;
use writ_service_kit::ApiError;
use writ_service_kit::json::Strict;

use super::State;
use super::agents::etag;
use super::extract::{By, IfMatch};
use crate::identity::{Organization, Settings};

pub(super) async fn get(Shared(state): Shared<State>, by: By) -> Result<Response, ApiError> {
    Ok(answer(&state.identity.organization(by.org()).await?))
}

pub(super) async fn update(
    Shared(state): Shared<State>,
    by: By,
    IfMatch(if_match): IfMatch,
    Strict(settings): Strict<Settings>,
) -> Result<Response, ApiError> {
    if settings.changes_plan() {
        by.may_change_plan(state.owner_sets_plan)?;
    }
    let changed = state.identity.settings(&by.actor, if_match, &settings);
    Ok(answer(&changed.await?))
}

fn answer(organization: &Organization) -> Response {
    let body = Json(json!({ "data": {
        "id": OrgId(organization.id).to_string(),
        "name": organization.name,
        "onPlanLimit": organization.on_plan_limit,
        "registrationRequired": organization.switches.registration_required,
        "tieredGovernance": organization.switches.tiered_governance,
        "versionRegistry": organization.switches.version_registry,
        "promptApproval": organization.switches.prompt_approval,
        "credentialRequired": organization.switches.credential_required,
        "suspended": organization.suspended,
        "plan": organization.plan,
        "maxAgents": organization.limits.agents,
        "maxPolicies": organization.limits.policies,
        "maxUsers": organization.limits.users,
        "maxTracesPerMonth": organization.limits.traces,
        "retentionDays": organization.retention_days,
        "version": organization.version,
        "createdAt": organization.created_at,
    }}));
    ([(header::ETAG, etag(organization.version))], body).into_response()
}

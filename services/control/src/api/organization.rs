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
    Ok(answer(
        &state
            .identity
            .settings(&by.actor, if_match, &settings)
            .await?,
    ))
}

fn answer(organization: &Organization) -> Response {
    let body = Json(json!({ "data": {
        "id": OrgId(organization.id).to_string(),
        "name": organization.name,
        "onPlanLimit": organization.on_plan_limit,
        "registrationRequired": organization.registration_required,
        "suspended": organization.suspended,
        "maxTracesPerMonth": organization.max_traces_per_month,
        "version": organization.version,
        "createdAt": organization.created_at,
    }}));
    ([(header::ETAG, etag(organization.version))], body).into_response()
}

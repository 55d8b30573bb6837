//! Validators. The secret of one is in the answer that made it and nowhere else.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;
use writ_contract::ValidatorId;
use writ_service_kit::ApiError;
use writ_service_kit::json::Strict;

use super::State;
use super::agents::etag;
use super::extract::{By, IfMatch, ListQuery, cursor};
use crate::error::Refusal;
use crate::validator::{Body, Validator};

pub(super) async fn register(
    Shared(state): Shared<State>,
    by: By,
    Strict(body): Strict<Body>,
) -> Result<Response, ApiError> {
    let registered = state.validators.register(&by.actor, &body).await?;
    let mut data = shown(&registered.validator);
    if let (Some(fields), Some(secret)) = (data.as_object_mut(), registered.secret) {
        fields.insert("secret".to_owned(), secret.expose().into());
    }
    let status = if registered.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let tag = [(header::ETAG, etag(registered.validator.version))];
    Ok((status, tag, Json(json!({ "data": data }))).into_response())
}

pub(super) async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let page = state
        .validators
        .list(by.org(), query.after_id()?, query.limit());
    let (validators, next) = page.await?;
    let validators: Vec<Value> = validators.iter().map(shown).collect();
    let next = next.map(|id| cursor(0, id));
    Ok(Json(json!({ "data": validators, "nextCursor": next })))
}

pub(super) async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    Ok(answer(&state.validators.get(by.org(), parse(&id)?).await?))
}

pub(super) async fn update(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    IfMatch(if_match): IfMatch,
    Strict(body): Strict<Body>,
) -> Result<Response, ApiError> {
    let changed = state
        .validators
        .update(&by.actor, parse(&id)?, if_match, &body);
    Ok(answer(&changed.await?))
}

pub(super) async fn delete(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    IfMatch(if_match): IfMatch,
) -> Result<Response, ApiError> {
    let deleted = state.validators.delete(&by.actor, parse(&id)?, if_match);
    Ok(answer(&deleted.await?))
}

/// An id that is none belongs to no validator.
fn parse(id: &str) -> Result<Uuid, Refusal> {
    let id = id.parse::<ValidatorId>();
    id.map(|id| id.0).map_err(|_| Refusal::ValidatorNotFound)
}

fn answer(validator: &Validator) -> Response {
    let body = Json(json!({ "data": shown(validator) }));
    ([(header::ETAG, etag(validator.version))], body).into_response()
}

fn shown(validator: &Validator) -> Value {
    json!({
        "id": ValidatorId(validator.id).to_string(),
        "name": validator.name,
        "url": validator.url,
        "timeoutMs": validator.timeout_ms,
        "failMode": validator.fail_mode.as_str(),
        "deleted": validator.secret.is_none(),
        "version": validator.version,
        "createdAt": validator.created_at,
        "updatedAt": validator.updated_at,
    })
}

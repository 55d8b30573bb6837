//! Validators. The secret of one is in the answer that made it and nowhere else.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use writ_contract::ValidatorId;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::routes::Routes;

use super::agents::etag;
use super::extract::{By, IfMatch, ListQuery, cursor};
use super::status::status_of;
use super::{ADMIN, State};
use crate::error::Refusal;
use crate::validator::{Body, Registration, Validator};

/// A validator; its secret only in the answer that made it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Validator")]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: ValidatorId,
    name: String,
    url: String,
    /// 1 to 500.
    timeout_ms: u32,
    /// What no usable answer means: `closed` leaves it to the policy's `onError`, `open` denies
    /// nobody.
    fail_mode: &'static str,
    deleted: bool,
    /// Counts its changes; the `ETag`.
    version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// What its requests are signed with, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/validators", ADMIN, list)
        .says("List validators", "")
        .answers::<Page<Shown>>(200)
        .post("/validators", ADMIN, register)
        .says(
            "Register a validator",
            "An HTTP service of yours that policies of type `custom_validator` ask. Needs `name` \
             and `url`.",
        )
        .makes::<Data<Shown>>()
        .get("/validators/{id}", ADMIN, get)
        .says("Get a validator", "")
        .answers::<Data<Shown>>(200)
        .patch("/validators/{id}", ADMIN, update)
        .says("Change a validator", "Fields that are absent stay.")
        .answers::<Data<Shown>>(200)
        .delete("/validators/{id}", ADMIN, delete)
        .says("Delete a validator", "Refused while a policy asks it.")
        .answers::<Data<Shown>>(200)
}

async fn register(
    Shared(state): Shared<State>,
    by: By,
    Strict(body): Strict<Registration>,
) -> Result<Response, ApiError> {
    let registered = state.validators.register(&by.actor, &body).await?;
    let mut data = shown(&registered.validator);
    data.secret = registered.secret.map(|secret| secret.expose().to_owned());
    let status = status_of(registered.is_new);
    let tag = [(header::ETAG, etag(registered.validator.version))];
    Ok((status, tag, Json(Data { data })).into_response())
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Shown>>, ApiError> {
    let page = state
        .validators
        .list(by.org(), query.after_id()?, query.limit());
    let (validators, next) = page.await?;
    Ok(Json(Page {
        data: validators.iter().map(shown).collect(),
        next_cursor: next.map(|id| cursor(0, id)),
    }))
}

async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    Ok(answer(&state.validators.get(by.org(), parse(&id)?).await?))
}

async fn update(
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

async fn delete(
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
    let body = Json(Data {
        data: shown(validator),
    });
    ([(header::ETAG, etag(validator.version))], body).into_response()
}

fn shown(validator: &Validator) -> Shown {
    Shown {
        id: ValidatorId(validator.id),
        name: validator.name.clone(),
        url: validator.url.clone(),
        timeout_ms: validator.timeout_ms,
        fail_mode: validator.fail_mode.as_str(),
        deleted: validator.secret.is_none(),
        version: validator.version,
        created_at: validator.created_at,
        updated_at: validator.updated_at,
        secret: None,
    }
}

//! Identity providers whose people are believed.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use writ_contract::IssuerId;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::routes::Routes;

use super::agents::etag;
use super::extract::{By, IfMatch, ListQuery, cursor};
use super::status::status_of;
use super::{ADMIN, OWNER, State};
use crate::error::Refusal;
use crate::issuer::{Body, Issuer};

/// An identity provider.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OidcIssuer")]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: IssuerId,
    name: String,
    /// `iss` of its tokens.
    issuer: String,
    audiences: Vec<String>,
    authorized_parties: Vec<String>,
    /// Some of `RS256`, `ES256`, `EdDSA`.
    algorithms: Vec<&'static str>,
    /// `never`, `verified` or `always`.
    email: &'static str,
    roles_claim: String,
    scopes_claim: String,
    member_roles: BTreeMap<String, &'static str>,
    /// Names of the keys its tokens are checked with.
    key_ids: Vec<String>,
    /// When it was asked for its keys last.
    keys_read_at: DateTime<Utc>,
    /// Until when these keys are believed if it does not answer any more.
    keys_until: DateTime<Utc>,
    deleted: bool,
    /// Counts its changes; the `ETag`.
    version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/oidc-issuers", ADMIN, list)
        .says("List OIDC issuers", "")
        .answers::<Page<Shown>>(200)
        .post("/oidc-issuers", OWNER, register)
        .says(
            "Register an OIDC issuer",
            "An identity provider whose tokens are accepted for members, and for those that acts are \
             on behalf of. Needs `issuer`, which has to answer, and `audiences` or \
             `authorizedParties`.",
        )
        .makes::<Data<Shown>>()
        .get("/oidc-issuers/{id}", ADMIN, get)
        .says("Get an OIDC issuer", "")
        .answers::<Data<Shown>>(200)
        .patch("/oidc-issuers/{id}", OWNER, update)
        .says(
            "Change an OIDC issuer",
            "Fields that are absent stay. Its keys are read again.",
        )
        .answers::<Data<Shown>>(200)
        .delete("/oidc-issuers/{id}", OWNER, remove)
        .says(
            "Remove an OIDC issuer",
            "No token of it is believed any more.",
        )
        .answers::<Data<Shown>>(200)
}

async fn register(
    Shared(state): Shared<State>,
    by: By,
    Strict(body): Strict<Body>,
) -> Result<Response, ApiError> {
    let (issuer, is_new) = state.issuers.register(&by.actor, &body).await?;
    let status = status_of(is_new);
    Ok((status, answer(&issuer)).into_response())
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Shown>>, ApiError> {
    let page = state
        .issuers
        .list(by.org(), query.after_id()?, query.limit());
    let (issuers, next) = page.await?;
    Ok(Json(Page {
        data: issuers.iter().map(shown).collect(),
        next_cursor: next.map(|id| cursor(0, id)),
    }))
}

async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    Ok(answer(&state.issuers.get(by.org(), parse(&id)?).await?))
}

async fn update(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    IfMatch(if_match): IfMatch,
    Strict(body): Strict<Body>,
) -> Result<Response, ApiError> {
    let changed = state
        .issuers
        .update(&by.actor, parse(&id)?, if_match, &body);
    Ok(answer(&changed.await?))
}

async fn remove(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let removed = state.issuers.remove(&by.actor, parse(&id)?);
    Ok(answer(&removed.await?))
}

/// An id that is none belongs to no issuer.
fn parse(id: &str) -> Result<Uuid, Refusal> {
    let id = id.parse::<IssuerId>();
    id.map(|id| id.0).map_err(|_| Refusal::IssuerNotFound)
}

fn answer(issuer: &Issuer) -> Response {
    let body = Json(Data {
        data: shown(issuer),
    });
    ([(header::ETAG, etag(issuer.version))], body).into_response()
}

fn shown(issuer: &Issuer) -> Shown {
    let terms = &issuer.terms;
    let roles = terms.member_roles.iter();
    Shown {
        id: IssuerId(issuer.id),
        name: issuer.name.clone(),
        issuer: issuer.issuer.clone(),
        audiences: terms.audiences.clone(),
        authorized_parties: terms.authorized_parties.clone(),
        algorithms: terms.algorithms.iter().map(|one| one.as_str()).collect(),
        email: terms.email.as_str(),
        roles_claim: terms.roles_claim.clone(),
        scopes_claim: terms.scopes_claim.clone(),
        member_roles: roles
            .map(|(value, role)| (value.clone(), role.as_str()))
            .collect(),
        key_ids: issuer.keys.iter().map(|key| key.kid.clone()).collect(),
        keys_read_at: issuer.keys_read_at,
        keys_until: issuer.keys_until,
        deleted: issuer.deleted,
        version: issuer.version,
        created_at: issuer.created_at,
        updated_at: issuer.updated_at,
    }
}

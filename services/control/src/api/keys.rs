//! API keys. The text of a key is in the answer that issued it and nowhere else.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_contract::{KeyId, PersonId};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::routes::Routes;

use super::agents::etag;
use super::extract::{By, IfMatch, ListQuery, cursor};
use super::status::status_of;
use super::{ADMIN, State};
use crate::error::Refusal;
use crate::identity::{Issue, Key, KeyChange};

/// An API key; its text only in the answer that issued it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Key")]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: KeyId,
    name: String,
    /// The beginning of its text.
    preview: String,
    /// `viewer`, `developer`, `admin` or `owner`.
    role: &'static str,
    /// Who holds it.
    person: PersonId,
    /// It may not act in production.
    test: bool,
    /// Networks it may be used from; empty is any.
    cidrs: Vec<String>,
    /// Environments it may act in; empty is any.
    environments: Vec<String>,
    /// Every request must be signed.
    signature_required: bool,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    /// Revoked because somebody else got hold of it.
    leaked: bool,
    /// Counts its changes; the `ETag`.
    version: u64,
    created_at: DateTime<Utc>,
    /// The key itself, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Why a key is revoked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Why {
    /// Somebody else got hold of it; can be said later, too.
    leaked: Option<bool>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/keys", ADMIN, list)
        .says("List keys", "")
        .answers::<Page<Shown>>(200)
        .post("/keys", ADMIN, issue)
        .says(
            "Issue a key",
            "The text of the key is in this answer and nowhere else; a repeat does not show it.",
        )
        .makes::<Data<Shown>>()
        .get("/keys/{id}", ADMIN, get)
        .says("Get a key", "Without its text.")
        .answers::<Data<Shown>>(200)
        .patch("/keys/{id}", ADMIN, change)
        .says(
            "Change a key",
            "Fields that are absent stay. Holds everywhere within moments. A key above one's own \
             role, and one that is revoked, stays as it is.",
        )
        .answers::<Data<Shown>>(200)
        .delete("/keys/{id}", ADMIN, revoke)
        .says(
            "Revoke a key",
            "Refused everywhere within moments. With `leaked=true` it is an incident too. What the \
             key did is in `GET /audit-logs?actor=key:key_…`, `GET /decisions?keyId=key_…` and \
             `GET /traces?keyId=key_…`, each with `since`.",
        )
        .answers::<Data<Shown>>(200)
}

async fn issue(
    Shared(state): Shared<State>,
    by: By,
    Strict(command): Strict<Issue>,
) -> Result<(StatusCode, Json<Data<Shown>>), ApiError> {
    let (key, text) = state
        .identity
        .issue(&by.caller, &by.actor, &command)
        .await?;
    let mut data = shown(&key);
    let status = status_of(text.is_some());
    data.key = text;
    Ok((status, Json(Data { data })))
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Shown>>, ApiError> {
    let (keys, next) = state
        .identity
        .keys(by.org(), query.after_id()?, query.limit())
        .await?;
    Ok(Json(Page {
        data: keys.iter().map(shown).collect(),
        next_cursor: next.map(|id| cursor(0, id)),
    }))
}

async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    Ok(answer(&state.identity.key(by.org(), parse(&id)?).await?))
}

async fn change(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    IfMatch(if_match): IfMatch,
    Strict(body): Strict<KeyChange>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    let changed = state
        .identity
        .change_key(&by.caller, &by.actor, id, if_match, &body);
    Ok(answer(&changed.await?))
}

async fn revoke(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(why): Query<Why>,
) -> Result<Json<Data<Shown>>, ApiError> {
    let id = parse(&id)?;
    let leaked = why.leaked.unwrap_or_default();
    let revoked = state.identity.revoke(&by.caller, &by.actor, id, leaked);
    let key = revoked.await?;
    Ok(Json(Data { data: shown(&key) }))
}

/// An id that is none belongs to no key.
fn parse(id: &str) -> Result<Uuid, Refusal> {
    let id = id.parse::<KeyId>();
    id.map(|id| id.0).map_err(|_| Refusal::KeyNotFound)
}

fn answer(key: &Key) -> Response {
    let body = Json(Data { data: shown(key) });
    ([(header::ETAG, etag(key.version))], body).into_response()
}

fn shown(key: &Key) -> Shown {
    Shown {
        id: KeyId(key.id),
        name: key.name.clone(),
        preview: format!("{}{}…", key.prefix, key.public_id),
        role: key.role.as_str(),
        person: PersonId(key.person),
        test: key.test,
        cidrs: key.cidrs.clone(),
        environments: key.environments.clone(),
        signature_required: key.signature_required,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        leaked: key.leaked,
        version: key.version,
        created_at: key.created_at,
        key: None,
    }
}

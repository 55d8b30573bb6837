//! API keys. The text of a key is in the answer that issued it and nowhere else.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use http::StatusCode;
use serde_json::{Value, json};
use writ_contract::{KeyId, PersonId};
use writ_service_kit::ApiError;
use writ_service_kit::json::Strict;

use super::State;
use super::extract::{By, ListQuery, cursor};
use crate::error::Refusal;
use crate::identity::{Issue, Key};

pub(super) async fn issue(
    Shared(state): Shared<State>,
    by: By,
    Strict(command): Strict<Issue>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (key, text) = state
        .identity
        .issue(&by.caller, &by.actor, &command)
        .await?;
    let mut data = shown(&key);
    let status = if text.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    if let (Some(fields), Some(text)) = (data.as_object_mut(), text) {
        fields.insert("key".to_owned(), text.into());
    }
    Ok((status, Json(json!({ "data": data }))))
}

pub(super) async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let (keys, next) = state
        .identity
        .keys(by.org(), query.after_id()?, query.limit())
        .await?;
    let keys: Vec<Value> = keys.iter().map(shown).collect();
    Ok(Json(
        json!({ "data": keys, "nextCursor": next.map(|id| cursor(0, id)) }),
    ))
}

pub(super) async fn revoke(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id: KeyId = id.parse().map_err(|_| Refusal::KeyNotFound)?;
    let key = state.identity.revoke(&by.caller, &by.actor, id.0).await?;
    Ok(Json(json!({ "data": shown(&key) })))
}

fn shown(key: &Key) -> Value {
    json!({
        "id": KeyId(key.id).to_string(),
        "name": key.name,
        "preview": format!("{}{}…", key.prefix, key.public_id),
        "role": key.role.as_str(),
        "person": PersonId(key.person).to_string(),
        "test": key.test,
        "cidrs": key.cidrs,
        "environments": key.environments,
        "signatureRequired": key.signature_required,
        "expiresAt": key.expires_at,
        "revokedAt": key.revoked_at,
        "createdAt": key.created_at,
    })
}

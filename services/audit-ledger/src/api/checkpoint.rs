//! `GET /audit/checkpoint`: the latest signed head, as JSON or as the bare note.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use writ_chain::checkpoint::tenant_origin;
use writ_service_kit::ApiError;
use writ_service_kit::json::Data;
use writ_service_kit::routes::Authed;

use super::{State, status};
use crate::error::Error;
use crate::store::{self, Signed};

/// A signed head of the ledger.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Checkpoint")]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckpointDto {
    /// The signed note.
    checkpoint: String,
    origin: String,
    /// Entries it covers.
    size: u64,
    /// Base64.
    root_hash: String,
    public_key: String,
    key_id: String,
    created_at: DateTime<Utc>,
    /// No witness has signed it.
    witnessed: bool,
}

pub(super) async fn latest(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let org = caller.org_id();
    let signed = find(&state, org).await.map_err(status::answer)?;
    let signed = signed.ok_or_else(status::nothing_sealed)?;
    if wants_text(&headers) {
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        return Ok((kind, signed.note).into_response());
    }
    let key = state.keys.checkpoint.verifier();
    let data = CheckpointDto {
        origin: tenant_origin(state.keys.log_name(), org),
        size: signed.size,
        root_hash: BASE64.encode(&signed.root),
        public_key: key.to_string(),
        key_id: hex::encode(key.id()),
        created_at: signed.created_at,
        checkpoint: signed.note,
        witnessed: false,
    };
    Ok(Json(Data { data }).into_response())
}

pub(super) async fn find(state: &State, org: Uuid) -> Result<Option<Signed>, Error> {
    let mut tx = state.pool.begin(org).await?;
    store::signed(&mut tx).await
}

fn wants_text(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    accepted.is_some_and(|kinds| kinds.trim_start().starts_with("text/plain"))
}

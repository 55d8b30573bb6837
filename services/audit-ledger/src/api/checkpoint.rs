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
use writ_chain::global::Inclusion;
use writ_service_kit::ApiError;
use writ_service_kit::json::Data;
use writ_service_kit::routes::Authed;

use super::export::inclusion;
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
    /// A witness has signed the global checkpoint below. Sealing does not wait for witnesses, so of a
    /// ledger that grows the latest head mostly is not yet.
    witnessed: bool,
    /// Entries below the latest head in a global checkpoint that a witness signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed_size: Option<u64>,
    /// Where the head stands in the log over all organisations, whose head witnesses sign: that
    /// `checkpoint` with the cosignatures there are, and the paths to it, as in an export's header.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    global: Option<Inclusion>,
}

/// The latest head, and what witnesses have to do with it.
struct Latest {
    signed: Signed,
    global: Option<Inclusion>,
    witnessed: bool,
    witnessed_size: Option<u64>,
}

pub(super) async fn latest(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let org = caller.org_id();
    let latest = look(&state, org).await.map_err(status::answer)?;
    let Latest {
        signed,
        global,
        witnessed,
        witnessed_size,
    } = latest.ok_or_else(status::nothing_sealed)?;
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
        witnessed,
        witnessed_size,
        global,
    };
    Ok(Json(Data { data }).into_response())
}

async fn look(state: &State, org: Uuid) -> Result<Option<Latest>, Error> {
    let mut tx = state.pool.begin(org).await?;
    let Some(signed) = store::signed(&mut tx).await? else {
        return Ok(None);
    };
    let witnessed_size = store::witnessed_size(&mut tx).await?;
    let covering = store::latest_covering(&mut tx).await?;
    let covering = covering.filter(|head| head.size == signed.size);
    let (mut global, mut witnessed) = (None, false);
    if let Some(head) = covering
        && let Some(note) = store::global_with(&mut tx, head.global_index).await?
    {
        witnessed = note.witnessed;
        global = Some(inclusion(&mut tx, &head, note).await?);
    }
    Ok(Some(Latest {
        signed,
        global,
        witnessed,
        witnessed_size,
    }))
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

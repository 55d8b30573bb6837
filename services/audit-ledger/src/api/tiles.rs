//! The trees as static resources (C2SP tlog-tiles): `checkpoint`, `tile/<L>/<N>[.p/<W>]` and
//! `tile/entries/<N>[.p/<W>]`. The global log is public and tells nothing of organisations; an
//! organisation's own tree is for its keys.

use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header;
use uuid::Uuid;
use writ_chain::tiles::{Resource, WIDTH};
use writ_service_kit::ApiError;
use writ_service_kit::routes::Authed;

use super::{State, checkpoint, status};
use crate::error::Error;
use crate::store::{self, GLOBAL};

/// A head is a few hundred milliseconds old as it is.
const HEAD: &str = "public, max-age=1";
/// What is full never changes.
const PUBLIC: &str = "public, max-age=31536000, immutable";
const PRIVATE: &str = "private, max-age=31536000, immutable";
/// A partial tile does not change either, but nobody asks for it again for long.
const PARTIAL: &str = "private, max-age=60";

pub(super) async fn global_checkpoint(Shared(state): Shared<State>) -> Result<Response, ApiError> {
    let found = cosigned_head(&state).await.map_err(status::answer)?;
    Ok(text(found.ok_or_else(status::nothing_sealed)?, HEAD))
}

pub(super) async fn global_tile(
    Shared(state): Shared<State>,
    Path(path): Path<String>,
) -> Result<Response, ApiError> {
    let head = global_head(&state).await.map_err(status::answer)?;
    let size = head.map_or(0, |(size, _)| size);
    resource(&state, GLOBAL, size, &path).await
}

pub(super) async fn tenant_checkpoint(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
) -> Result<Response, ApiError> {
    let signed = checkpoint::find(&state, caller.org_id()).await;
    let signed = signed.map_err(status::answer)?;
    let signed = signed.ok_or_else(status::nothing_sealed)?;
    Ok(text(signed.note, "private, max-age=1"))
}

pub(super) async fn tenant_tile(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    Path(path): Path<String>,
) -> Result<Response, ApiError> {
    let org = caller.org_id();
    let signed = checkpoint::find(&state, org).await;
    let size = signed.map_err(status::answer)?.map_or(0, |it| it.size);
    resource(&state, org, size, &path).await
}

async fn global_head(state: &State) -> Result<Option<(u64, String)>, Error> {
    let mut tx = state.pool.begin(GLOBAL).await?;
    store::global_signed(&mut tx).await
}

/// The latest head that witnesses cosigned, which is a second or two old; the latest of all while
/// there is none.
async fn cosigned_head(state: &State) -> Result<Option<String>, Error> {
    let mut tx = state.pool.begin(GLOBAL).await?;
    let found = store::global_with(&mut tx, 0).await?;
    Ok(found.map(|head| head.note))
}

/// Only what a signed head of `size` covers is there.
async fn resource(state: &State, log: Uuid, size: u64, path: &str) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found("tile");
    let wanted = Resource::parse(path).filter(|wanted| wanted.is_in(size));
    let wanted = wanted.ok_or_else(missing)?;
    let bytes = read(state, log, wanted).await.map_err(status::answer)?;
    let bytes = bytes.ok_or_else(missing)?;
    let kept = match (wanted.is_full(), log == GLOBAL) {
        (true, true) => PUBLIC,
        (true, false) => PRIVATE,
        (false, _) => PARTIAL,
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, kept),
    ];
    Ok((headers, bytes).into_response())
}

async fn read(state: &State, log: Uuid, wanted: Resource) -> Result<Option<Bytes>, Error> {
    let mut tx = state.pool.begin(log).await?;
    match wanted {
        Resource::Tile { id, width } => {
            let hashes = store::tile(&mut tx, log, id, width).await?;
            Ok(Some(hashes.concat().into()))
        }
        Resource::Entries { index, width } => {
            let start = index * WIDTH;
            let leaves = store::leaves(&mut tx, log, start, start + width).await?;
            Ok(leaves.as_deref().and_then(bundle))
        }
    }
}

/// Entries behind their lengths, big-endian u16 each; `None` when one is too long to be said so.
fn bundle(leaves: &[Vec<u8>]) -> Option<Bytes> {
    let mut bytes = Vec::new();
    for leaf in leaves {
        let length = u16::try_from(leaf.len()).ok()?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(leaf);
    }
    Some(bytes.into())
}

fn text(note: String, kept: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, kept),
    ];
    (headers, note).into_response()
}

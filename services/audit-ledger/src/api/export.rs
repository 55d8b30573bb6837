//! `GET /audit/export`: sealed entries as a bundle of `writ-ledger-export/2`, or for a SIEM.

mod pages;
mod query;
mod siem;

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::TryStreamExt as _;
use http::header;
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use writ_access::Caller;
use writ_chain::export::Header;
use writ_chain::global::Inclusion;
use writ_contract::KeyId;
use writ_pg::TenantTx;
use writ_service_kit::ApiError;
use writ_service_kit::routes::Authed;
use writ_service_kit::trace::Traced;

use super::{State, status};
use crate::error::Error;
use crate::store::{self, Covering, GLOBAL, GlobalNote, Taker};

pub(super) use pages::{Export, Piece, pieces};
pub(super) use query::ExportQuery;

/// How long an export waits for a witness to sign the head it ends with.
const PATIENCE: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn bundle(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    Traced(traceparent): Traced,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|refused| ApiError::invalid(refused.body_text()))?;
    if query.is_empty() {
        return Err(ApiError::invalid("from must be before to"));
    }
    let opened = open(&state, taker(&caller, traceparent), &query).await;
    let opened = opened.map_err(status::answer)?;
    let export = opened.ok_or_else(status::nothing_sealed)?;
    let name = format!(
        "ledger-{}-{}.{}",
        export.org,
        export.header.size,
        query.format.extension()
    );
    let headers = [
        (header::CONTENT_TYPE, query.format.media().to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    let lines = pieces(state, export).map_ok(|pieces| {
        let lines = pieces.into_iter().map(|piece| piece.line);
        Bytes::from(lines.collect::<String>())
    });
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// What was asked for, and by whom. `None` while nothing is sealed.
pub(super) async fn open(
    state: &State,
    (org, taker): (Uuid, Taker),
    query: &ExportQuery,
) -> Result<Option<Export>, Error> {
    let mut tx = state.pool.begin(org).await?;
    let Some(head) = store::latest_covering(&mut tx).await? else {
        return Ok(None);
    };
    drop(tx);
    let global = witnessed(state, org, &head).await?;
    let mut tx = state.pool.begin(org).await?;
    let inclusion = inclusion(&mut tx, &head, global).await?;
    let (from, to) = match query.period() {
        None => (0, head.size),
        Some(_) => store::entries_between(&mut tx, query.start(), query.end(), head.size).await?,
    };
    let header = Header {
        from,
        to,
        period: query.period(),
        filter: query.filter(),
        global: Some(inclusion),
        ..Header::whole(org, head.size, head.note)
    };
    Ok(Some(Export {
        org,
        header,
        selection: query.selection(),
        format: query.format,
        taker,
    }))
}

/// The head of the global log that shows `head`: one that a witness signed, if one comes in time.
async fn witnessed(state: &State, org: Uuid, head: &Covering) -> Result<GlobalNote, Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut tx = state.pool.begin(org).await?;
        let found = store::global_with(&mut tx, head.global_index).await?;
        let found = found.ok_or_else(damaged)?;
        if found.witnessed || !state.witnessed || Instant::now() >= until {
            return Ok(found);
        }
        drop(tx);
        sleep(LOOK_EVERY).await;
    }
}

/// Where `head` stands in the global log under that head of it.
pub(super) async fn inclusion(
    tx: &mut TenantTx,
    head: &Covering,
    global: GlobalNote,
) -> Result<Inclusion, Error> {
    let index = head.global_index;
    let path = store::inclusion(tx, GLOBAL, index, global.size).await?;
    Ok(Inclusion {
        checkpoint: global.note,
        head: head.interval.index,
        head_path: head.interval.path.clone(),
        heads: head.interval.size,
        index,
        path,
    })
}

/// Whose entries a caller takes, and as whom.
pub(super) fn taker(caller: &Caller, traceparent: String) -> (Uuid, Taker) {
    let actor = match (caller.key_id(), caller.person()) {
        (Some(key), _) => format!("key:{}", KeyId(key)),
        (None, Some(person)) => format!("person:{person}"),
        (None, None) => "system:audit-ledger".to_owned(),
    };
    let taker = Taker {
        actor,
        on_behalf_of: caller.person().map(str::to_owned).into_iter().collect(),
        traceparent,
    };
    (caller.org_id(), taker)
}

fn damaged() -> Error {
    Error::Damaged("the export".to_owned())
}

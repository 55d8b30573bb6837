//! `GET /audit/export`: every sealed entry as a bundle of `writ-ledger-export/2`.

use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, Stream};
use http::header;
use uuid::Uuid;
use writ_access::Caller;
use writ_chain::export::{Header, Writer};
use writ_contract::KeyId;
use writ_service_kit::ApiError;
use writ_service_kit::routes::Authed;

use super::{State, checkpoint, status};
use crate::error::Error;
use crate::store::{self, Signed};

/// Entries read at once.
const PAGE: i64 = 500;

pub(super) async fn bundle(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
) -> Result<Response, ApiError> {
    let org = caller.org_id();
    let signed = checkpoint::find(&state, org)
        .await
        .map_err(status::answer)?;
    let signed = signed.ok_or_else(status::nothing_sealed)?;
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!(
                "attachment; filename=\"ledger-{org}-{}.jsonl\"",
                signed.size
            ),
        ),
    ];
    let pages = pages(state, org, signed, actor(&caller));
    Ok((headers, Body::from_stream(pages)).into_response())
}

/// Where an export stands between two pages.
struct Progress {
    state: State,
    org: Uuid,
    writer: Writer,
    next: u64,
    size: u64,
    /// Who takes it.
    actor: String,
}

/// What is sealed does not change, so each page may be a transaction of its own. A reader that
/// sees the stream end early finds the manifest missing.
fn pages(
    state: State,
    org: Uuid,
    signed: Signed,
    actor: String,
) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    let header = Header::whole(org, signed.size, signed.note);
    let opened = Writer::open(header).map_err(|_| damaged());
    let first = async move { opened };
    stream::once(first).flat_map(move |opened| match opened {
        Err(error) => stream::once(async { Err(error) }).boxed(),
        Ok((writer, line)) => {
            let progress = Progress {
                state: state.clone(),
                org,
                writer,
                next: 0,
                size: signed.size,
                actor: actor.clone(),
            };
            let header = stream::once(async { Ok(Bytes::from(line)) });
            header
                .chain(stream::try_unfold(Some(progress), page))
                .boxed()
        }
    })
}

/// The next page of entries; after the last, the manifest.
async fn page(progress: Option<Progress>) -> Result<Option<(Bytes, Option<Progress>)>, Error> {
    let Some(mut progress) = progress else {
        return Ok(None);
    };
    let mut tx = progress.state.pool.begin(progress.org).await?;
    let rows = store::export_page(&mut tx, progress.next, progress.size, PAGE).await?;
    drop(tx);
    let Some((last, _)) = rows.last() else {
        exported_to(
            &progress.state,
            progress.org,
            &progress.actor,
            progress.size,
        )
        .await?;
        let manifest = progress.writer.finish(&[]).map_err(|_| damaged())?;
        return Ok(Some((Bytes::from(manifest), None)));
    };
    progress.next = last + 1;
    let lines = rows
        .iter()
        .map(|(seq, leaf)| progress.writer.entry(*seq, leaf));
    let text: String = lines.collect();
    Ok(Some((Bytes::from(text), Some(progress))))
}

/// Who takes an export, as entries name them.
pub(super) fn actor(caller: &Caller) -> String {
    match (caller.key_id(), caller.person()) {
        (Some(key), _) => format!("key:{}", KeyId(key)),
        (None, Some(person)) => format!("person:{person}"),
        (None, None) => "system:audit-ledger".to_owned(),
    }
}

/// Notes that a whole export was read to its end.
pub(super) async fn exported_to(
    state: &State,
    org: Uuid,
    actor: &str,
    size: u64,
) -> Result<(), Error> {
    let mut tx = state.pool.begin(org).await?;
    store::note_export(&mut tx, org, actor, size).await?;
    Ok(tx.commit().await?)
}

fn damaged() -> Error {
    Error::Damaged("the export".to_owned())
}

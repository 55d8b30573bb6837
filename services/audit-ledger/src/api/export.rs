//! `GET /audit/export`: every sealed entry as a bundle of `writ-ledger-export/1`.

use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::{self, Stream};
use http::header;
use uuid::Uuid;
use writ_chain::export::{entry_line, header_line};
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
    Ok((headers, Body::from_stream(pages(state, org, signed))).into_response())
}

/// What is sealed does not change, so each page may be a transaction of its own. A reader that
/// sees the stream end early finds the range incomplete: the header says how many follow.
fn pages(
    state: State,
    org: Uuid,
    signed: Signed,
) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    stream::try_unfold((state, None), move |(state, next)| {
        let signed = signed.clone();
        async move {
            let Some(from) = next else {
                let header = header_line(org, signed.size, &signed.note);
                let header = header.map_err(|_| damaged())?;
                return Ok(Some((Bytes::from(header + "\n"), (state, Some(0)))));
            };
            let mut tx = state.pool.begin(org).await?;
            let rows = store::export_page(&mut tx, from, signed.size, PAGE).await?;
            let Some((last, _)) = rows.last() else {
                return Ok(None);
            };
            let next = last + 1;
            let mut text = String::new();
            for (seq, leaf) in &rows {
                text.push_str(&entry_line(*seq, leaf).map_err(|_| damaged())?);
                text.push('\n');
            }
            Ok(Some((Bytes::from(text), (state, Some(next)))))
        }
    })
}

fn damaged() -> Error {
    Error::Damaged("the export".to_owned())
}

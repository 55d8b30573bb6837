//! `GET /audit/export`: sealed entries as a bundle of `writ-ledger-export/2`, or for a SIEM.

mod query;
mod siem;

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, Stream};
use http::header;
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use writ_access::Caller;
use writ_chain::export::{Header, InvalidLine, Redacted, Writer};
use writ_chain::global::Inclusion;
use writ_contract::KeyId;
use writ_pg::TenantTx;
use writ_service_kit::ApiError;
use writ_service_kit::routes::Authed;

use super::{State, status};
use crate::error::Error;
use crate::store::{self, Covering, ExportRow, GLOBAL, GlobalNote, Selection};

pub(super) use query::ExportQuery;
use query::Format;

/// Entries read at once.
const PAGE: i64 = 500;
/// How long an export waits for a witness to sign the head it ends with.
const PATIENCE: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn bundle(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|refused| ApiError::invalid(refused.body_text()))?;
    let org = caller.org_id();
    let opened = open(&state, org, &query).await.map_err(status::answer)?;
    let (header, selection) = opened.ok_or_else(status::nothing_sealed)?;
    let name = format!("ledger-{org}-{}.{}", header.size, query.format.extension());
    let headers = [
        (header::CONTENT_TYPE, query.format.media().to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    let whole = (header.from, header.to) == (0, header.size) && header.filter.is_empty();
    let taker = (whole && query.format == Format::Jsonl).then(|| actor(&caller));
    let asked = (selection, query.format);
    let lines = lines(state, org, header, asked, taker);
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// The header of what was asked for, and how its entries are found. `None` while nothing is sealed.
async fn open(
    state: &State,
    org: Uuid,
    query: &ExportQuery,
) -> Result<Option<(Header, Selection)>, Error> {
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
        Some(_) => store::entries_between(&mut tx, query.from, query.to, head.size).await?,
    };
    let header = Header {
        from,
        to,
        period: query.period(),
        filter: query.filter(),
        global: Some(inclusion),
        ..Header::whole(org, head.size, head.note)
    };
    Ok(Some((header, query.selection())))
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

async fn inclusion(
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

/// Where an export stands between two pages.
struct Progress {
    state: State,
    org: Uuid,
    writer: Writer,
    selection: Selection,
    format: Format,
    at: u64,
    to: u64,
    size: u64,
    /// Who takes it, if it is all there is.
    taker: Option<String>,
}

/// What is sealed does not change, so each page may be a transaction of its own. A reader that
/// sees the stream end early finds the manifest missing.
fn lines(
    state: State,
    org: Uuid,
    header: Header,
    (selection, format): (Selection, Format),
    taker: Option<String>,
) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    let (from, to, size) = (header.from, header.to, header.size);
    let opened = match format {
        Format::Jsonl => Writer::open(header),
        Format::Ocsf | Format::Cef => Ok((Writer::foreign(header, format.name()), String::new())),
    };
    let (writer, first) = match opened {
        Ok(opened) => opened,
        Err(InvalidLine) => return stream::once(async { Err(damaged()) }).boxed(),
    };
    let progress = Progress {
        state,
        org,
        writer,
        selection: Selection { from, ..selection },
        format,
        at: 0,
        to,
        size,
        taker,
    };
    let first = stream::once(async { Ok(Bytes::from(first)) });
    first
        .chain(stream::try_unfold(Some(progress), page))
        .boxed()
}

/// The next page of entries; after the last, the manifest.
async fn page(progress: Option<Progress>) -> Result<Option<(Bytes, Option<Progress>)>, Error> {
    let Some(mut progress) = progress else {
        return Ok(None);
    };
    let mut tx = progress.state.pool.begin(progress.org).await?;
    let rows = store::export_page(&mut tx, &progress.selection, progress.to, PAGE).await?;
    let mut text = String::new();
    for row in &rows {
        progress.hide(&mut tx, row.seq, &mut text).await?;
        progress.show(row, &mut text)?;
    }
    if i64::try_from(rows.len()).is_ok_and(|count| count == PAGE) {
        return Ok(Some((Bytes::from(text), Some(progress))));
    }
    let size = progress.size;
    progress.hide(&mut tx, size, &mut text).await?;
    drop(tx);
    let Progress {
        state,
        writer,
        taker,
        org,
        ..
    } = progress;
    if let Some(taker) = taker {
        exported_to(&state, org, &taker, size).await?;
    }
    let signers = state.keys.exporters();
    text.push_str(&writer.finish(&signers).map_err(|_| damaged())?);
    Ok(Some((Bytes::from(text), None)))
}

impl Progress {
    /// Adds the mark for the entries before `to` that are not shown, if there are any.
    async fn hide(&mut self, tx: &mut TenantTx, to: u64, text: &mut String) -> Result<(), Error> {
        let from = std::mem::replace(&mut self.at, to);
        if from == to || self.format != Format::Jsonl {
            return Ok(());
        }
        let nodes = store::roots(tx, self.org, self.size, (from, to)).await?;
        let mark = Redacted { from, nodes, to };
        text.push_str(&self.writer.redacted(&mark).map_err(|_| damaged())?);
        Ok(())
    }

    fn show(&mut self, row: &ExportRow, text: &mut String) -> Result<(), Error> {
        self.at = row.seq + 1;
        self.selection.from = self.at;
        let foreign = match self.format {
            Format::Jsonl => {
                text.push_str(&self.writer.entry(row.seq, &row.leaf_bytes));
                return Ok(());
            }
            Format::Ocsf => siem::ocsf(row),
            Format::Cef => siem::cef(row),
        };
        let line = foreign.ok_or_else(damaged)?;
        self.writer.count(&line);
        text.push_str(&line);
        Ok(())
    }
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

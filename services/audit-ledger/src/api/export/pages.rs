//! An export on its way: what is sealed does not change, so each page may be a transaction of its own.
//! A reader that sees the stream end early finds the manifest missing.

use futures::stream::{Stream, try_unfold};
use uuid::Uuid;
use writ_chain::export::{Header, Redacted, Writer};
use writ_pg::TenantTx;

use super::query::Format;
use super::{State, damaged, siem};
use crate::error::Error;
use crate::store::{self, ExportRow, NotedExport, Selection, Taker};

/// Entries read at once.
const PAGE: i64 = 500;

/// What is exported, to whom.
#[derive(Debug)]
pub(in crate::api) struct Export {
    pub(super) org: Uuid,
    pub(in crate::api) header: Header,
    pub(super) selection: Selection,
    pub(super) format: Format,
    pub(super) taker: Taker,
}

/// A line of an export, and the entry it states.
#[derive(Debug)]
pub(in crate::api) struct Piece {
    pub(in crate::api) line: String,
    /// None for the header, a mark or the manifest.
    pub(in crate::api) entry: Option<ExportRow>,
}

enum At {
    Start(Box<Export>),
    Within(Box<Progress>),
    End,
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
    noted: NotedExport,
}

/// The export's lines, some at a time. That it is taken is noted before the first of them leaves, and
/// how much it was before the last.
pub(in crate::api) fn pieces(
    state: State,
    export: Export,
) -> impl Stream<Item = Result<Vec<Piece>, Error>> + Send {
    try_unfold(
        (state, At::Start(Box::new(export))),
        |(state, at)| async move {
            let step = match at {
                At::Start(export) => begin(state.clone(), *export).await?,
                At::Within(progress) => next(*progress).await?,
                At::End => return Ok(None),
            };
            let (pieces, at) = step;
            Ok(Some((pieces, (state, at))))
        },
    )
}

async fn begin(state: State, export: Export) -> Result<(Vec<Piece>, At), Error> {
    let Export {
        org,
        header,
        selection,
        format,
        taker,
    } = export;
    let (from, to, size) = (header.from, header.to, header.size);
    let selection = Selection { from, ..selection };
    let mut noted = NotedExport {
        taker,
        format: format.name(),
        range: from..to,
        period: header.period,
        filter: header.filter.clone(),
        whole: (from, to) == (0, size) && header.filter.is_empty() && format == Format::Jsonl,
        shown: 0,
        known: false,
    };
    let mut tx = state.pool.begin(org).await?;
    let rows = store::export_page(&mut tx, &selection, to, PAGE).await?;
    noted.known = !rows.is_empty();
    store::note_export_begun(&mut tx, org, &noted).await?;
    tx.commit().await?;
    let (writer, first) = match format {
        Format::Jsonl => Writer::open(header).map_err(|_| damaged())?,
        Format::Ocsf | Format::Cef => (Writer::foreign(header, format.name()), String::new()),
    };
    let progress = Progress {
        state,
        org,
        writer,
        selection,
        format,
        at: 0,
        to,
        size,
        noted,
    };
    let mut pieces = vec![Piece::line(first)];
    let at = progress.page(rows, &mut pieces).await?;
    Ok((pieces, at))
}

async fn next(progress: Progress) -> Result<(Vec<Piece>, At), Error> {
    let mut tx = progress.state.pool.begin(progress.org).await?;
    let rows = store::export_page(&mut tx, &progress.selection, progress.to, PAGE).await?;
    drop(tx);
    let mut pieces = Vec::with_capacity(rows.len());
    let at = progress.page(rows, &mut pieces).await?;
    Ok((pieces, at))
}

impl Progress {
    /// Adds a page of entries; after the last, the manifest.
    async fn page(mut self, rows: Vec<ExportRow>, pieces: &mut Vec<Piece>) -> Result<At, Error> {
        let full = i64::try_from(rows.len()).is_ok_and(|count| count == PAGE);
        let mut tx = self.state.pool.begin(self.org).await?;
        for row in rows {
            self.hide(&mut tx, row.seq, pieces).await?;
            self.show(row, pieces)?;
        }
        if full {
            return Ok(At::Within(Box::new(self)));
        }
        let size = self.size;
        self.hide(&mut tx, size, pieces).await?;
        store::note_export(&mut tx, self.org, &self.noted).await?;
        tx.commit().await?;
        let signers = self.state.keys.exporters();
        let manifest = self.writer.finish(&signers).map_err(|_| damaged())?;
        pieces.push(Piece::line(manifest));
        Ok(At::End)
    }

    /// Adds the mark for the entries before `to` that are not shown, if there are any.
    async fn hide(
        &mut self,
        tx: &mut TenantTx,
        to: u64,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), Error> {
        let from = std::mem::replace(&mut self.at, to);
        if from == to || self.format != Format::Jsonl {
            return Ok(());
        }
        let nodes = store::roots(tx, self.org, self.size, (from, to)).await?;
        let mark = Redacted { from, nodes, to };
        let line = self.writer.redacted(&mark).map_err(|_| damaged())?;
        pieces.push(Piece::line(line));
        Ok(())
    }

    fn show(&mut self, row: ExportRow, pieces: &mut Vec<Piece>) -> Result<(), Error> {
        self.at = row.seq + 1;
        self.selection.from = self.at;
        self.noted.shown += 1;
        let foreign = match self.format {
            Format::Jsonl => None,
            Format::Ocsf => Some(siem::ocsf(&row).ok_or_else(damaged)?),
            Format::Cef => Some(siem::cef(&row).ok_or_else(damaged)?),
        };
        let line = match foreign {
            None => self.writer.entry(row.seq, &row.leaf_bytes),
            Some(line) => {
                self.writer.count(&line);
                line
            }
        };
        let entry = Some(row);
        pieces.push(Piece { line, entry });
        Ok(())
    }
}

impl Piece {
    fn line(line: String) -> Self {
        Self { line, entry: None }
    }
}

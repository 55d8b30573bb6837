//! Reading for one organisation: the audit log, the checkpoint, the export.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_pg::TenantTx;

use super::{number, stored};
use crate::error::Error;

/// What a list shows; absent filters match everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    pub(crate) action: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
    /// Only entries with a lower sequence number.
    pub(crate) before: Option<i64>,
    pub(crate) limit: i64,
}

/// One entry of the audit log.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct LogRow {
    pub(crate) seq: i64,
    pub(crate) event_id: Uuid,
    pub(crate) leaf_hash: Vec<u8>,
    pub(crate) r#type: String,
    pub(crate) action: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) reason_code: Option<String>,
    pub(crate) agent_id: Option<String>,
    pub(crate) agent_external_id: Option<String>,
    pub(crate) decision_id: Option<String>,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) recorded_at: DateTime<Utc>,
    pub(crate) sealed: bool,
}

/// A signed head.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) size: u64,
    pub(crate) root: Vec<u8>,
    pub(crate) note: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// Entries of the transaction's organisation, newest first. That agents were heard of is shown to who
/// asks for that action.
pub(crate) async fn list(tx: &mut TenantTx, listing: &Listing) -> Result<Vec<LogRow>, Error> {
    Ok(sqlx::query_as(
        "select seq, event_id, leaf_hash, type, action, actor, target, outcome, reason_code,
             agent_id, agent_external_id, decision_id, occurred_at, recorded_at,
             seq < coalesce((select max(size) from checkpoints), 0) as sealed
         from entries
         where ($1::text is null or action = $1)
           and ($2::text is null or actor = $2)
           and ($3::text is null or agent_id = $3 or agent_external_id = $3)
           and ($4::timestamptz is null or occurred_at >= $4)
           and ($5::timestamptz is null or occurred_at < $5)
           and ($6::bigint is null or seq < $6)
           and ($1::text is not null or type not like 'presence.%')
         order by seq desc limit $7",
    )
    .bind(&listing.action)
    .bind(&listing.actor)
    .bind(&listing.agent)
    .bind(listing.since)
    .bind(listing.until)
    .bind(listing.before)
    .bind(listing.limit)
    .fetch_all(&mut **tx)
    .await?)
}

/// The latest signed head of the transaction's organisation.
pub(crate) async fn signed(tx: &mut TenantTx) -> Result<Option<Signed>, Error> {
    let row: Option<(i64, Vec<u8>, String, DateTime<Utc>)> = sqlx::query_as(
        "select size, root, note, created_at from checkpoints order by size desc limit 1",
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|(size, root, note, created_at)| Signed {
        size: number(size),
        root,
        note,
        created_at,
    }))
}

/// What of a ledger is exported; absent filters match everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// Only entries with this sequence number or a higher one.
    pub(crate) from: u64,
    pub(crate) action: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) outcome: Option<String>,
}

/// An entry as it is exported.
#[derive(Debug, Clone)]
pub(crate) struct ExportRow {
    pub(crate) seq: u64,
    /// The exact bytes.
    pub(crate) leaf_bytes: Vec<u8>,
}

/// The selected entries before `to`, at most `limit` of them, in order.
pub(crate) async fn export_page(
    tx: &mut TenantTx,
    selection: &Selection,
    to: u64,
    limit: i64,
) -> Result<Vec<ExportRow>, Error> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "select seq, leaf_bytes from entries
         where seq >= $1 and seq < $2
           and ($3::text is null or action = $3)
           and ($4::text is null or actor = $4)
           and ($5::text is null or agent_id = $5 or agent_external_id = $5)
           and ($6::text is null or outcome = $6)
         order by seq limit $7",
    )
    .bind(stored(selection.from))
    .bind(stored(to))
    .bind(&selection.action)
    .bind(&selection.actor)
    .bind(&selection.agent)
    .bind(&selection.outcome)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let row = |(seq, leaf_bytes)| ExportRow {
        seq: number(seq),
        leaf_bytes,
    };
    Ok(rows.into_iter().map(row).collect())
}

/// The entries below `size` from the first to the last that happened in a period: a half-open
/// range, empty at 0 when there are none.
pub(crate) async fn entries_between(
    tx: &mut TenantTx,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    size: u64,
) -> Result<(u64, u64), Error> {
    let (first, last): (Option<i64>, Option<i64>) = sqlx::query_as(
        "select min(seq), max(seq) from entries
         where ($1::timestamptz is null or occurred_at >= $1)
           and ($2::timestamptz is null or occurred_at < $2) and seq < $3",
    )
    .bind(from)
    .bind(to)
    .bind(stored(size))
    .fetch_one(&mut **tx)
    .await?;
    Ok(match (first, last) {
        (Some(first), Some(last)) => (number(first), number(last) + 1),
        _ => (0, 0),
    })
}

//! What a receipt is made of.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use writ_chain::Hash;
use writ_pg::TenantTx;

use super::{number, stored};
use crate::error::Error;

/// A head of the organisation's tree, and where it stands in the global log.
#[derive(Debug, Clone)]
pub(crate) struct Covering {
    pub(crate) size: u64,
    pub(crate) note: String,
    pub(crate) interval: HeadPlace,
    pub(crate) global_index: u64,
}

/// A head's place among those of its interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeadPlace {
    pub(crate) index: u64,
    pub(crate) size: u64,
    pub(crate) path: Vec<Hash>,
}

/// An entry with everything its readers see.
#[derive(Debug, Clone)]
pub(crate) struct StoredEntry {
    pub(crate) seq: u64,
    pub(crate) leaf_bytes: Vec<u8>,
    pub(crate) recorded_at: DateTime<Utc>,
}

type EntryRow = (i64, Vec<u8>, DateTime<Utc>);

impl From<EntryRow> for StoredEntry {
    fn from((seq, leaf_bytes, recorded_at): EntryRow) -> Self {
        Self {
            seq: number(seq),
            leaf_bytes,
            recorded_at,
        }
    }
}

/// The entry of a decision of the transaction's organisation.
pub(crate) async fn decision(tx: &mut TenantTx, id: &str) -> Result<Option<StoredEntry>, Error> {
    let row: Option<EntryRow> = sqlx::query_as(
        "select seq, leaf_bytes, recorded_at from entries
         where decision_id = $1 and type like 'decision.%' order by seq limit 1",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(StoredEntry::from))
}

/// The entry `seq` of the transaction's organisation.
pub(crate) async fn entry(tx: &mut TenantTx, seq: u64) -> Result<Option<StoredEntry>, Error> {
    // No entry has a number that Postgres cannot hold.
    let Ok(seq) = i64::try_from(seq) else {
        return Ok(None);
    };
    let row: Option<EntryRow> =
        sqlx::query_as("select seq, leaf_bytes, recorded_at from entries where seq = $1")
            .bind(seq)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(row.map(StoredEntry::from))
}

/// The hash of the leaf `seq`, whether or not its entry is still there.
pub(crate) async fn leaf_hash(tx: &mut TenantTx, seq: u64) -> Result<Vec<u8>, Error> {
    Ok(
        sqlx::query_scalar("select leaf_hash from places where seq = $1")
            .bind(stored(seq))
            .fetch_one(&mut **tx)
            .await?,
    )
}

/// The signed head of exactly this size, when there is one.
pub(crate) async fn note_of(tx: &mut TenantTx, size: u64) -> Result<Option<String>, Error> {
    Ok(
        sqlx::query_scalar("select note from checkpoints where size = $1")
            .bind(stored(size))
            .fetch_optional(&mut **tx)
            .await?,
    )
}

/// Whether any organisation's ledger has the decision.
pub(crate) async fn is_recorded(tx: &mut TenantTx, id: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("select decision_is_recorded($1)")
        .bind(id)
        .fetch_one(&mut **tx)
        .await?)
}

/// The first signed head that covers the entry `seq` and whose place in the global log is kept.
pub(crate) async fn covering(tx: &mut TenantTx, seq: u64) -> Result<Option<Covering>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "select size, note, interval_index, interval_size, interval_path, global_index
         from checkpoints where size > $1 and interval_path is not null order by size limit 1",
    )
    .bind(stored(seq))
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Covering::from))
}

/// The latest signed head whose place in the global log is kept.
pub(crate) async fn latest_covering(tx: &mut TenantTx) -> Result<Option<Covering>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "select size, note, interval_index, interval_size, interval_path, global_index
         from checkpoints where interval_path is not null order by size desc limit 1",
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Covering::from))
}

type Row = (i64, String, i32, i32, Vec<u8>, i64);

impl From<Row> for Covering {
    fn from((size, note, index, heads, path, global_index): Row) -> Self {
        Self {
            size: number(size),
            note,
            interval: HeadPlace {
                index: number(index.into()),
                size: number(heads.into()),
                path: path.as_chunks::<32>().0.to_vec(),
            },
            global_index: number(global_index),
        }
    }
}

/// The latest signed head of the global log: its size and its note.
pub(crate) async fn global_signed(db: &mut PgConnection) -> Result<Option<(u64, String)>, Error> {
    let row: Option<(i64, String)> =
        sqlx::query_as("select index + 1, note from global_log order by index desc limit 1")
            .fetch_optional(db)
            .await?;
    Ok(row.map(|(size, note)| (number(size), note)))
}

//! Entries as they are cited: the bytes that were hashed, never the columns beside them.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use writ_pg::TenantTx;

use crate::error::Error;

/// An entry's leaf.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Cited {
    pub(crate) seq: i64,
    pub(crate) leaf_bytes: Vec<u8>,
    /// Which hash proofs have for it.
    pub(crate) leaf_hash: Vec<u8>,
}

/// The entries with these numbers, as far as they were not taken out.
pub(crate) async fn cited(tx: &mut TenantTx, seqs: Vec<i64>) -> Result<Vec<Cited>, Error> {
    Ok(sqlx::query_as(
        "select e.seq, e.leaf_bytes, p.leaf_hash from entries e
         join places p on p.org_id = e.org_id and p.seq = e.seq
         where e.seq = any($1) order by e.seq",
    )
    .bind(seqs)
    .fetch_all(&mut **tx)
    .await?)
}

/// When the first checkpoint was made.
pub(crate) async fn first_sealed(tx: &mut TenantTx) -> Result<Option<DateTime<Utc>>, Error> {
    Ok(
        sqlx::query_scalar("select created_at from checkpoints order by size limit 1")
            .fetch_optional(&mut **tx)
            .await?,
    )
}

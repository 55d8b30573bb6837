//! What witnesses signed: for each the latest head of the global log, as they keep it themselves.

use std::collections::HashMap;

use chrono::DateTime;
use sqlx::PgConnection;
use writ_chain::cosignature::Cosigned;
use writ_pg::{TenantTx, WriterTx};

use super::{number, receipts, stored};
use crate::error::Error;

/// A head of the global log, with the cosignatures there are.
#[derive(Debug, Clone)]
pub(crate) struct GlobalNote {
    pub(crate) size: u64,
    pub(crate) note: String,
    pub(crate) witnessed: bool,
}

/// The size each witness cosigned last.
pub(crate) async fn cosigned_sizes(tx: &mut WriterTx) -> Result<HashMap<String, u64>, Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as("select witness, size from cosignatures")
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(witness, size)| (witness, number(size)))
        .collect())
}

/// Keeps a cosignature of the head of `size` in the place of the witness's last.
pub(crate) async fn keep_cosignature(
    tx: &mut WriterTx,
    size: u64,
    cosigned: &Cosigned,
) -> Result<(), Error> {
    let at = i64::try_from(cosigned.time).unwrap_or(i64::MAX);
    sqlx::query(
        "insert into cosignatures (witness, size, line, signed_at) values ($1, $2, $3, $4)
         on conflict (witness) do update
           set size = excluded.size, line = excluded.line, signed_at = excluded.signed_at",
    )
    .bind(&cosigned.witness)
    .bind(stored(size))
    .bind(&cosigned.line)
    .bind(DateTime::from_timestamp(at, 0).unwrap_or_default())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The latest head of the global log that witnesses cosigned, with their signatures.
async fn witnessed(db: &mut PgConnection) -> Result<Option<GlobalNote>, Error> {
    let row: Option<(i64, String, String)> = sqlx::query_as(
        "select c.size, g.note, string_agg(c.line, '' order by c.witness)
         from cosignatures c join global_log g on g.index = c.size - 1
         group by c.size, g.note order by c.size desc limit 1",
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|(size, note, lines)| GlobalNote {
        size: number(size),
        note: note + &lines,
        witnessed: true,
    }))
}

/// The size of the transaction's organisation's latest head in a global head that was witnessed.
pub(crate) async fn witnessed_size(tx: &mut TenantTx) -> Result<Option<u64>, Error> {
    let size: Option<i64> = sqlx::query_scalar(
        "select max(size) from checkpoints
         where global_index < (select max(c.size) from cosignatures c
                               join global_log g on g.index = c.size - 1)",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(size.map(number))
}

/// The best head of the global log with the leaf `index`: one that was witnessed, else the latest.
pub(crate) async fn global_with(
    tx: &mut TenantTx,
    index: u64,
) -> Result<Option<GlobalNote>, Error> {
    let seen = witnessed(tx).await?.filter(|seen| seen.size > index);
    if seen.is_some() {
        return Ok(seen);
    }
    let latest = receipts::global_signed(tx).await?;
    let latest = latest.filter(|(size, _)| *size > index);
    Ok(latest.map(|(size, note)| GlobalNote {
        size,
        note,
        witnessed: false,
    }))
}

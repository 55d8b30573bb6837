//! Work that is leased, not taken: whoever dies with it gives it back by doing nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};

use crate::error::PgError;
use crate::pools::{WriterPool, WriterTx};

/// A table of due work. It has at least the columns `id bigint primary key`,
/// `due_at timestamptz not null`, `leased_until timestamptz`, `attempts integer not null default 0`
/// and `done_at timestamptz`, and an index on `due_at where done_at is null`.
#[derive(Debug, Clone)]
pub struct Queue {
    pool: WriterPool,
    table: &'static str,
}

/// One piece of work and the proof that it is ours for now.
#[derive(Debug)]
pub struct Leased {
    /// Its id.
    pub id: i64,
    /// Which attempt this is, from 1; also the token of the lease.
    pub attempt: i32,
    /// The whole row, for the columns the queue does not know.
    pub row: PgRow,
}

impl Queue {
    /// The queue in `table`.
    #[must_use]
    pub fn new(pool: WriterPool, table: &'static str) -> Self {
        Self { pool, table }
    }

    /// Leases up to `n` pieces that are due at `now`, oldest first, until `now + lease`.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn claim(
        &self,
        n: u32,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<Vec<Leased>, PgError> {
        let sql = format!(
            "update {table} set leased_until = $2, attempts = attempts + 1
             where id in (select id from {table}
                          where done_at is null and due_at <= $1
                            and (leased_until is null or leased_until <= $1)
                          order by due_at limit $3 for update skip locked)
             returning *",
            table = self.table
        );
        let mut tx = self.pool.begin().await?;
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(now)
            .bind(now + lease)
            .bind(i64::from(n))
            .fetch_all(&mut *tx)
            .await?;
        let leased = rows
            .into_iter()
            .map(Leased::read)
            .collect::<Result<_, _>>()?;
        tx.commit().await?;
        Ok(leased)
    }

    /// Ends a piece, in the transaction that records its result; false when the lease was lost
    /// to somebody else, whose result then counts.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn complete(
        &self,
        tx: &mut WriterTx,
        work: &Leased,
        now: DateTime<Utc>,
    ) -> Result<bool, PgError> {
        self.settle(tx, work, "done_at = $3", now).await
    }

    /// Gives a piece back, due again at `due`; false when the lease was lost.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn retry_at(
        &self,
        tx: &mut WriterTx,
        work: &Leased,
        due: DateTime<Utc>,
    ) -> Result<bool, PgError> {
        self.settle(tx, work, "due_at = $3", due).await
    }

    async fn settle(
        &self,
        tx: &mut WriterTx,
        work: &Leased,
        set: &str,
        at: DateTime<Utc>,
    ) -> Result<bool, PgError> {
        let sql = format!(
            "update {} set leased_until = null, {set}
             where id = $1 and attempts = $2 and done_at is null",
            self.table
        );
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(work.id)
            .bind(work.attempt)
            .bind(at)
            .execute(&mut **tx)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}

impl Leased {
    fn read(row: PgRow) -> Result<Self, PgError> {
        Ok(Self {
            id: row.try_get("id")?,
            attempt: row.try_get("attempts")?,
            row,
        })
    }
}

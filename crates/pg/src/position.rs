//! How far a projection has read, and who may say so.

use chrono::{DateTime, Utc};
use writ_eventlog::Position;

use crate::error::PgError;
use crate::pools::{WriterPool, WriterTx};

/// The right to write one partition of a projection, lost as soon as somebody else takes it.
#[derive(Debug, Clone)]
pub struct Fence {
    projection: String,
    partition: i32,
    epoch: i64,
}

#[derive(sqlx::FromRow)]
struct Stored {
    stream: Option<String>,
    stream_created: Option<DateTime<Utc>>,
    seq: Option<i64>,
    event_id: Option<String>,
}

impl Fence {
    /// Takes the partition over from whoever holds it and returns where it stands.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn acquire(
        pool: &WriterPool,
        projection: &str,
        partition: i32,
    ) -> Result<(Self, Option<Position>), PgError> {
        let mut tx = pool.begin().await?;
        let epoch: i64 = sqlx::query_scalar(
            "insert into positions (projection, partition, epoch) values ($1, $2, 1)
             on conflict (projection, partition) do update set epoch = positions.epoch + 1
             returning epoch",
        )
        .bind(projection)
        .bind(partition)
        .fetch_one(&mut *tx)
        .await?;
        let stored: Stored = sqlx::query_as(
            "select stream, stream_created, seq, event_id from positions
             where projection = $1 and partition = $2",
        )
        .bind(projection)
        .bind(partition)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok((
            Self {
                projection: projection.to_owned(),
                partition,
                epoch,
            },
            stored.position(),
        ))
    }

    /// Saves the resume point in the transaction that applied it. Of two writers only the later
    /// one gets past here.
    ///
    /// # Errors
    /// [`PgError::Fenced`] when the partition was taken over: roll back and stop.
    pub async fn save(&self, tx: &mut WriterTx, position: &Position) -> Result<(), PgError> {
        let done = sqlx::query(
            "update positions set stream = $4, stream_created = $5, seq = $6, event_id = $7
             where projection = $1 and partition = $2 and epoch = $3",
        )
        .bind(&self.projection)
        .bind(self.partition)
        .bind(self.epoch)
        .bind(&position.stream)
        .bind(position.created)
        .bind(i64::try_from(position.seq).unwrap_or(i64::MAX))
        .bind(&position.event_id)
        .execute(&mut **tx)
        .await?;
        self.held(done.rows_affected())
    }

    /// Forgets the resume point, in the transaction that empties the projection for a rebuild.
    ///
    /// # Errors
    /// [`PgError::Fenced`] as for [`Fence::save`].
    pub async fn reset(&self, tx: &mut WriterTx) -> Result<(), PgError> {
        let done = sqlx::query(
            "update positions set stream = null, stream_created = null, seq = null, event_id = null
             where projection = $1 and partition = $2 and epoch = $3",
        )
        .bind(&self.projection)
        .bind(self.partition)
        .bind(self.epoch)
        .execute(&mut **tx)
        .await?;
        self.held(done.rows_affected())
    }

    fn held(&self, rows: u64) -> Result<(), PgError> {
        if rows == 1 {
            Ok(())
        } else {
            Err(PgError::Fenced {
                projection: self.projection.clone(),
            })
        }
    }
}

impl Stored {
    fn position(self) -> Option<Position> {
        Some(Position {
            stream: self.stream?,
            created: self.stream_created?,
            seq: u64::try_from(self.seq?).ok()?,
            event_id: self.event_id?,
        })
    }
}

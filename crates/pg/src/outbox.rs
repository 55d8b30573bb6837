//! Committing facts and learning when the log has them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

use crate::error::PgError;
use crate::pools::{TenantTx, WriterPool, WriterTx};

/// How often a receipt looks into the table, for facts that another replica's relay sends.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The near end of the relay: wakes it and hears what it sent. Clones share it.
#[derive(Debug, Clone)]
pub struct Outbox {
    pub(crate) pool: WriterPool,
    pub(crate) wake: Arc<Notify>,
    pub(crate) sent: broadcast::Sender<(Uuid, u64)>,
}

/// Facts that are committed and on their way to the log.
#[derive(Debug)]
pub struct Receipt {
    waiting: HashSet<Uuid>,
    sent: broadcast::Receiver<(Uuid, u64)>,
    pool: WriterPool,
}

impl Outbox {
    /// An outbox over the writer's pool.
    #[must_use]
    pub fn new(pool: WriterPool) -> Self {
        Self {
            pool,
            wake: Arc::default(),
            sent: broadcast::Sender::new(4_096),
        }
    }

    /// Commits a request's transaction and wakes the relay. `events` are the ids of the facts it
    /// appended.
    ///
    /// # Errors
    /// The commit's.
    pub async fn commit(&self, tx: TenantTx, events: &[Uuid]) -> Result<Receipt, PgError> {
        let receipt = self.receipt(events);
        tx.commit().await?;
        self.wake.notify_one();
        Ok(receipt)
    }

    /// Commits a loop's transaction and wakes the relay.
    ///
    /// # Errors
    /// The commit's.
    pub async fn commit_writer(&self, tx: WriterTx, events: &[Uuid]) -> Result<Receipt, PgError> {
        let receipt = self.receipt(events);
        tx.commit().await?;
        self.wake.notify_one();
        Ok(receipt)
    }

    /// Whether everything that is committed is on the log.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn is_drained(&self) -> Result<bool, PgError> {
        let mut tx = self.pool.begin().await?;
        let sql = "select not exists (select from events where sent_at is null)";
        Ok(sqlx::query_scalar(sql).fetch_one(&mut *tx).await?)
    }

    fn receipt(&self, events: &[Uuid]) -> Receipt {
        let waiting = events.iter().copied().collect();
        Receipt {
            waiting,
            sent: self.sent.subscribe(),
            pool: self.pool.clone(),
        }
    }
}

impl Receipt {
    /// Waits until the log has acknowledged every fact and returns the highest stream sequence;
    /// `None` when `within` passed first. The facts are durable and will be sent either way.
    pub async fn stored(mut self, within: Duration) -> Option<u64> {
        tokio::time::timeout(within, self.all_sent())
            .await
            .ok()
            .flatten()
    }

    async fn all_sent(&mut self) -> Option<u64> {
        let mut highest = None;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.reset();
        while !self.waiting.is_empty() {
            tokio::select! {
                heard = self.sent.recv() => match heard {
                    Ok((id, seq)) if self.waiting.remove(&id) => highest = highest.max(Some(seq)),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    // The outbox is gone with its relay; only the table can tell.
                    Err(broadcast::error::RecvError::Closed) => { look.tick().await; }
                },
                _ = look.tick() => {
                    if let Ok(found) = self.look().await {
                        for (id, seq) in found {
                            self.waiting.remove(&id);
                            highest = highest.max(u64::try_from(seq).ok());
                        }
                    }
                }
            }
        }
        highest
    }

    async fn look(&self) -> Result<Vec<(Uuid, i64)>, PgError> {
        let ids: Vec<Uuid> = self.waiting.iter().copied().collect();
        let mut tx = self.pool.begin().await?;
        let found = sqlx::query_as(
            "select event_id, stream_seq from events
             where event_id = any($1) and stream_seq is not null",
        )
        .bind(ids)
        .fetch_all(&mut *tx)
        .await?;
        Ok(found)
    }
}

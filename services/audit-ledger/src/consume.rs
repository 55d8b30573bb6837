//! The one active writer: facts of every stream → entries, and a checkpoint over them at least
//! every second.
//!
//! An appended entry is *recorded* once its transaction committed, *sealed* once a checkpoint that
//! covers it committed. Nobody is told of either before.

mod append;
mod own;
mod seal;
mod sources;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};
use uuid::Uuid;
use writ_eventlog::EventLog;
use writ_pg::{Outbox, WriterPool};
use writ_service_kit::{Clock, Requirement};

use crate::error::Error;
use crate::keys::Keys;
use crate::{metrics, store};
use seal::Sealer;
use sources::Sources;

/// How often it is looked whether streams still are what was read from them.
const LOOK_AROUND: Duration = Duration::from_secs(60);

/// What the writer works with.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) log: EventLog,
    pub(crate) pool: WriterPool,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signing: Arc<Keys>,
    pub(crate) seal_every: Duration,
    pub(crate) batch: usize,
    pub(crate) open: Requirement,
}

impl Writer {
    /// Waits until this replica leads, then appends and seals until something goes wrong.
    pub(crate) async fn run(self: Arc<Self>) -> Result<(), Error> {
        let standby = || self.open.met();
        let leading = self
            .pool
            .lead_eventually(store::SCHEMA, store::PROJECTION, standby);
        let _leading = leading.await?;
        self.prepare().await?;
        let (mut sources, mut marks) = Sources::open(&self.log, &self.pool).await?;
        let mut sealer = Sealer::open(&self).await?;
        let mut grown = self.unsealed().await?;
        let mut ticks = interval(self.seal_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut minutes = interval_at(Instant::now() + LOOK_AROUND, LOOK_AROUND);
        minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.open.met();
        loop {
            tokio::select! {
                biased;
                // First, so that a flood of facts never keeps a checkpoint waiting.
                _ = ticks.tick() => {
                    grown.extend(own::record(&self.pool, &mut marks, self.batch).await?);
                    grown = sealer.seal(grown).await?;
                    if !grown.is_empty() {
                        // More than fits under one checkpoint: the next follows at once.
                        ticks.reset_immediately();
                    }
                }
                _ = minutes.tick() => {
                    self.prepare().await?;
                    marks.compare(&self.log, &self.pool).await?;
                }
                batch = sources.gather(&marks, self.batch) => {
                    let batch = batch?;
                    let oldest = batch.oldest_us;
                    grown.extend(append::append(&self.pool, &mut marks, batch).await?);
                    metrics::lag_us(self.clock.now().timestamp_micros() - oldest);
                }
            }
        }
    }

    /// Tables for the months to come, and a note of the key when it is a new one.
    async fn prepare(&self) -> Result<(), Error> {
        let key = self.signing.checkpoint.verifier().to_string();
        let mut tx = self.pool.begin().await?;
        store::make_partitions(&mut tx).await?;
        if store::note_key(&mut tx, &key).await? {
            tracing::warn!(key, "checkpoints have another key than before");
        }
        Ok(tx.commit().await?)
    }

    async fn unsealed(&self) -> Result<BTreeSet<Uuid>, Error> {
        let started = Instant::now();
        let mut tx = self.pool.begin().await?;
        let orgs = store::unsealed(&mut tx).await?;
        tracing::info!(orgs = orgs.len(), took = ?started.elapsed(), "ledger opened for writing");
        Ok(orgs.into_iter().collect())
    }
}

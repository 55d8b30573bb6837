//! From the log to a table: batches, each written until the store has it, then acknowledged.
//!
//! Messages may come again and in any order; the tables' keys make a second row of the same record
//! the same row. The store away: the batch waits, nothing is acknowledged. One row it will never
//! take: the batch is halved until that row stands alone and goes to the dead letters.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use clickhouse::{RowOwned, RowWrite};
use futures::FutureExt as _;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use writ_contract::topology::DURABLES;
use writ_contract::{EventId, OrgId};
use writ_eventlog::{Delivered, EventLog, Sink, SinkError, Work};

use crate::metrics;
use crate::publish::{Manifest, publish_manifests};
use crate::store::Store;
use writ_service_kit::Clock;

/// Messages of one pull: with messages of at most 1 MB, a bound on memory.
const PULL: usize = 64;
/// Well below the consumer's acknowledgement wait of 10 s: one that is lost may be.
const KEEP_ALIVE: Duration = Duration::from_secs(3);
const RETRY: Duration = Duration::from_secs(1);
/// How long a service that stops waits for the store to take its last batch.
const LAST_BATCH: Duration = Duration::from_secs(5);
const SHORTEST_PULL: Duration = Duration::from_millis(10);

/// When a batch is full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) wait: Duration,
}

/// What a sink works with.
#[derive(Debug, Clone)]
pub(crate) struct SinkContext {
    pub(crate) log: EventLog,
    pub(crate) store: Store,
    pub(crate) clock: std::sync::Arc<dyn Clock>,
    pub(crate) limits: BatchLimits,
}

/// What one message holds for a table.
#[derive(Debug)]
pub(crate) struct Found<R> {
    pub(crate) entries: Vec<Entry<R>>,
    /// Records that cannot become rows, and why.
    pub(crate) broken: Vec<String>,
}

/// One row to be.
#[derive(Debug)]
pub(crate) struct Entry<R> {
    pub(crate) org: OrgId,
    pub(crate) event_id: EventId,
    /// RFC 6962 hash of the record, for the manifest.
    pub(crate) leaf: writ_chain::Hash,
    pub(crate) row: R,
}

/// Which durable feeds which table, and how.
pub(crate) struct Plan<R> {
    pub(crate) durable: &'static str,
    pub(crate) table: &'static str,
    pub(crate) manifests: bool,
    pub(crate) read: fn(&Delivered) -> Found<R>,
}

/// Feeds a table until `cancel`, starting again whenever the broker fails. Unlike a supervised loop
/// it is not dropped with a batch in hand: what was pulled is written, or given back at once.
pub(crate) async fn feed<R>(context: SinkContext, plan: Plan<R>, cancel: CancellationToken)
where
    R: RowOwned + RowWrite + Send + Sync,
{
    while !cancel.is_cancelled() {
        let ended = AssertUnwindSafe(follow(&context, &plan, &cancel))
            .catch_unwind()
            .await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(table = plan.table, %error, "sink interrupted"),
            Err(_) => tracing::error!(table = plan.table, "sink panicked, starting it again"),
        }
        cancel.run_until_cancelled(tokio::time::sleep(RETRY)).await;
    }
}

async fn follow<R>(
    context: &SinkContext,
    plan: &Plan<R>,
    cancel: &CancellationToken,
) -> Result<(), SinkError>
where
    R: RowOwned + RowWrite + Send + Sync,
{
    let durable = DURABLES.iter().find(|durable| durable.name == plan.durable);
    let Some(durable) = durable else {
        return Ok(());
    };
    let prepared = cancel.run_until_cancelled(context.store.prepare_until_done());
    if prepared.await.is_none() {
        return Ok(());
    }
    let sink = context.log.sink(*durable).await?;
    while !cancel.is_cancelled() {
        let works = gather(&sink, context.limits).await?;
        if works.is_empty() {
            continue;
        }
        let patience = async {
            cancel.cancelled().await;
            tokio::time::sleep(LAST_BATCH).await;
        };
        tokio::select! {
            () = settle(context, plan, &works) => {}
            () = patience => for work in &works { work.again(Duration::ZERO).await },
        }
    }
    Ok(())
}

/// Messages until the batch is full or its time is over.
async fn gather(sink: &Sink, limits: BatchLimits) -> Result<Vec<Work>, SinkError> {
    let deadline = Instant::now() + limits.wait;
    let (mut works, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while rows < limits.rows && bytes < limits.bytes {
        let left = deadline.saturating_duration_since(Instant::now());
        if left < SHORTEST_PULL {
            break;
        }
        let batch = match sink.next(PULL, left).await {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(error) if works.is_empty() => return Err(error),
            // What is in hand goes first; the next pull fails again if it must.
            Err(_) => break,
        };
        for work in batch.work {
            let (more_rows, more_bytes) = size_of(&work.delivered);
            rows += more_rows;
            bytes += more_bytes;
            works.push(work);
        }
    }
    Ok(works)
}

fn size_of(delivered: &Delivered) -> (usize, usize) {
    match &delivered.content {
        writ_eventlog::Content::Packed(packed) => (
            packed.records.len(),
            packed
                .records
                .iter()
                .map(|record| record.envelope.len())
                .sum(),
        ),
        writ_eventlog::Content::Fact(_) | writ_eventlog::Content::Unreadable(_) => (1, 0),
    }
}

/// Writes a batch to its end: rows, manifests, dead letters, acknowledgements. Meanwhile the broker
/// is told that it takes longer.
async fn settle<R>(context: &SinkContext, plan: &Plan<R>, works: &[Work])
where
    R: RowOwned + RowWrite + Send + Sync,
{
    let started = Instant::now();
    let writing = write(context, plan, works);
    tokio::pin!(writing);
    let mut tick = tokio::time::interval_at(started + KEEP_ALIVE, KEEP_ALIVE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut writing => break,
            _ = tick.tick() => for work in works { work.working().await },
        }
    }
    for work in works {
        work.done().await;
    }
    metrics::batch(plan.table, started.elapsed());
}

async fn write<R>(context: &SinkContext, plan: &Plan<R>, works: &[Work])
where
    R: RowOwned + RowWrite + Send + Sync,
{
    let mut batch = Batch::read(plan, works);
    let token = batch.token(plan.table);
    let poison = context.store.write(plan.table, &batch.rows, &token).await;
    for (index, why) in &poison {
        batch.poisoned(*index, why);
    }
    metrics::rows(plan.table, batch.rows.len().saturating_sub(poison.len()));
    if plan.manifests {
        let manifests = batch.manifests(&token);
        publish_manifests(&context.log, &context.clock, plan.table, manifests).await;
    }
    for (index, why) in &batch.broken {
        let Some(work) = works.get(*index) else {
            continue;
        };
        metrics::poison(plan.table, why.len());
        tracing::error!(
            table = plan.table,
            why = why.join("; "),
            "records dead-lettered"
        );
        dead_letter(context, plan.durable, &why.join("; "), work).await;
    }
}

async fn dead_letter(context: &SinkContext, durable: &str, why: &str, work: &Work) {
    let key = work.delivered.sequence.to_string();
    while let Err(error) = context.log.dead_letter(durable, &key, why, work).await {
        tracing::warn!(%error, "dead letter not stored yet");
        tokio::time::sleep(RETRY).await;
    }
}

/// Where a row comes from.
#[derive(Debug)]
struct Origin {
    org: OrgId,
    event_id: EventId,
    leaf: writ_chain::Hash,
    work: usize,
    stream_seq: u64,
    poisoned: bool,
}

#[derive(Debug)]
struct Batch<R> {
    rows: Vec<R>,
    origins: Vec<Origin>,
    broken: BTreeMap<usize, Vec<String>>,
}

impl<R> Batch<R> {
    /// In stream order, so that the same messages make the same batch.
    fn read(plan: &Plan<R>, works: &[Work]) -> Self {
        let mut order: Vec<(usize, &Work)> = works.iter().enumerate().collect();
        order.sort_by_key(|(_, work)| work.delivered.sequence);
        let (rows, origins, broken) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut batch = Self {
            rows,
            origins,
            broken,
        };
        for (index, work) in order {
            let found = (plan.read)(&work.delivered);
            if !found.broken.is_empty() {
                batch.broken.insert(index, found.broken);
            }
            for entry in found.entries {
                batch.rows.push(entry.row);
                batch.origins.push(Origin {
                    org: entry.org,
                    event_id: entry.event_id,
                    leaf: entry.leaf,
                    work: index,
                    stream_seq: work.delivered.sequence,
                    poisoned: false,
                });
            }
        }
        batch
    }

    /// The insert token: the same records in the same order give the same one. It is made of event
    /// ids, because a damaged stream gives its sequences a second time.
    fn token(&self, table: &str) -> String {
        let mut hash = Sha256::new();
        for origin in &self.origins {
            hash.update(origin.event_id.0.as_bytes());
        }
        let digest = hash.finalize();
        format!(
            "{table}-{}",
            hex::encode(digest.get(..16).unwrap_or_default())
        )
    }

    fn poisoned(&mut self, row: usize, why: &str) {
        if let Some(origin) = self.origins.get_mut(row) {
            origin.poisoned = true;
            let why = format!("record {}: {why}", origin.event_id);
            self.broken.entry(origin.work).or_default().push(why);
        }
    }

    fn manifests(&self, token: &str) -> Vec<Manifest> {
        let mut by_org: BTreeMap<OrgId, Manifest> = BTreeMap::new();
        for origin in self.origins.iter().filter(|origin| !origin.poisoned) {
            by_org
                .entry(origin.org)
                .or_insert_with(|| Manifest::new(origin.org, token))
                .add(origin.stream_seq, origin.leaf);
        }
        by_org.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn batch(ids: &[u128]) -> Batch<()> {
        let origin = |(id, work): (&u128, usize)| Origin {
            org: OrgId(Uuid::from_u128(*id % 2)),
            event_id: EventId(Uuid::from_u128(*id)),
            leaf: [0; 32],
            work,
            stream_seq: 10 + work as u64,
            poisoned: false,
        };
        Batch {
            rows: vec![(); ids.len()],
            origins: ids.iter().zip(0..).map(origin).collect(),
            broken: BTreeMap::new(),
        }
    }

    #[test]
    fn a_token_names_exactly_these_records_in_this_order() {
        let token = batch(&[1, 2, 3]).token("t");
        assert_eq!(token, batch(&[1, 2, 3]).token("t"));
        for other in [&[1, 2][..], &[1, 3, 2], &[1, 2, 3, 4]] {
            assert_ne!(token, batch(other).token("t"));
        }
        assert_ne!(token, batch(&[1, 2, 3]).token("u"));
    }

    #[test]
    fn each_organisation_has_a_manifest_without_what_was_not_written() {
        let mut batch = batch(&[1, 2, 3, 5]);
        batch.poisoned(2, "why");
        assert_eq!(batch.manifests("t").len(), 2);
        let written: Vec<u64> = batch.manifests("t").iter().map(Manifest::rows).collect();
        assert_eq!(written, [1, 2]);
        assert_eq!(batch.broken.keys().copied().collect::<Vec<_>>(), [2]);
    }
}

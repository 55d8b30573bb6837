//! The kill fence as this replica knows it: for each shard, the stream sequence of the last pause
//! or resume it has *applied*. Only the reader that applies kills may move it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_nats::jetstream::stream::LastRawMessageErrorKind;
use tokio::sync::watch;
use writ_contract::{SHARDS, Shard, Stream};

use crate::log::EventLog;
use crate::reader::Reader;

/// What an append behind the fence of one shard goes by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fence {
    /// Sequence of the last kill applied; 0 when there was none.
    pub applied: u64,
    /// What the gate must have as the shard's last kill: the one applied, or 0 once that has aged
    /// out.
    pub expected: u64,
}

/// The fence of each shard.
#[derive(Debug)]
pub struct Fences {
    shards: Vec<watch::Sender<Fence>>,
    /// Creation of the stream whose kills were applied.
    created_us: AtomicI64,
}

impl Default for Fences {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS)
                .map(|_| watch::Sender::new(Fence::default()))
                .collect(),
            created_us: AtomicI64::new(0),
        }
    }
}

impl Fences {
    /// The sequence of the last applied kill.
    #[must_use]
    pub fn current(&self, shard: Shard) -> u64 {
        self.at(shard).applied
    }

    /// The fence of a shard, both parts of one moment.
    #[must_use]
    pub fn at(&self, shard: Shard) -> Fence {
        let fence = self.shards.get(shard.index());
        fence.map(|fence| *fence.borrow()).unwrap_or_default()
    }

    /// Says that the kill at `sequence` has been applied. Call it after the state has changed,
    /// never before.
    pub fn applied(&self, shard: Shard, sequence: u64) {
        if let Some(current) = self.shards.get(shard.index()) {
            current.send_if_modified(|now| {
                let newer = sequence > now.applied;
                if newer {
                    (now.applied, now.expected) = (sequence, sequence);
                }
                newer
            });
        }
    }

    /// Says whose kills are going to be applied. Those of another stream are forgotten: its numbers
    /// say nothing about this one's. Until the new ones are applied, appends are refused.
    pub fn follow(&self, reader: &Reader) {
        let (_, created_us) = reader.identity();
        if self.created_us.swap(created_us, Ordering::AcqRel) != created_us {
            self.reset();
        }
    }

    /// Starts again, for a log that was replaced.
    pub fn reset(&self) {
        for shard in &self.shards {
            shard.send_replace(Fence::default());
        }
    }

    /// After the gate refused an append under `fence`: what to append under instead, when only age
    /// stands in the way. The gate forgets a kill after its days, a replica that runs longer does
    /// not; where the gate has no kill of the shard, none is unapplied. `None` when one is, or when
    /// nobody can tell. A lower kill than the one applied is of another stream, and may be unapplied.
    pub async fn renewed(&self, log: &EventLog, shard: Shard, fence: Fence) -> Option<Fence> {
        let last = last_kill(log, shard).await?;
        if last == fence.expected || (last != 0 && last != fence.applied) {
            return None;
        }
        let renewed = Fence {
            expected: last,
            ..fence
        };
        // What was evaluated under `fence` must not pass under a kill applied since.
        let current = self.shards.get(shard.index())?;
        let stored = current.send_if_modified(|now| {
            let same = now.applied == fence.applied;
            if same {
                *now = renewed;
            }
            same
        });
        stored.then_some(renewed)
    }

    /// Waits until a kill after `sequence` has been applied; `false` when `within` passes first.
    pub async fn passed(&self, shard: Shard, sequence: u64, within: Duration) -> bool {
        let Some(current) = self.shards.get(shard.index()) else {
            return false;
        };
        let mut watch = current.subscribe();
        let reached = watch.wait_for(|now| now.applied > sequence);
        tokio::time::timeout(within, reached)
            .await
            .is_ok_and(|r| r.is_ok())
    }
}

/// Sequence of the last kill of a shard that the gate has; 0 when it has none.
async fn last_kill(log: &EventLog, shard: Shard) -> Option<u64> {
    let gate = log.stream(Stream::Gate).await.ok()?;
    let subject = log.topology().kill(shard);
    match gate.get_last_raw_message_by_subject(&subject).await {
        Ok(kill) => Some(kill.sequence),
        Err(e) if e.kind() == LastRawMessageErrorKind::NoMessageFound => Some(0),
        Err(error) => {
            tracing::warn!(%error, %shard, "cannot tell the last pause of the gate");
            None
        }
    }
}

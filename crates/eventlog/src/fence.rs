//! The kill fence as this replica knows it: for each shard, the stream sequence of the last pause
//! or resume it has *applied*. Only the reader that applies kills may move it.

use std::time::Duration;

use tokio::sync::watch;
use writ_contract::{SHARDS, Shard};

/// Last applied kill of each shard; 0 where there was none.
#[derive(Debug)]
pub struct Fences {
    shards: Vec<watch::Sender<u64>>,
}

impl Default for Fences {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| watch::Sender::new(0)).collect(),
        }
    }
}

impl Fences {
    /// The sequence of the last applied kill.
    #[must_use]
    pub fn current(&self, shard: Shard) -> u64 {
        self.shards.get(shard.index()).map_or(0, |s| *s.borrow())
    }

    /// Says that the kill at `sequence` has been applied. Call it after the state has changed,
    /// never before.
    pub fn applied(&self, shard: Shard, sequence: u64) {
        if let Some(current) = self.shards.get(shard.index()) {
            current.send_if_modified(|now| {
                let newer = sequence > *now;
                *now = sequence.max(*now);
                newer
            });
        }
    }

    /// Starts again, for a log that was replaced.
    pub fn reset(&self) {
        for shard in &self.shards {
            shard.send_replace(0);
        }
    }

    /// Waits until a kill after `sequence` has been applied; `false` when `within` passes first.
    pub async fn passed(&self, shard: Shard, sequence: u64, within: Duration) -> bool {
        let Some(current) = self.shards.get(shard.index()) else {
            return false;
        };
        let mut watch = current.subscribe();
        let reached = watch.wait_for(|now| *now > sequence);
        tokio::time::timeout(within, reached)
            .await
            .is_ok_and(|r| r.is_ok())
    }
}

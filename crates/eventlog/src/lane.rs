//! Appending decisions to the gate, packed, behind the kill fence.
//!
//! Each shard is a lane with one message in flight and no timer: what arrives while a message is on
//! its way makes up the next. Records of many organisations travel together, taken in turn. The
//! append says under which kill the records were evaluated; a pause in between refuses it, and each
//! caller decides again.
//!
//! A lane that numbered anything says now and then that it lives, by an empty message: what it
//! numbered before is then all there is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use writ_contract::{EventId, OrgId, SHARDS, Shard};

use crate::fence::Fences;
use crate::log::EventLog;

mod pack;
mod send;

use pack::Queue;
use send::Sender;

/// Waiting records a lane takes before it refuses more.
const QUEUE: usize = 8192;

/// A record to append.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Whose record it is.
    pub org: OrgId,
    /// Its identity.
    pub event_id: EventId,
    /// The encoded envelope.
    pub envelope: Vec<u8>,
    /// The fence it was evaluated under: [`Fences::current`] read *before* the evaluation.
    pub kill_seq: u64,
}

/// Where a record was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Sequence of the packed message in the gate stream.
    pub stream_seq: u64,
}

/// Why a record was not appended, or is not known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A pause came in between: not stored. Decide again.
    #[error("a pause came in between")]
    Fenced,
    /// The log does not answer; the record may be stored or not.
    #[error("the decision log does not answer")]
    Unavailable,
    /// More records wait than the lane takes: not stored.
    #[error("too many decisions wait for the log")]
    Overloaded,
}

struct Item {
    draft: Draft,
    answer: oneshot::Sender<Result<Recorded, AppendError>>,
}

/// The sixteen lanes of a replica.
#[derive(Clone)]
pub struct Lanes {
    lanes: Arc<Vec<mpsc::Sender<Item>>>,
}

impl Lanes {
    /// Makes the lanes and the future that works them until `cancel`, then drains what waits and
    /// closes the incarnation. A lane in which nothing waits says each `heartbeat` that it lives.
    pub fn new(
        log: &EventLog,
        fences: &Arc<Fences>,
        new_incarnation: fn() -> Uuid,
        heartbeat: Duration,
        cancel: &CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (lanes, workers): (Vec<_>, Vec<_>) = Shard::all()
            .map(|shard| {
                let (tx, rx) = mpsc::channel(QUEUE);
                let sender = Sender::new(log.clone(), shard, fences.clone(), new_incarnation);
                (tx, work(rx, sender, heartbeat, cancel.clone()))
            })
            .unzip();
        debug_assert_eq!(lanes.len(), usize::from(SHARDS));
        let all = async { drop(futures::future::join_all(workers).await) };
        (
            Self {
                lanes: Arc::new(lanes),
            },
            all,
        )
    }

    /// Appends one record and returns when it is stored. Give it a deadline: a lane retries an
    /// unanswered message for a minute before it gives up.
    ///
    /// # Errors
    /// [`AppendError`].
    pub async fn append(&self, draft: Draft) -> Result<Recorded, AppendError> {
        let shard = Shard::of(draft.org);
        let lane = self
            .lanes
            .get(shard.index())
            .ok_or(AppendError::Unavailable)?;
        let (answer, wait) = oneshot::channel();
        lane.try_send(Item { draft, answer }).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => AppendError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => AppendError::Unavailable,
        })?;
        wait.await.unwrap_or(Err(AppendError::Unavailable))
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes")
            .field("lanes", &self.lanes.len())
            .finish()
    }
}

async fn work(
    mut rx: mpsc::Receiver<Item>,
    mut sender: Sender,
    heartbeat: Duration,
    cancel: CancellationToken,
) {
    let mut queue = Queue::default();
    let mut beat = Instant::now() + heartbeat;
    loop {
        if queue.is_empty() {
            tokio::select! {
                biased;
                item = rx.recv() => match item {
                    Some(item) => queue.push(item),
                    None => break,
                },
                () = cancel.cancelled() => {
                    rx.close();
                    if rx.is_empty() { break }
                    continue;
                }
                () = sleep_until(beat) => {
                    sender.beat().await;
                    beat = Instant::now() + heartbeat;
                    continue;
                }
            }
        }
        // Bounded here as well: what waits beyond it stays in the channel, which then refuses more.
        while queue.len() < QUEUE
            && let Ok(item) = rx.try_recv()
        {
            queue.push(item);
        }
        sender.send(queue.take_batch()).await;
    }
    let closing = tokio::time::timeout(Duration::from_secs(2), sender.close()).await;
    if closing.is_err() {
        tracing::warn!("could not close the incarnation in time");
    }
}

//! Appending accepted traces to the input stream, packed.
//!
//! Each shard is a lane with one message in flight and no timer: what arrives while a message is on
//! its way makes up the next, organisations in turn. A record of these messages carries the encoded
//! [`wire::TraceInput`](writ_contract::wire::TraceInput) where a gate record carries an envelope: a
//! trace is no fact, and its size is its own.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use writ_contract::{EventId, IncarnationId, OrgId, Packed, Record, Shard};
use writ_eventlog::{EventLog, PublishError};
use writ_service_kit::Clock;
use writ_service_kit::ids::new_v7;

use crate::error::Error;

/// Payload of a packed message; one larger record travels alone.
const MESSAGE_BYTES: usize = 1024 * 1024 - 4096;
/// What framing adds to a record, at most.
const FRAME: usize = 64;
/// Waiting records a lane takes before it refuses more.
const QUEUE: usize = 32_768;

/// A record to append.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// Whose it is.
    pub(crate) org: OrgId,
    /// Its identity.
    pub(crate) event_id: EventId,
    /// The encoded trace input.
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug)]
struct Item {
    draft: Draft,
    answer: oneshot::Sender<Result<u64, PublishError>>,
}

/// The sixteen lanes of a replica.
#[derive(Clone)]
pub(crate) struct Lanes(Arc<Vec<mpsc::Sender<Item>>>);

impl Lanes {
    /// Makes the lanes and the future that works them until `cancel`, then drains what waits and
    /// closes the incarnation. A message is retried for `within`.
    pub(crate) fn new(
        log: &EventLog,
        clock: &Arc<dyn Clock>,
        within: Duration,
        cancel: &CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (lanes, workers): (Vec<_>, Vec<_>) = Shard::all()
            .map(|shard| {
                let (tx, rx) = mpsc::channel(QUEUE);
                let sender = Sender::new(log.clone(), shard, clock.clone(), within);
                (tx, work(rx, sender, cancel.clone()))
            })
            .unzip();
        let all = async { drop(futures::future::join_all(workers).await) };
        (Self(Arc::new(lanes)), all)
    }

    /// Appends one record. Returned = stored, with its message's sequence.
    ///
    /// # Errors
    /// [`Error::Overloaded`] or [`Error::Log`].
    pub(crate) async fn append(&self, draft: Draft) -> Result<u64, Error> {
        let stopped = || PublishError::Unavailable("the service is stopping".to_owned());
        let lane = self
            .0
            .get(Shard::of(draft.org).index())
            .ok_or_else(stopped)?;
        let (answer, wait) = oneshot::channel();
        lane.try_send(Item { draft, answer })
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Error::Overloaded,
                mpsc::error::TrySendError::Closed(_) => stopped().into(),
            })?;
        Ok(wait.await.map_err(|_| PublishError::Unknown)??)
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes")
            .field("lanes", &self.0.len())
            .finish()
    }
}

async fn work(mut rx: mpsc::Receiver<Item>, mut sender: Sender, cancel: CancellationToken) {
    let mut queue = Queue::default();
    loop {
        if queue.turns.is_empty() {
            tokio::select! {
                biased;
                item = rx.recv() => match item {
                    Some(item) => queue.push(item),
                    None => break,
                },
                () = cancel.cancelled(), if !rx.is_closed() => {
                    rx.close();
                    continue;
                }
            }
        }
        while let Ok(item) = rx.try_recv() {
            queue.push(item);
        }
        sender.send(queue.take_message()).await;
    }
    sender.close().await;
}

/// What waits, taken in turn by organisation, so that a busy one does not hold up others.
#[derive(Debug, Default)]
struct Queue {
    waiting: HashMap<OrgId, VecDeque<Item>>,
    turns: VecDeque<OrgId>,
}

impl Queue {
    fn push(&mut self, item: Item) {
        let org = item.draft.org;
        let waiting = self.waiting.entry(org).or_default();
        if waiting.is_empty() {
            self.turns.push_back(org);
        }
        waiting.push_back(item);
    }

    /// One item of each organisation in turn, until the message is full or nothing waits.
    fn take_message(&mut self) -> Vec<Item> {
        let (mut message, mut bytes) = (Vec::new(), 0);
        while let Some(org) = self.turns.pop_front() {
            let Some(waiting) = self.waiting.get_mut(&org) else {
                continue;
            };
            let size = waiting
                .front()
                .map_or(0, |item| item.draft.bytes.len() + FRAME);
            if bytes + size > MESSAGE_BYTES && !message.is_empty() {
                self.turns.push_front(org);
                break;
            }
            bytes += size;
            message.extend(waiting.pop_front());
            if waiting.is_empty() {
                self.waiting.remove(&org);
            } else {
                self.turns.push_back(org);
            }
        }
        message
    }
}

/// Numbers and sends the messages of one shard.
struct Sender {
    log: EventLog,
    shard: Shard,
    clock: Arc<dyn Clock>,
    within: Duration,
    incarnation: IncarnationId,
    /// Last number given in this incarnation, for each organisation.
    numbers: HashMap<OrgId, u64>,
}

impl Sender {
    fn new(log: EventLog, shard: Shard, clock: Arc<dyn Clock>, within: Duration) -> Self {
        let incarnation = IncarnationId(new_v7(clock.as_ref()));
        Self {
            log,
            shard,
            clock,
            within,
            incarnation,
            numbers: HashMap::new(),
        }
    }

    /// Numbers are used up only by what is stored. When that is not known, the incarnation ends:
    /// the next one begins at 1 again, so there never is a gap that means nothing.
    async fn send(&mut self, items: Vec<Item>) {
        let (records, numbers, answers) = self.number(items);
        let stored = self.publish(records, false).await;
        match &stored {
            Ok(_) => self.numbers.extend(numbers),
            Err(PublishError::Unknown) => self.begin_again(),
            Err(
                PublishError::Conflict | PublishError::Unavailable(_) | PublishError::Refused(_),
            ) => {}
        }
        for answer in answers {
            // A caller that went away learns it from its retry.
            drop(answer.send(stored.clone()));
        }
    }

    /// States that this incarnation numbers no further, if it numbered anything.
    async fn close(&mut self) {
        if self.numbers.is_empty() {
            return;
        }
        self.within = self.within.min(Duration::from_secs(2));
        if let Err(error) = self.publish(Vec::new(), true).await {
            tracing::warn!(%error, shard = %self.shard, "incarnation left unclosed");
        }
    }

    async fn publish(&self, records: Vec<Record>, closes: bool) -> Result<u64, PublishError> {
        let packed = Packed {
            incarnation: self.incarnation,
            service: self.log.service().name().to_owned(),
            records,
            closes,
        };
        let subject = self.log.topology().trace(self.shard);
        let id = new_v7(self.clock.as_ref()).to_string();
        let stored = self
            .log
            .append_packed(&subject, &id, &packed, self.within)
            .await;
        stored.map(|stored| stored.sequence)
    }

    fn begin_again(&mut self) {
        self.incarnation = IncarnationId(new_v7(self.clock.as_ref()));
        self.numbers.clear();
    }

    #[allow(clippy::type_complexity, reason = "three lists of one loop, used once")]
    fn number(
        &self,
        items: Vec<Item>,
    ) -> (
        Vec<Record>,
        HashMap<OrgId, u64>,
        Vec<oneshot::Sender<Result<u64, PublishError>>>,
    ) {
        let mut numbers: HashMap<OrgId, u64> = HashMap::new();
        let (records, answers) = items
            .into_iter()
            .map(|Item { draft, answer }| {
                let last = || self.numbers.get(&draft.org).copied().unwrap_or(0);
                let number = numbers.entry(draft.org).or_insert_with(last);
                *number += 1;
                let record = Record {
                    org: draft.org,
                    event_id: draft.event_id,
                    emitter_seq: *number,
                    envelope: draft.bytes,
                };
                (record, answer)
            })
            .unzip();
        (records, numbers, answers)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn item(org: u128, event: u128, bytes: usize) -> Item {
        let draft = Draft {
            org: OrgId(Uuid::from_u128(org)),
            event_id: EventId(Uuid::from_u128(event)),
            bytes: vec![0; bytes],
        };
        Item {
            draft,
            answer: oneshot::channel().0,
        }
    }

    fn taken(queue: &mut Queue) -> Vec<u128> {
        let message = queue.take_message();
        message
            .iter()
            .map(|item| item.draft.event_id.0.as_u128())
            .collect()
    }

    #[test]
    fn organisations_take_turns_and_each_keeps_its_order() {
        let mut queue = Queue::default();
        for (org, event) in [(1, 10), (1, 11), (1, 12), (2, 20), (3, 30)] {
            queue.push(item(org, event, 10));
        }
        assert_eq!(taken(&mut queue), [10, 20, 30, 11, 12]);
    }

    #[test]
    fn a_message_is_bounded_and_a_large_record_travels_alone() {
        let mut queue = Queue::default();
        queue.push(item(1, 1, MESSAGE_BYTES + 1));
        for event in 2..5 {
            queue.push(item(2, event, 500 * 1024));
        }
        assert_eq!(taken(&mut queue), [1]);
        assert_eq!(taken(&mut queue), [2, 3]);
        assert_eq!(taken(&mut queue), [4]);
    }
}

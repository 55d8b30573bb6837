//! Sending one packed message and settling its callers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::RawMessageErrorKind;
use tokio::time::Instant;
use uuid::Uuid;
use writ_contract::{IncarnationId, OrgId, Packed, Record, Shard, Stream};

use super::{AppendError, Item, Recorded};
use crate::fence::{Fence, Fences};
use crate::log::EventLog;
use crate::publish::{Expect, PublishError};

/// How long an unanswered message is retried under its id before the incarnation is given up.
const GIVE_UP: Duration = Duration::from_secs(60);
const RETRY_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Sender {
    log: EventLog,
    shard: Shard,
    fences: Arc<Fences>,
    new_id: fn() -> Uuid,
    incarnation: IncarnationId,
    /// Last number given in this incarnation, for each organisation.
    numbers: HashMap<OrgId, u64>,
    /// Sequence of the last message known to be stored.
    last_stored: u64,
}

enum Outcome {
    Stored(u64),
    Refused(AppendError),
}

impl Sender {
    pub(super) fn new(
        log: EventLog,
        shard: Shard,
        fences: Arc<Fences>,
        new_id: fn() -> Uuid,
    ) -> Self {
        let incarnation = IncarnationId(new_id());
        Self {
            log,
            shard,
            fences,
            new_id,
            incarnation,
            numbers: HashMap::new(),
            last_stored: 0,
        }
    }

    /// Sends a batch and answers every caller in it.
    pub(super) async fn send(&mut self, batch: Vec<Item>) {
        let fence = self.fences.at(self.shard);
        let (batch, stale): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|item| item.draft.kill_seq == fence.applied);
        answer(stale, Err(AppendError::Fenced));
        if batch.is_empty() {
            return;
        }
        let (packed, numbers) = self.pack(&batch);
        match self.append(&packed, fence).await {
            Outcome::Stored(stream_seq) => {
                self.numbers.extend(numbers);
                self.last_stored = stream_seq;
                answer(batch, Ok(Recorded { stream_seq }));
            }
            Outcome::Refused(error) => answer(batch, Err(error)),
        }
    }

    /// States that this incarnation numbers no further, if it numbered anything.
    pub(super) async fn close(&mut self) {
        if let Err(error) = self.say(true).await {
            tracing::warn!(%error, shard = %self.shard, "incarnation left unclosed");
        }
    }

    /// States that this incarnation lives, if it numbered anything: what was numbered before is
    /// stored.
    pub(super) async fn beat(&mut self) {
        if let Err(error) = self.say(false).await {
            tracing::debug!(%error, shard = %self.shard, "heartbeat left out");
        }
    }

    /// A message without records.
    async fn say(&self, closes: bool) -> Result<(), PublishError> {
        if self.numbers.is_empty() {
            return Ok(());
        }
        let packed = Packed {
            incarnation: self.incarnation,
            service: self.log.service().name().to_owned(),
            records: Vec::new(),
            closes,
        };
        let subject = self.log.topology.decision(self.shard);
        let id = (self.new_id)().to_string();
        let said = self.log.publish_packed(&subject, &id, &packed, None);
        said.await.map(drop)
    }

    /// Numbers the records without using the numbers up yet.
    fn pack(&self, batch: &[Item]) -> (Packed, HashMap<OrgId, u64>) {
        let mut numbers: HashMap<OrgId, u64> = HashMap::new();
        let records = batch
            .iter()
            .map(|item| {
                let org = item.draft.org;
                let last = || self.numbers.get(&org).copied().unwrap_or(0);
                let number = numbers.entry(org).or_insert_with(last);
                *number += 1;
                Record {
                    org,
                    event_id: item.draft.event_id,
                    emitter_seq: *number,
                    envelope: item.draft.envelope.clone(),
                }
            })
            .collect();
        let service = self.log.service().name().to_owned();
        (
            Packed {
                incarnation: self.incarnation,
                service,
                records,
                closes: false,
            },
            numbers,
        )
    }

    /// Retries under one id until the outcome is known. While it is not, the lane waits: numbers
    /// must not overtake each other.
    async fn append(&mut self, packed: &Packed, mut fence: Fence) -> Outcome {
        let id = (self.new_id)().to_string();
        let subject = self.log.topology.decision(self.shard);
        let kill = self.log.topology.kill(self.shard);
        let deadline = Instant::now() + GIVE_UP;
        let mut doubt = false;
        if !self.log.connected() {
            return Outcome::Refused(AppendError::Unavailable);
        }
        loop {
            let expect = Expect {
                subject: kill.clone(),
                sequence: fence.expected,
            };
            match self
                .log
                .publish_packed(&subject, &id, packed, Some(&expect))
                .await
            {
                Ok(published) => return Outcome::Stored(published.sequence),
                Err(PublishError::Conflict) if doubt => match self.find(&subject, &id).await {
                    Ok(Some(sequence)) => return Outcome::Stored(sequence),
                    Ok(None) => doubt = false,
                    Err(()) => {}
                },
                Err(PublishError::Conflict) => {
                    match self.fences.renewed(&self.log, self.shard, fence).await {
                        Some(renewed) => fence = renewed,
                        None => return Outcome::Refused(AppendError::Fenced),
                    }
                }
                Err(PublishError::Refused(why)) if doubt => {
                    tracing::error!(why, shard = %self.shard, "refused after an unknown outcome");
                    return self.give_up();
                }
                Err(PublishError::Refused(why)) => {
                    tracing::error!(why, shard = %self.shard, "the log refused a message");
                    return Outcome::Refused(AppendError::Unavailable);
                }
                Err(PublishError::Unavailable(_)) if !doubt => {
                    return Outcome::Refused(AppendError::Unavailable);
                }
                Err(PublishError::Unavailable(_)) => {}
                Err(PublishError::Unknown) => doubt = true,
            }
            if Instant::now() + RETRY_EVERY >= deadline {
                return self.give_up();
            }
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    /// The outcome stays unknown: a new incarnation starts, so that the ledger reads the old one's
    /// tail as unknown instead of as a gap or as complete.
    fn give_up(&mut self) -> Outcome {
        tracing::error!(shard = %self.shard, incarnation = %self.incarnation, "incarnation given up");
        self.incarnation = IncarnationId((self.new_id)());
        self.numbers.clear();
        Outcome::Refused(AppendError::Unavailable)
    }

    /// Looks for a message with this id after the last one known to be stored. A conflict after an
    /// unknown outcome can mean that the first try was stored and a pause followed it.
    async fn find(&self, subject: &str, id: &str) -> Result<Option<u64>, ()> {
        let stream = self.log.stream(Stream::Gate).await.map_err(|_| ())?;
        let mut from = self.last_stored + 1;
        loop {
            let next = stream
                .raw_message_builder()
                .sequence(from)
                .next_by_subject(subject);
            let message = match next.send().await {
                Ok(message) => message,
                Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => return Ok(None),
                Err(_) => return Err(()),
            };
            let found = message.headers.get(async_nats::header::NATS_MESSAGE_ID);
            if found.is_some_and(|h| h.as_str() == id) {
                return Ok(Some(message.sequence));
            }
            from = message.sequence + 1;
        }
    }
}

fn answer(items: Vec<Item>, result: Result<Recorded, AppendError>) {
    for item in items {
        if item.answer.send(result).is_err() {
            tracing::debug!("a caller had stopped waiting for its record");
        }
    }
}

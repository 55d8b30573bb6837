//! From the `events` table to the log: at least once, each time under the same id.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use chrono::DateTime;
use futures::future::join_all;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use writ_contract::{Envelope, Stream};
use writ_eventlog::EventLog;

use crate::error::PgError;
use crate::outbox::Outbox;
use crate::pools::WriterTx;
use crate::refill::{self, Holes, LogState};

/// Facts taken at once.
const BATCH: i64 = 256;
/// How often the table is looked at without being woken: for other replicas' facts and after trouble.
const POLL: Duration = Duration::from_millis(200);
/// How often streams are compared with what was sent to them.
const COMPARE: Duration = Duration::from_secs(60);
/// How long one fact may be tried under its id before the batch is given back.
const PUBLISH_WITHIN: Duration = Duration::from_secs(10);

/// Where facts go.
pub trait Publish: Clone + Send + Sync + 'static {
    /// Publishes a fact under its event id and returns its stream sequence once it is stored.
    fn publish(
        &self,
        subject: &str,
        envelope: &Envelope,
    ) -> impl Future<Output = Result<u64, NotPublished>> + Send;

    /// What the stream of a subject says of itself; `None` where facts go to no stream.
    fn state(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Option<LogState>, NotPublished>> + Send;
}

/// A fact that is not known to be stored; it is tried again under the same id.
#[derive(Debug, thiserror::Error)]
#[error("not published: {0}")]
pub struct NotPublished(pub String);

impl Publish for EventLog {
    async fn publish(&self, subject: &str, envelope: &Envelope) -> Result<u64, NotPublished> {
        let published = self
            .publish_fact(subject, envelope, None, PUBLISH_WITHIN)
            .await;
        published
            .map(|p| p.sequence)
            .map_err(|error| NotPublished(error.to_string()))
    }

    async fn state(&self, subject: &str) -> Result<Option<LogState>, NotPublished> {
        let Some(stream) = self.topology().stream_of(subject) else {
            return Ok(None);
        };
        let state = self.state(stream).await;
        let state = state.map_err(|error| NotPublished(error.to_string()))?;
        let spec = self.topology().spec(stream);
        // The order of the gate is the proof of pauses: nothing is put behind what followed it.
        let holes = if stream == Stream::Gate {
            Vec::new()
        } else {
            state.holes
        };
        Ok(Some(LogState {
            created: DateTime::from_timestamp_micros(state.created_us).unwrap_or_default(),
            last: state.last_sequence,
            keeps: spec.max_age,
            holes,
            repeats_within: spec.dedup_window,
        }))
    }
}

/// Publishes what was committed. Of all replicas one is active at a time.
#[derive(Debug, Clone)]
pub struct Relay<P> {
    outbox: Outbox,
    publisher: P,
    schema: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Unsent {
    id: i64,
    event_id: Uuid,
    subject: String,
    envelope: Vec<u8>,
}

/// The holes of each stream that hold nothing of ours any more.
type Settled = HashMap<String, Vec<RangeInclusive<u64>>>;

/// What one look at the table came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Another replica is active.
    Elsewhere,
    /// So many facts were sent.
    Sent(usize),
    /// Some could not be sent.
    Trouble,
}

impl<P: Publish> Relay<P> {
    /// The relay of a schema.
    #[must_use]
    pub fn new(outbox: Outbox, publisher: P, schema: &str) -> Self {
        Self {
            outbox,
            publisher,
            schema: schema.to_owned(),
        }
    }

    /// Relays until cancelled.
    ///
    /// # Errors
    /// The store's trouble; start it again.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), PgError> {
        let mut compared: Option<Instant> = None;
        let mut settled = Settled::new();
        loop {
            if compared.is_none_or(|at| at.elapsed() >= COMPARE) {
                match cancel.run_until_cancelled(self.refill(&mut settled)).await {
                    None => return Ok(()),
                    Some(done) => done?,
                }
                compared = Some(Instant::now());
            }
            let rest = match cancel.run_until_cancelled(self.pass()).await {
                None => return Ok(()),
                Some(Ok(Pass::Sent(BATCH_FULL))) => continue,
                Some(Ok(_)) => POLL,
                Some(Err(error)) => return Err(error),
            };
            let woken = tokio::time::timeout(rest, self.outbox.wake.notified());
            if cancel.run_until_cancelled(woken).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Compares the streams with what was sent to them, and lets what they lost go out again.
    async fn refill(&self, settled: &mut Settled) -> Result<(), PgError> {
        let mut tx = self.outbox.pool.begin().await?;
        if !self.is_active(&mut tx).await? {
            return Ok(());
        }
        for sent in refill::newest(&mut tx).await? {
            let state = match self.publisher.state(&sent.subject).await {
                Ok(Some(state)) => state,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(subject = sent.subject, %error, "stream not compared");
                    continue;
                }
            };
            let stream = sent.stream();
            if sent.is_lost(&state) {
                let again = refill::send_again(&mut tx, &stream, &state).await?;
                tracing::error!(stream, again, "the stream is shorter than it was: refilled");
                self.refilled(again);
            }
            if !state.holes.is_empty() && settled.get(&stream) != Some(&state.holes) {
                self.fill_holes(&mut tx, stream, state, settled).await?;
            }
        }
        tx.commit().await
    }

    /// A stream keeps its holes: once nothing of ours is in them, they are not looked at again.
    async fn fill_holes(
        &self,
        tx: &mut WriterTx,
        stream: String,
        state: LogState,
        settled: &mut Settled,
    ) -> Result<(), PgError> {
        let Holes { again, waiting } = refill::fill_holes(tx, &stream, &state).await?;
        let holes = state.holes.len();
        tracing::error!(
            stream,
            holes,
            again,
            waiting,
            "the stream lost facts from its middle"
        );
        self.refilled(u64::try_from(again).unwrap_or_default());
        if (again, waiting) == (0, 0) {
            settled.insert(stream, state.holes);
        }
        Ok(())
    }

    fn refilled(&self, facts: u64) {
        metrics::counter!("writ_relay_refilled_total", "schema" => self.schema.clone())
            .increment(facts);
    }

    /// Whether this replica is the one that sends; holds until the transaction ends.
    async fn is_active(&self, tx: &mut WriterTx) -> Result<bool, PgError> {
        let sql = "select pg_try_advisory_xact_lock(hashtext($1 || '.relay'))";
        let active = sqlx::query_scalar(sql).bind(&self.schema);
        Ok(active.fetch_one(&mut **tx).await?)
    }

    /// Sends one batch. The lock and the rows are held until what was sent is marked, so a relay
    /// that dies in between leaves them to be sent again under the same ids.
    async fn pass(&self) -> Result<Pass, PgError> {
        let mut tx = self.outbox.pool.begin().await?;
        if !self.is_active(&mut tx).await? {
            return Ok(Pass::Elsewhere);
        }
        let batch: Vec<Unsent> = sqlx::query_as(
            "select id, event_id, subject, envelope from events
             where sent_at is null order by id limit $1 for update skip locked",
        )
        .bind(BATCH)
        .fetch_all(&mut *tx)
        .await?;
        if batch.is_empty() {
            return Ok(Pass::Sent(0));
        }
        let total = batch.len();
        let sent = self.publish(batch).await;
        mark(&mut tx, &sent).await?;
        tx.commit().await?;
        metrics::counter!("writ_relay_sent_total", "schema" => self.schema.clone())
            .increment(sent.len() as u64);
        for (_, event_id, seq) in &sent {
            // Nobody waits for it: fine.
            drop(self.outbox.sent.send((*event_id, *seq)));
        }
        Ok(if sent.len() == total {
            Pass::Sent(total)
        } else {
            Pass::Trouble
        })
    }

    /// Publishes in waves in which every subject occurs once, so that the last message of a
    /// subject is always its highest version; stops at the first wave with trouble.
    async fn publish(&self, batch: Vec<Unsent>) -> Vec<(i64, Uuid, u64)> {
        let mut sent = Vec::with_capacity(batch.len());
        let mut rest = batch;
        while !rest.is_empty() {
            let (wave, later) = next_wave(rest);
            rest = later;
            let acks = join_all(wave.iter().map(|event| self.publish_one(event))).await;
            let mut trouble = false;
            for (event, ack) in wave.iter().zip(acks) {
                match ack {
                    Ok(seq) => sent.push((event.id, event.event_id, seq)),
                    Err(error) => {
                        trouble = true;
                        tracing::warn!(subject = event.subject, %error, "fact not published yet");
                    }
                }
            }
            if trouble {
                break;
            }
        }
        sent
    }

    async fn publish_one(&self, event: &Unsent) -> Result<u64, NotPublished> {
        let envelope = Envelope::decode(&event.envelope)
            .map_err(|error| NotPublished(format!("event {}: {error}", event.event_id)))?;
        self.publisher.publish(&event.subject, &envelope).await
    }
}

/// A full batch: there may be more at once.
const BATCH_FULL: usize = 256;

/// Splits off the first event of every subject, in order.
fn next_wave(batch: Vec<Unsent>) -> (Vec<Unsent>, Vec<Unsent>) {
    let mut subjects = HashSet::new();
    batch
        .into_iter()
        .partition(|event| subjects.insert(event.subject.clone()))
}

async fn mark(tx: &mut WriterTx, sent: &[(i64, Uuid, u64)]) -> Result<(), PgError> {
    let ids: Vec<i64> = sent.iter().map(|(id, _, _)| *id).collect();
    let seqs: Vec<i64> = sent
        .iter()
        .map(|(_, _, seq)| i64::try_from(*seq).unwrap_or(i64::MAX))
        .collect();
    sqlx::query(
        "update events set sent_at = now(), stream_seq = done.seq
         from unnest($1::bigint[], $2::bigint[]) as done(id, seq) where events.id = done.id",
    )
    .bind(ids)
    .bind(seqs)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: i64, subject: &str) -> Unsent {
        Unsent {
            id,
            event_id: Uuid::nil(),
            subject: subject.to_owned(),
            envelope: Vec::new(),
        }
    }

    #[test]
    fn a_wave_holds_every_subject_once_and_the_oldest_of_it() {
        let batch = vec![event(1, "a"), event(2, "b"), event(3, "a"), event(4, "a")];
        let (wave, rest) = next_wave(batch);
        assert_eq!(wave.iter().map(|e| e.id).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(rest.iter().map(|e| e.id).collect::<Vec<_>>(), [3, 4]);
    }
}

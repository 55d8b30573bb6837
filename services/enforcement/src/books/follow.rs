//! Keeping the books: three readers, and the one who ends what is due.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use prost::Message as _;
use writ_contract::topology::GateLeaf;
use writ_contract::{DecisionId, Envelope, OrgId, Record, Shard, Stream, wire};
use writ_eventlog::{Content, Delivered, EventLog, ReaderError, Start};
use writ_policy::{Facts, Request};
use writ_service_kit::Clock;

use super::means::Means;
use super::{Actor, Books, End, REACH, Spent};
use crate::metrics;

/// Decisions are read from further back than bookings: a booking comes before its decision, and one
/// whose decision was not read would be given back.
const EARLIER: i64 = 10 * 60 * 1_000_000;

/// Keeps the books of one replica.
#[derive(Debug)]
pub struct Keeper {
    log: EventLog,
    clock: Arc<dyn Clock>,
    unclaimed: Duration,
    books: Mutex<Books>,
    means: RwLock<Means>,
    counters: AtomicBool,
    decisions: AtomicBool,
    traces: AtomicBool,
}

impl Keeper {
    /// Books that give back what no decision claims within `unclaimed`.
    #[must_use]
    pub fn new(log: EventLog, clock: Arc<dyn Clock>, unclaimed: Duration) -> Self {
        Self {
            log,
            clock,
            unclaimed,
            books: Mutex::default(),
            means: RwLock::default(),
            counters: AtomicBool::new(false),
            decisions: AtomicBool::new(false),
            traces: AtomicBool::new(false),
        }
    }

    fn now_us(&self) -> i64 {
        self.clock.now().timestamp_micros()
    }

    fn since(&self, reach: i64) -> Start {
        Start::Since(self.now_us().saturating_sub(reach))
    }

    /// Nothing of it runs user code, so a poisoned lock holds whole books.
    fn with<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        change(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn costs(&self) -> impl std::ops::DerefMut<Target = Means> {
        self.means.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the engine is told about a request: the time, and, where the request brings no estimate,
    /// what a trace of its agent cost on average since the start and in the hour before.
    #[must_use]
    pub(crate) fn facts(&self, request: &Request, now_ms: i64) -> Facts {
        let mut facts = Facts::at(now_ms);
        if request.estimated_cost.is_none() {
            let actor = Actor {
                org: OrgId(request.org_id),
                agent: request.agent.external_id.clone(),
                environment: request.environment().to_owned(),
            };
            let means = self.means.read().unwrap_or_else(PoisonError::into_inner);
            facts.mean_cost = means.of(&actor);
        }
        facts
    }

    /// Follows bookings and their ends.
    ///
    /// # Errors
    /// [`ReaderError`]: start it again.
    pub async fn counters(self: Arc<Self>) -> Result<(), ReaderError> {
        self.counters.store(false, Ordering::Release);
        let mut reader = self.log.increments(self.since(REACH)).await?;
        loop {
            if reader.behind() == 0 {
                self.counters.store(true, Ordering::Release);
            }
            if let Some(increment) = reader.advance().await? {
                self.with(|books| books.counted(&increment));
            }
        }
    }

    /// Follows decisions.
    ///
    /// # Errors
    /// [`ReaderError`]: start it again.
    pub async fn decisions(self: Arc<Self>) -> Result<(), ReaderError> {
        self.decisions.store(false, Ordering::Release);
        let filter = vec![self.log.topology().gate(GateLeaf::Decision)];
        let start = self.since(REACH + EARLIER);
        let mut reader = self.log.read(Stream::Gate, filter, start).await?;
        loop {
            if reader.behind() == 0 {
                self.decisions.store(true, Ordering::Release);
            }
            if let Some(delivered) = reader.advance().await? {
                for record in records(&delivered) {
                    let (id, fact) = decision(record);
                    self.with(|books| {
                        books.decided(record.org, id, &fact, delivered.stored_at_us);
                    });
                }
            }
        }
    }

    /// Follows traces.
    ///
    /// # Errors
    /// [`ReaderError`]: start it again.
    pub async fn traces(self: Arc<Self>) -> Result<(), ReaderError> {
        self.traces.store(false, Ordering::Release);
        let topology = self.log.topology();
        let filter = Shard::all().map(|shard| topology.trace(shard)).collect();
        let start = self.since(REACH);
        let mut reader = self.log.read(Stream::InTrace, filter, start).await?;
        loop {
            if reader.behind() == 0 {
                self.traces.store(true, Ordering::Release);
            }
            if let Some(delivered) = reader.advance().await? {
                for record in records(&delivered) {
                    if let Some(spent) = spent(record, delivered.stored_at_us) {
                        self.costs().take(&spent);
                        self.with(|books| books.spent(spent));
                    }
                }
            }
        }
    }

    /// Takes the end of an approval request.
    pub fn approval(&self, fact: &wire::Approval) {
        if matches!(fact.status.as_str(), "denied" | "expired" | "cancelled") {
            let ids = fact.decision_ids.iter();
            let ids = ids.filter_map(|id| DecisionId::from_bytes(id).ok());
            self.with(|books| books.refused(ids));
        }
    }

    /// Ends what is due, for ever; never from books that lag behind a stream.
    ///
    /// # Errors
    /// None: a counter that does not answer is asked again.
    pub async fn run(self: Arc<Self>) -> Result<(), ReaderError> {
        let every = Duration::from_secs(5).min(self.unclaimed);
        let unclaimed_us = i64::try_from(self.unclaimed.as_micros()).unwrap_or(i64::MAX);
        loop {
            tokio::time::sleep(every).await;
            let current = [&self.counters, &self.decisions, &self.traces];
            if !current.iter().all(|flag| flag.load(Ordering::Acquire)) || !self.log.connected() {
                continue;
            }
            let now_us = self.now_us();
            for end in self.with(|books| books.due(now_us, unclaimed_us)) {
                self.end(&end).await;
            }
        }
    }

    /// The id follows from the booking: another replica's end and this one count once. An end that
    /// is not known to be stored is not repeated: nothing given back is on the safe side, twice
    /// given back is not.
    async fn end(&self, end: &End) {
        let (key, id) = (end.booking.key(), end.booking.ending(end.ending));
        let counted = self
            .log
            .count_because(end.org, &key, end.delta, &id, &end.cause);
        match counted.await {
            Ok(_) => metrics::ended(end.ending),
            Err(error) => tracing::warn!(%error, "a reservation could not be ended"),
        }
    }
}

fn records(delivered: &Delivered) -> &[Record] {
    match &delivered.content {
        Content::Packed(packed) => &packed.records,
        Content::Fact(_) | Content::Unreadable(_) => &[],
    }
}

/// A decision's record; what cannot be read has an identity all the same, and stands.
fn decision(record: &Record) -> (DecisionId, wire::Decision) {
    let fact = Envelope::decode(&record.envelope).and_then(|envelope| envelope.open());
    (DecisionId(record.event_id.0), fact.unwrap_or_default())
}

fn spent(record: &Record, at_us: i64) -> Option<Spent> {
    let input = wire::TraceInput::decode(record.envelope.as_slice()).ok()?;
    let text = std::str::from_utf8(&input.trace_json).ok()?;
    Spent::read(record.org, &record.event_id.to_string(), text, at_us)
}

//! The registry, kept up to date from the log.

use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use uuid::Uuid;
use writ_contract::topology::GateLeaf;
use writ_contract::{Envelope, OrgId, Stream, wire};
use writ_eventlog::{Content, Delivered, EventLog, Reader, ReaderError, Start};
use writ_policy::AgentRef;
use writ_service_kit::Requirement;

use crate::domain::{Agent, Organization, Registry};
use crate::error::Error;

/// How long a look at the head of the log may take, and for how long it need not be repeated.
const CATCH_UP: Duration = Duration::from_millis(500);
const FRESH: Duration = Duration::from_millis(100);

/// Organisations, agents and pauses in memory.
pub(crate) struct Registrar {
    log: EventLog,
    registry: RwLock<Registry>,
    applied: watch::Sender<u64>,
    orgs: watch::Sender<usize>,
    caught_up_at: Mutex<Option<Instant>>,
}

impl Registrar {
    /// An empty registry; nothing is read before the loops run.
    #[must_use]
    pub(crate) fn new(log: EventLog) -> Self {
        Self {
            log,
            registry: RwLock::default(),
            applied: watch::Sender::new(0),
            orgs: watch::Sender::new(0),
            caught_up_at: Mutex::default(),
        }
    }

    /// An organisation whose facts are all readable.
    ///
    /// # Errors
    /// [`Error::Unsettled`].
    pub(crate) async fn org(&self, org: OrgId) -> Result<Organization, Error> {
        if self.read(|r| r.org(org)).is_none() {
            self.catch_up().await;
        }
        self.read(|r| r.org(org).filter(|_| !r.quarantined(org)))
            .ok_or(Error::Unsettled)
    }

    /// Every organisation.
    #[must_use]
    pub(crate) fn orgs(&self) -> Vec<(OrgId, Organization)> {
        self.read(Registry::orgs)
    }

    /// Tells when there are more organisations than before.
    #[must_use]
    pub(crate) fn watch_orgs(&self) -> watch::Receiver<usize> {
        self.orgs.subscribe()
    }

    /// The agent a trace names.
    #[must_use]
    pub(crate) fn find(&self, org: OrgId, name: &str, environment: &str) -> Option<Agent> {
        self.read(|r| r.find(org, name, environment))
    }

    /// The registered agent of a name, when there is exactly one.
    #[must_use]
    pub(crate) fn only(&self, org: OrgId, name: &str) -> Option<Agent> {
        self.read(|r| r.only(org, name))
    }

    /// A registered agent as policies see it.
    #[must_use]
    pub(crate) fn described(&self, org: OrgId, id: Uuid) -> Option<AgentRef> {
        self.read(|r| r.described(org, id))
    }

    /// Since when a name that is registered nowhere is paused in an environment.
    #[must_use]
    pub(crate) fn paused_since_us(&self, org: OrgId, name: &str, environment: &str) -> Option<i64> {
        self.read(|r| r.paused_since_us(org, name, environment))
    }

    /// Returns once every agent and organisation stated before the call is known, or after a
    /// bounded wait. Callers at one time share one look at the log.
    pub(crate) async fn catch_up(&self) {
        let mut at = self.caught_up_at.lock().await;
        if at.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        let reached = tokio::time::timeout(CATCH_UP, async {
            let head = self.head().await?;
            let mut applied = self.applied.subscribe();
            applied.wait_for(|seq| *seq >= head).await.ok().map(drop)
        });
        if !matches!(reached.await, Ok(Some(()))) {
            tracing::debug!("registry may be behind the log");
        }
        *at = Some(Instant::now());
    }

    async fn head(&self) -> Option<u64> {
        let js = async_nats::jetstream::new(self.log.client().clone());
        let name = self.log.topology().stream_name(Stream::Control);
        let stream = js.get_stream(name).await.ok()?;
        let mut head = 0;
        for subject in self.subjects() {
            if let Ok(last) = stream.get_last_raw_message_by_subject(&subject).await {
                head = last.sequence.max(head);
            }
        }
        Some(head)
    }

    fn subjects(&self) -> [String; 3] {
        let topology = self.log.topology();
        [
            topology.facts::<wire::Organization>(),
            topology.facts::<wire::Agent>(),
            topology.facts::<wire::Pause>(),
        ]
    }

    /// Follows organisations, agents and lasting pauses until reading fails.
    pub(crate) async fn follow_control(&self, ready: &Requirement) -> Result<(), ReaderError> {
        self.applied.send_replace(0);
        let filters = self.subjects().to_vec();
        let reader = self
            .log
            .read(Stream::Control, filters, Start::LastPerSubject)
            .await?;
        self.follow(reader, ready).await
    }

    /// Follows pauses until reading fails.
    pub(crate) async fn follow_kills(&self, ready: &Requirement) -> Result<(), ReaderError> {
        let filters = vec![self.log.topology().gate(GateLeaf::Kill)];
        let reader = self.log.read(Stream::Gate, filters, Start::First).await?;
        self.follow(reader, ready).await
    }

    async fn follow(&self, mut reader: Reader, ready: &Requirement) -> Result<(), ReaderError> {
        loop {
            if reader.behind() == 0 {
                ready.met();
            }
            if let Some(delivered) = reader.advance().await? {
                self.apply(&delivered);
            }
        }
    }

    fn apply(&self, delivered: &Delivered) {
        let subject = &delivered.subject;
        match &delivered.content {
            Content::Fact(envelope) => self.apply_fact(subject, envelope),
            Content::Packed(_) => {}
            Content::Unreadable(why) => {
                tracing::error!(%subject, %why, "unreadable fact: organisation refused");
                self.write(|r| r.quarantine(subject, org_of(subject)));
            }
        }
        let kill = subject.ends_with(&format!(".{}", GateLeaf::Kill));
        if !kill {
            self.applied
                .send_modify(|now| *now = delivered.sequence.max(*now));
        }
        let orgs = self.read(Registry::org_count);
        self.orgs
            .send_if_modified(|now| std::mem::replace(now, orgs) != orgs);
    }

    /// Pauses of a shard share a subject, so the aggregate is part of the place.
    fn apply_fact(&self, subject: &str, envelope: &Envelope) {
        let place = format!("{subject} {}", envelope.aggregate_id);
        self.write(|registry| {
            if let Err(why) = registry.apply(&place, envelope) {
                tracing::error!(%subject, %why, "unreadable fact: organisation refused");
                registry.quarantine(&place, Some(envelope.org));
            }
        });
    }

    fn read<T>(&self, work: impl FnOnce(&Registry) -> T) -> T {
        work(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, work: impl FnOnce(&mut Registry)) {
        work(
            &mut self
                .registry
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }
}

impl fmt::Debug for Registrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registrar")
            .field("orgs", &self.read(Registry::org_count))
            .finish_non_exhaustive()
    }
}

fn org_of(subject: &str) -> Option<OrgId> {
    let mut tokens = subject.split('.');
    tokens.find_map(|token| token.strip_prefix(OrgId::PREFIX)?.parse().ok())
}

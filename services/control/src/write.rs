//! The command loop shared by the modules: one transaction for rows and facts, then the wait
//! until the replicas that decide have read them.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use writ_access::Caller;
use writ_contract::envelope::Audit;
use writ_contract::{Envelope, EventId, Fact, KeyId, Kind, OrgId, Service, Topology};
use writ_eventlog::Announcements;
use writ_pg::{Claim, NewEvent, Outbox, Pools, Receipt, TenantTx, append};
use writ_service_kit::routes::Once;
use writ_service_kit::{Clock, ids};

use crate::error::{Error, Refusal};
use crate::metrics::UNCONFIRMED_WRITES;

/// Who does something, and for whom.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The organisation it happens in.
    pub org: Uuid,
    /// `key:<id>`, `person:<id>` of who signed in without one, or `system:control`.
    pub name: String,
    /// The `per_` id of the person behind the key.
    pub person: Option<String>,
    /// W3C traceparent of the request.
    pub traceparent: String,
    /// Set when the request may be sent again.
    pub once: Option<Once>,
}

impl Actor {
    /// The caller of a request.
    #[must_use]
    pub fn of(caller: &Caller, traceparent: &str) -> Self {
        let name = match (caller.key_id(), caller.person()) {
            (Some(key), _) => format!("key:{}", KeyId(key)),
            (None, Some(person)) => format!("person:{person}"),
            (None, None) => format!("system:{}", Service::Control),
        };
        Self {
            org: caller.org_id(),
            name,
            person: caller.person().map(str::to_owned),
            traceparent: traceparent.to_owned(),
            once: None,
        }
    }

    /// Writ itself, inside an organisation.
    #[must_use]
    pub fn system(org: Uuid) -> Self {
        Self::of(&Caller::system(org), "")
    }

    /// Writ itself, on account of a fact: in its organisation and in its trace.
    #[must_use]
    pub fn after(cause: &Envelope) -> Self {
        Self {
            traceparent: cause.traceparent.clone(),
            ..Self::system(cause.org.0)
        }
    }

    /// Ends a transaction that changed nothing: the claim of its `Idempotency-Key` stays.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn changes_nothing(&self, tx: TenantTx) -> Result<(), Error> {
        if self.once.is_some() {
            tx.commit().await?;
        }
        Ok(())
    }

    /// Claims the request's `Idempotency-Key`, if it has one, for a write to `subject`. Returns what
    /// the same request wrote before; it is then to be answered and not to be carried out again.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`], or the store's trouble.
    pub async fn repeats(&self, tx: &mut TenantTx, subject: Uuid) -> Result<Option<Uuid>, Error> {
        let Some(once) = &self.once else {
            return Ok(None);
        };
        match tx.claim(&once.key, &once.request, subject).await? {
            Claim::First => Ok(None),
            Claim::Repeated(subject) => Ok(Some(subject)),
            Claim::Taken => Err(Refusal::KeyReused.into()),
        }
    }
}

/// What a fact is about, beside its content.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Wire id of the aggregate.
    pub id: &'a str,
    /// Its new version.
    pub version: u64,
    /// Past tense, for the type.
    pub verb: &'a str,
    /// `<aggregate>.<verb>` of the audit block.
    pub action: &'a str,
    /// A stable word, or empty.
    pub reason_code: &'a str,
}

/// What every module writes with.
#[derive(Debug, Clone)]
pub struct Writes {
    pools: Pools,
    outbox: Outbox,
    topology: Topology,
    announcements: Arc<Announcements>,
    clock: Arc<dyn Clock>,
    applied_within: Duration,
}

impl Writes {
    /// Over a service's pools and outbox.
    #[must_use]
    pub fn new(
        pools: Pools,
        outbox: Outbox,
        topology: Topology,
        announcements: Arc<Announcements>,
        clock: Arc<dyn Clock>,
        applied_within: Duration,
    ) -> Self {
        Self {
            pools,
            outbox,
            topology,
            announcements,
            clock,
            applied_within,
        }
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The pools.
    #[must_use]
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// A new id.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        ids::new_v7(&*self.clock)
    }

    /// Begins a transaction inside an organisation.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn begin(&self, org: Uuid) -> Result<TenantTx, Error> {
        Ok(self.pools.api.begin(org).await?)
    }

    /// An envelope around a fact.
    pub fn envelope<F: Fact>(&self, actor: &Actor, about: About<'_>, fact: &F) -> Envelope {
        Envelope {
            event_id: EventId(self.new_id()),
            kind: Kind::of::<F>(about.verb),
            org: OrgId(actor.org),
            aggregate_id: about.id.to_owned(),
            version: about.version,
            occurred_at_us: self.clock.now().timestamp_micros(),
            audit: Audit {
                actor: actor.name.clone(),
                action: about.action.to_owned(),
                target: format!("{}:{}", target_kind::<F>(), about.id),
                on_behalf_of: actor.person.iter().cloned().collect(),
                outcome: "succeeded".to_owned(),
                reason_code: about.reason_code.to_owned(),
            },
            fact: fact.encode_to_vec(),
            traceparent: actor.traceparent.clone(),
        }
    }

    /// A fact ready to be appended.
    pub fn event<F: Fact>(&self, actor: &Actor, about: About<'_>, fact: &F) -> NewEvent {
        let subject = self.topology.fact::<F>(OrgId(actor.org), about.id);
        NewEvent {
            subject,
            envelope: self.envelope(actor, about, fact),
        }
    }

    /// Appends the facts and commits. When this returns the change is durable; its facts will be
    /// on the log.
    ///
    /// # Errors
    /// The store's; nothing was changed unless it is [`writ_pg::PgError::Away`] at the commit.
    pub async fn store(&self, mut tx: TenantTx, events: &[NewEvent]) -> Result<Receipt, Error> {
        append(&mut tx, events).await?;
        let ids: Vec<Uuid> = events
            .iter()
            .map(|event| event.envelope.event_id.0)
            .collect();
        Ok(self.outbox.commit(tx, &ids).await?)
    }

    /// As [`Writes::store`], then waits a bounded time until every enforcement replica heard of in
    /// the last second has applied the facts: that they have is very likely and not promised.
    ///
    /// # Errors
    /// As for [`Writes::store`].
    pub async fn commit(&self, tx: TenantTx, events: &[NewEvent]) -> Result<(), Error> {
        let receipt = self.store(tx, events).await?;
        let applied = async {
            match receipt.stored(self.applied_within).await {
                Some(sequence) => {
                    self.announcements
                        .all_applied(sequence, self.applied_within)
                        .await
                }
                None => false,
            }
        };
        let confirmed = tokio::time::timeout(self.applied_within, applied).await;
        if !matches!(confirmed, Ok(true)) {
            metrics::counter!(UNCONFIRMED_WRITES).increment(1);
        }
        Ok(())
    }
}

/// A pause is done to an agent, not to a kill.
fn target_kind<F: Fact>() -> &'static str {
    match F::AGGREGATE {
        "kill" | "presence" => "agent",
        own => own,
    }
}

/// A count or version as Postgres keeps it.
#[must_use]
pub fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A count or version as Postgres kept it.
#[must_use]
pub fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

//! The command loop: lock the row, decide, append the fact, evolve the row, commit; the relay
//! publishes.

mod redeem;

use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use writ_access::Caller;
use writ_chain::keys::NamedSigner;
use writ_contract::digest::DigestKey;
use writ_contract::{ApprovalId, EventId, KeyId, OrgId};
use writ_eventlog::EventLog;
use writ_pg::{Claim, Outbox, PgError, Pools, TenantTx};
use writ_service_kit::routes::Once;
use writ_service_kit::{Clock, ids};

use crate::config::Lives;
use crate::consume::Pauses;
use crate::domain::{Decide, Event, Facts, Party, Verdict, evolve};
use crate::error::Error;
use crate::facts::{self, Actor, Stamp};
use crate::metrics;
use crate::store::{self, Entry};

pub(crate) use redeem::Redeemed;

/// How often a command is decided again after somebody else was faster.
const ATTEMPTS: u32 = 3;

/// Everything commands are carried out with.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) log: EventLog,
    pub(crate) pools: Pools,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) digest: DigestKey,
    pub(crate) signer: NamedSigner,
    pub(crate) lives: Lives,
    pub(crate) pauses: Arc<Pauses>,
}

/// A decision as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Ruling {
    pub(crate) verdict: Verdict,
    pub(crate) reason: Option<String>,
    /// Set when the request may be sent again.
    pub(crate) once: Option<Once>,
    /// `If-Match`.
    pub(crate) version: Option<u64>,
    /// W3C traceparent of the request.
    pub(crate) traceparent: String,
}

impl Desk {
    /// The time, in the microseconds that rows and facts keep.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts { now: self.now() }
    }

    pub(crate) fn new_event(&self) -> EventId {
        EventId(ids::new_v7(self.clock.as_ref()))
    }

    /// Grants or refuses a request for somebody.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Environment`], [`Error::Changed`], the domain's refusal, or
    /// the store's trouble.
    pub(crate) async fn rule(
        &self,
        caller: &Caller,
        by: &Party,
        id: ApprovalId,
        ruling: &Ruling,
    ) -> Result<Entry, Error> {
        let mut attempt = 1;
        loop {
            match self.rule_once(caller, by, id, ruling).await {
                Err(Error::Store(error)) if error.is_conflict(None) && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                ended => return ended,
            }
        }
    }

    async fn rule_once(
        &self,
        caller: &Caller,
        by: &Party,
        id: ApprovalId,
        ruling: &Ruling,
    ) -> Result<Entry, Error> {
        let org = OrgId(caller.org_id());
        let mut tx = self.pools.api.begin(org.0).await?;
        let mut entry = store::lock(&mut tx, org, id)
            .await?
            .ok_or(Error::NotFound)?;
        caller
            .require_environment(&entry.state.environment)
            .map_err(|_| Error::Environment)?;
        if repeats(&mut tx, id, ruling).await? {
            return Ok(entry);
        }
        if ruling.version.is_some_and(|seen| seen != entry.version) {
            return Err(Error::Changed {
                found: entry.version,
            });
        }
        let decide = Decide {
            verdict: ruling.verdict,
            by: by.clone(),
        };
        let event = decide.decide(&entry.state, &self.facts())?;
        // A request belongs to the trace of the act, if that has one.
        if entry.traceparent.is_empty() {
            entry.traceparent.clone_from(&ruling.traceparent);
        }
        let digest = self.digest.for_org(org);
        entry.reason_digest = ruling
            .reason
            .as_ref()
            .map(|reason| digest.digest(reason.as_bytes()).to_vec());
        entry.card.reason.clone_from(&ruling.reason);
        let entry = self
            .apply_in(tx, entry, &event, Actor::Key(by.clone()))
            .await?;
        Ok(entry)
    }

    /// Applies a decided event in a request's transaction and commits it.
    pub(crate) async fn apply_in(
        &self,
        mut tx: TenantTx,
        entry: Entry,
        event: &Event,
        actor: Actor,
    ) -> Result<Entry, Error> {
        let (entry, stated) = self.apply(&mut tx, entry, event, actor).await?;
        drop(self.outbox.commit(tx, &stated).await?);
        Ok(entry)
    }

    /// Evolves a locked row by a decided event and appends its fact; the caller commits. Returns
    /// the row and the ids of the facts.
    pub(crate) async fn apply(
        &self,
        connection: &mut PgConnection,
        mut entry: Entry,
        event: &Event,
        actor: Actor,
    ) -> Result<(Entry, Vec<Uuid>), PgError> {
        let stamp = Stamp {
            id: self.new_event(),
            at: self.now(),
            actor,
        };
        entry.state = evolve(entry.state, event);
        entry.version += u64::from(event.verb().is_some());
        if matches!(event, Event::Granted(_)) {
            entry.grant_event = Some(stamp.id);
        }
        store::save(connection, &entry).await?;
        let stated = self.state(connection, &entry, event, &stamp).await?;
        Ok((entry, stated))
    }

    /// Appends the fact of an event whose row has been written.
    pub(crate) async fn state(
        &self,
        connection: &mut PgConnection,
        entry: &Entry,
        event: &Event,
        stamp: &Stamp,
    ) -> Result<Vec<Uuid>, PgError> {
        let Some(fact) = facts::stated(self.log.topology(), entry, event, stamp) else {
            return Ok(Vec::new());
        };
        writ_pg::append(connection, std::slice::from_ref(&fact)).await?;
        metrics::event(event.verb().unwrap_or_default());
        Ok(vec![stamp.id.0])
    }
}

/// Claims the request's `Idempotency-Key`, if it has one; true when the same request was carried out
/// before.
async fn repeats(tx: &mut TenantTx, id: ApprovalId, ruling: &Ruling) -> Result<bool, Error> {
    let Some(once) = &ruling.once else {
        return Ok(false);
    };
    match tx.claim(&once.key, &once.request, id.0).await? {
        Claim::First => Ok(false),
        Claim::Repeated(_) => Ok(true),
        Claim::Taken => Err(Error::KeyReused),
    }
}

/// The caller as a party; `None` for Writ itself, which asks and decides nothing.
pub(crate) fn party(caller: &Caller) -> Option<Party> {
    caller.id()?;
    Some(Party {
        key: caller.key_id().map_or(Party::NO_KEY, KeyId),
        person: caller.person().map(ToOwned::to_owned),
    })
}

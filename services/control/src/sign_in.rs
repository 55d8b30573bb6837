//! Who signed in, as facts. A person comes in with a token of the organisation's own issuer and there is
//! no session here, so a sign-in is the first token of a session there that is seen; which ones were
//! is remembered in the store, so that it is stated once however many replicas see it.
//!
//! The fact is stored before the request goes on, so nothing a person did precedes it. A store that is
//! away holds nobody up: the sign-in then waits in memory and is stated when the store is back.
//! Refused tokens are counted and stated once a minute for each issuer and reason.

mod store;
mod tally;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_access::issuer::SignIn;
use writ_access::{Caller, Refusal};
use writ_contract::{Fact, IssuerId, wire};
use writ_pg::NewEvent;
use writ_service_kit::Tasks;
use writ_service_kit::routes::Visitors;

use self::tally::{Refused, Tally};
use crate::error::Error;
use crate::metrics::SIGN_INS_DROPPED;
use crate::write::{About, Actor, Writes};

/// How long a request waits for the store to take its sign-in.
const WITHIN: Duration = Duration::from_secs(1);
/// How often waiting sign-ins are tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// How often refusals are stated, and codes of sessions that are over deleted, in rounds of [`AGAIN`].
const ROUNDS: u32 = 12;
/// Most sign-ins that wait for the store.
const WAITING: usize = 10_000;

/// States sign-ins.
#[derive(Debug)]
pub struct SignIns {
    writes: Writes,
    seen: Mutex<Seen>,
    refused: Tally,
}

/// By organisation and code of the session.
type Session = (Uuid, [u8; 32]);

#[derive(Debug, Default)]
struct Seen {
    /// Unix milliseconds until which a token of a session that was stated is believed.
    stated: HashMap<Session, i64>,
    /// What the store has not taken yet.
    waiting: HashMap<Session, (Actor, SignIn)>,
}

impl SignIns {
    /// Over what modules write with.
    #[must_use]
    pub fn new(writes: Writes) -> Arc<Self> {
        Arc::new(Self {
            writes,
            seen: Mutex::default(),
            refused: Tally::default(),
        })
    }

    /// Starts stating what waits, and forgetting sessions that are over.
    pub(crate) fn start(self: &Arc<Self>, tasks: &Tasks) {
        let (own, cancel) = (self.clone(), tasks.cancel().clone());
        tasks.spawn("sign_ins", async move {
            let mut round = 0_u32;
            while cancel
                .run_until_cancelled(tokio::time::sleep(AGAIN))
                .await
                .is_some()
            {
                round = round.wrapping_add(1);
                own.round(round.is_multiple_of(ROUNDS)).await;
            }
            own.round(true).await;
        });
    }

    async fn round(&self, whole: bool) {
        self.state_waiting().await;
        if whole {
            self.state_refused().await;
            if let Err(error) = self.forget().await {
                tracing::warn!(%error, "sessions that are over could not be forgotten");
            }
        }
    }

    /// Whether a token of the session that is believed as long was stated, or waits to be.
    fn is_known(&self, session: &Session, sign_in: SignIn) -> bool {
        let seen = self.seen();
        let until = seen.stated.get(session);
        until.is_some_and(|until| *until >= sign_in.believed_until_ms)
            || seen.waiting.contains_key(session)
    }

    /// States the sign-in unless it was stated before, and remembers it.
    async fn state(&self, actor: &Actor, sign_in: SignIn) -> Result<(), Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let until = time(sign_in.believed_until_ms);
        let person = actor.person.clone().unwrap_or_default();
        if store::remember(&mut tx, &sign_in.session, until).await? {
            let fact = wire::Login {
                person: person.clone(),
                issuer_id: IssuerId(sign_in.issuer).to_bytes(),
                session: sign_in.session.to_vec(),
                believed_until_us: Some(until.timestamp_micros()),
                ..wire::Login::default()
            };
            let version = store::next_version(&mut tx, &person).await?;
            let about = about(&person, version, ("seen", "login.sign_in"), "");
            let event = self.event(actor, about, &fact, ("succeeded", sign_in.issuer));
            self.writes.store(tx, &[event]).await?;
        } else {
            tx.commit().await?;
        }
        let session = (actor.org, sign_in.session);
        self.seen()
            .stated
            .insert(session, sign_in.believed_until_ms);
        Ok(())
    }

    /// Done to an issuer, whoever it was numbered by.
    fn event(
        &self,
        actor: &Actor,
        about: About<'_>,
        fact: &wire::Login,
        (outcome, issuer): (&str, Uuid),
    ) -> NewEvent {
        let mut event = self.writes.event(actor, about, fact);
        let audit = &mut event.envelope.audit;
        audit.target = format!("{}:{}", wire::Issuer::AGGREGATE, IssuerId(issuer));
        outcome.clone_into(&mut audit.outcome);
        event
    }

    async fn state_waiting(&self) {
        let waiting: Vec<_> = {
            let seen = self.seen();
            let all = seen.waiting.iter();
            all.map(|(session, it)| (*session, it.clone())).collect()
        };
        for (session, (actor, sign_in)) in waiting {
            if let Err(error) = self.state(&actor, sign_in).await {
                tracing::warn!(%error, "sign-ins wait for the store");
                return;
            }
            self.seen().waiting.remove(&session);
        }
    }

    async fn state_refused(&self) {
        for refused in self.refused.take() {
            if let Err(error) = self.refusals(&refused).await {
                tracing::warn!(%error, "refused sign-ins wait for the store");
                self.refused.add(refused);
            }
        }
    }

    async fn refusals(&self, refused: &Refused) -> Result<(), Error> {
        let issuer = IssuerId(refused.issuer);
        let fact = wire::Login {
            issuer_id: issuer.to_bytes(),
            refused: refused.count,
            first_at_us: refused.first.timestamp_micros(),
            last_at_us: refused.last.timestamp_micros(),
            ..wire::Login::default()
        };
        let id = issuer.to_string();
        let mut tx = self.writes.begin(refused.org).await?;
        let version = store::next_version(&mut tx, &id).await?;
        let about = about(&id, version, ("refused", "login.sign_in"), refused.reason);
        let actor = Actor::system(refused.org);
        let event = self.event(&actor, about, &fact, ("denied", refused.issuer));
        self.writes.store(tx, &[event]).await?;
        Ok(())
    }

    async fn forget(&self) -> Result<(), Error> {
        let now = self.writes.clock().now();
        let mut tx = self.writes.pools().writer.begin().await?;
        store::forget(&mut tx, now).await?;
        tx.commit().await?;
        let now_ms = now.timestamp_millis();
        self.seen().stated.retain(|_, until| *until >= now_ms);
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Visitors for SignIns {
    async fn signed_in(&self, caller: &Caller, sign_in: SignIn, traceparent: &str) {
        let session = (caller.org_id(), sign_in.session);
        if self.is_known(&session, sign_in) {
            return;
        }
        let actor = Actor::of(caller, traceparent);
        let stated = tokio::time::timeout(WITHIN, self.state(&actor, sign_in)).await;
        if matches!(stated, Ok(Ok(()))) {
            return;
        }
        let mut seen = self.seen();
        if seen.waiting.len() < WAITING {
            seen.waiting.insert(session, (actor, sign_in));
        } else {
            metrics::counter!(SIGN_INS_DROPPED).increment(1);
        }
    }

    fn refused(&self, org: Uuid, issuer: Uuid, refusal: Refusal) {
        let now = self.writes.clock().now();
        self.refused.count(org, issuer, refusal.reason(), now);
    }
}

fn about<'a>(
    id: &'a str,
    version: u64,
    (verb, action): (&'a str, &'a str),
    reason_code: &'a str,
) -> About<'a> {
    About {
        id,
        version,
        verb,
        action,
        reason_code,
    }
}

/// A session whose token does not end in this century is remembered until 2262.
fn time(ms: i64) -> DateTime<Utc> {
    let far = DateTime::from_timestamp_nanos(i64::MAX);
    DateTime::from_timestamp_millis(ms).unwrap_or(far).min(far)
}

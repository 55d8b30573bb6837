//! Requests of data subjects: what is held about them, corrected, handed over or erased.
//!
//! Erasing begins here and in one transaction: who the person is goes with its rows, and the fact
//! that others erase by is stated. It ends when all who hold something have said that it is gone.

mod domain;
mod follow;
mod run;
mod store;

use chrono::TimeDelta;
use uuid::Uuid;
use writ_contract::digest::DigestKey;
use writ_contract::{OrgId, PrivacyRequestId};
use writ_pg::{NewEvent, TenantTx};

pub use domain::{Change, Receive, Refuse, Request, Stage, Wish};
pub use store::Person;

use crate::error::{Error, PrivacyRefusal, Refusal};
use crate::write::{About, Actor, Writes};

/// The longest time before its end that a request is looked at.
const AHEAD: TimeDelta = TimeDelta::days(5);

/// The requests of all organisations.
#[derive(Debug, Clone)]
pub struct Privacy {
    writes: Writes,
    key: DigestKey,
}

impl Privacy {
    /// Over what modules write with, and the key of digests.
    #[must_use]
    pub fn new(writes: Writes, key: DigestKey) -> Self {
        Self { writes, key }
    }

    /// Takes a request in; the flag says whether it is not a repeat.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field, [`Refusal::MemberNotFound`], or the store's
    /// trouble.
    pub async fn receive(&self, actor: &Actor, body: &Receive) -> Result<(Request, bool), Error> {
        let (id, now) = (self.writes.new_id(), self.writes.clock().now());
        let mut tx = self.writes.begin(actor.org).await?;
        if let Some(earlier) = actor.repeats(&mut tx, id).await? {
            return Ok((store::find(&mut tx, earlier).await?, false));
        }
        let address = match body.person() {
            Some(person) => {
                let known = store::person(&mut tx, person).await?;
                known.ok_or(Refusal::MemberNotFound)?.email
            }
            None => None,
        };
        let key = self.key.for_org(OrgId(actor.org));
        let request = body.request(id, address, &key, now)?;
        self.finish(tx, actor, &request, "received").await?;
        Ok((request, true))
    }

    /// Changes what is noted of a request: a legal hold, words.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`PrivacyRefusal::NotFound`],
    /// [`PrivacyRefusal::Closed`], [`Refusal::VersionMismatch`], or the store's trouble.
    pub async fn change(
        &self,
        actor: &Actor,
        id: Uuid,
        if_match: Option<u64>,
        change: &Change,
    ) -> Result<Request, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::find(&mut tx, id).await;
        }
        let found = store::lock(&mut tx, id).await?;
        let current = found.version;
        if if_match.is_some_and(|seen| seen != current) {
            return Err(Refusal::VersionMismatch { current }.into());
        }
        let changed = found.changed(change)?;
        if changed == found {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        }
        self.finish(tx, actor, &changed, "updated").await?;
        Ok(changed)
    }

    /// Says that a request was answered; begins the erasure that was asked for.
    ///
    /// # Errors
    /// As for [`Privacy::change`], [`PrivacyRefusal::LegalHold`], [`PrivacyRefusal::StillMember`].
    pub async fn complete(&self, actor: &Actor, id: Uuid) -> Result<Request, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::find(&mut tx, id).await;
        }
        let found = store::lock(&mut tx, id).await?;
        let next = found.completed(self.writes.clock().now())?;
        if next.stage != Stage::Erasing {
            self.finish(tx, actor, &next, "completed").await?;
            return Ok(next);
        }
        let people = store::people(&mut tx, &found).await?;
        if people.iter().any(|person| person.removed_at.is_none()) {
            return Err(PrivacyRefusal::StillMember.into());
        }
        let people: Vec<Uuid> = people.iter().map(|person| person.person_id).collect();
        store::forget(&mut tx, &people, &found.names).await?;
        store::forget_requests(&mut tx, &found.digests).await?;
        self.finish(tx, actor, &next, "erasing").await?;
        Ok(next)
    }

    /// Says that a request is not answered, and why.
    ///
    /// # Errors
    /// As for [`Privacy::change`].
    pub async fn refuse(&self, actor: &Actor, id: Uuid, refuse: &Refuse) -> Result<Request, Error> {
        let reason = refuse.reason()?;
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::find(&mut tx, id).await;
        }
        let found = store::lock(&mut tx, id).await?;
        let refused = found.refused(reason, self.writes.clock().now())?;
        self.finish(tx, actor, &refused, "refused").await?;
        Ok(refused)
    }

    /// A request.
    ///
    /// # Errors
    /// [`PrivacyRefusal::NotFound`], or the store's trouble.
    pub async fn get(&self, org: Uuid, id: Uuid) -> Result<Request, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::find(&mut tx, id).await
    }

    /// A request, and what control holds about its subject.
    ///
    /// # Errors
    /// As for [`Privacy::get`].
    pub async fn held(&self, org: Uuid, id: Uuid) -> Result<(Request, Vec<Person>), Error> {
        let mut tx = self.writes.begin(org).await?;
        let request = store::find(&mut tx, id).await?;
        let people = store::people(&mut tx, &request).await?;
        Ok((request, people))
    }

    /// The requests after `after`, in order of their ids, and the id the next ones follow.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn list(
        &self,
        org: Uuid,
        stage: Option<Stage>,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Vec<Request>, Option<Uuid>), Error> {
        let mut tx = self.writes.begin(org).await?;
        let mut found = store::list(&mut tx, stage, after, limit).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| more).map(|last| last.id);
        Ok((found, next))
    }

    /// Tells of requests that are due soon or overdue, each once.
    ///
    /// # Errors
    /// The store's trouble: call it again.
    pub async fn tell_due(&self) -> Result<(), Error> {
        let now = self.writes.clock().now();
        let mut tx = self.writes.pools().writer.begin().await?;
        let due = store::due(&mut tx, now + AHEAD).await?;
        drop(tx);
        for (org, id) in due {
            let mut tx = self.writes.begin(org).await?;
            let found = store::lock(&mut tx, id).await?;
            if let Some(told) = found.told(now) {
                self.finish(tx, &Actor::system(org), &told, "due").await?;
            }
        }
        Ok(())
    }

    /// Takes note that one of those who erase has done it.
    async fn erased_by(&self, actor: &Actor, id: Uuid, who: &str) -> Result<(), Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let found = match store::lock(&mut tx, id).await {
            Err(Error::Refused(Refusal::Privacy(PrivacyRefusal::NotFound))) => return Ok(()),
            found => found?,
        };
        let Some(next) = found.erased_by(who, self.writes.clock().now()) else {
            return Ok(());
        };
        let verb = if next.stage == Stage::Completed {
            "completed"
        } else {
            "updated"
        };
        self.finish(tx, actor, &next, verb).await
    }

    async fn finish(
        &self,
        mut tx: TenantTx,
        actor: &Actor,
        request: &Request,
        verb: &str,
    ) -> Result<(), Error> {
        store::save(&mut tx, request).await?;
        let event = self.event(actor, request, verb);
        self.writes.store(tx, &[event]).await?;
        Ok(())
    }

    fn event(&self, actor: &Actor, request: &Request, verb: &str) -> NewEvent {
        let action = match verb {
            "received" => "receive",
            "updated" => "update",
            "completed" => "complete",
            "refused" => "refuse",
            "erasing" => "erase",
            other => other,
        };
        let about = About {
            id: &PrivacyRequestId(request.id).to_string(),
            version: request.version,
            verb,
            action: &format!("privacy.{action}"),
            reason_code: "",
        };
        self.writes.event(actor, about, &request.fact())
    }
}

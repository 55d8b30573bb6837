//! Identity providers of organisations, and the keys their people's tokens are checked with. Control
//! asks for the keys and states them as facts; everybody else checks offline.

mod discovery;
mod domain;
mod store;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;
use writ_contract::IssuerId;
use writ_egress::client::BuildError;
use writ_pg::{NewEvent, TenantTx};

use self::discovery::Discovery;
pub use self::discovery::Unread;
pub use self::domain::{Body, Issuer, Key, Terms};
use crate::config::OidcConfig;
use crate::error::{Error, Refusal};
use crate::write::{About, Actor, Writes};

/// How often it is looked whose keys are to be read again.
const LOOK: Duration = Duration::from_secs(5);

/// The identity providers of all organisations.
#[derive(Debug, Clone)]
pub struct Issuers {
    writes: Writes,
    discovery: Arc<Discovery>,
    reread_every: TimeDelta,
    believed_for: TimeDelta,
}

impl Issuers {
    /// Over what modules write with.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(writes: Writes, config: &OidcConfig) -> Result<Self, BuildError> {
        let delta = |time: Duration| TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
        Ok(Self {
            writes,
            discovery: Arc::new(Discovery::new(&config.internal_hosts)?),
            reread_every: delta(config.reread_every.get()),
            believed_for: delta(config.believed_for.get()),
        })
    }

    /// Registers an issuer, which has to answer; the flag says whether the request is not a repeat.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::IssuerExists`], [`Refusal::IssuerUnread`], or the store's
    /// trouble.
    pub async fn register(&self, actor: &Actor, body: &Body) -> Result<(Issuer, bool), Error> {
        let now = self.writes.clock().now();
        let issuer = body.register(self.writes.new_id(), now)?;
        let issuer = self.asked(issuer).await?;
        let mut tx = self.writes.begin(actor.org).await?;
        if let Some(earlier) = actor.repeats(&mut tx, issuer.id).await? {
            return Ok((store::ever(&mut tx, earlier).await?, false));
        }
        if store::is_there(&mut tx, &issuer.issuer).await? {
            return Err(Refusal::IssuerExists.into());
        }
        let issuer = Issuer {
            version: 1,
            ..issuer
        };
        self.finish(tx, actor, &issuer, "registered").await?;
        Ok((issuer, true))
    }

    /// Changes what its tokens mean, and asks for its keys again. `if_match` is the version the
    /// caller has seen.
    ///
    /// # Errors
    /// As for [`Issuers::register`], [`Refusal::IssuerNotFound`], [`Refusal::VersionMismatch`].
    pub async fn update(
        &self,
        actor: &Actor,
        id: Uuid,
        if_match: Option<u64>,
        body: &Body,
    ) -> Result<Issuer, Error> {
        let now = self.writes.clock().now();
        let before = self.get(actor.org, id).await?;
        let keys = self.asked(body.change(&before, now)?).await?.keys;
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::ever(&mut tx, id).await;
        }
        let found = store::lock(&mut tx, id).await?;
        if if_match.is_some_and(|seen| seen != found.version) {
            return Err(Refusal::VersionMismatch {
                current: found.version,
            }
            .into());
        }
        let changed = body.change(&found, now)?;
        let changed = Issuer {
            // One change, however much of it changes.
            version: found.version,
            ..changed.with_keys(keys, self.believed_for, now)
        };
        if (&changed.terms, &changed.name, &changed.keys)
            == (&found.terms, &found.name, &found.keys)
        {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        }
        let changed = Issuer {
            version: found.version + 1,
            ..changed
        };
        self.finish(tx, actor, &changed, "updated").await?;
        Ok(changed)
    }

    /// Removes an issuer: no token of it is believed any more.
    ///
    /// # Errors
    /// [`Refusal::IssuerNotFound`], or the store's trouble.
    pub async fn remove(&self, actor: &Actor, id: Uuid) -> Result<Issuer, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::ever(&mut tx, id).await;
        }
        let removed = store::lock(&mut tx, id).await?;
        let removed = removed.removed(self.writes.clock().now());
        self.finish(tx, actor, &removed, "removed").await?;
        Ok(removed)
    }

    /// One issuer.
    ///
    /// # Errors
    /// [`Refusal::IssuerNotFound`], or the store's trouble.
    pub async fn get(&self, org: Uuid, id: Uuid) -> Result<Issuer, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::find(&mut tx, id).await
    }

    /// The issuers after `after`, in order of their ids, and the id the next ones follow.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn list(
        &self,
        org: Uuid,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Vec<Issuer>, Option<Uuid>), Error> {
        let mut tx = self.writes.begin(org).await?;
        let mut found = store::list(&mut tx, after, limit).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| more).map(|last| last.id);
        Ok((found, next))
    }

    /// Reads keys again, for ever. One that does not answer keeps the keys it had until their time
    /// is over.
    pub async fn keep(&self) {
        loop {
            if let Err(error) = self.reread_due().await {
                tracing::warn!(%error, "keys of issuers could not be kept");
            }
            tokio::time::sleep(LOOK.min(self.reread_every.to_std().unwrap_or(LOOK))).await;
        }
    }

    async fn reread_due(&self) -> Result<(), Error> {
        let now = self.writes.clock().now();
        let mut tx = self.writes.pools().writer.begin().await?;
        let due = store::take_due(&mut tx, now - self.reread_every, now).await?;
        tx.commit().await?;
        for (org, id) in due {
            if let Err(error) = self.reread(org, id).await {
                tracing::warn!(%error, %org, issuer = %id, "keys of an issuer were not read");
            }
        }
        Ok(())
    }

    async fn reread(&self, org: Uuid, id: Uuid) -> Result<(), Error> {
        let asked = self.asked(self.get(org, id).await?).await?;
        let actor = Actor::system(org);
        let mut tx = self.writes.begin(org).await?;
        let found = store::lock(&mut tx, id).await?;
        if found.terms.algorithms != asked.terms.algorithms {
            return Ok(());
        }
        let now = self.writes.clock().now();
        let read = found.with_keys(asked.keys, self.believed_for, now);
        if read.version > found.version {
            return self.finish(tx, &actor, &read, "reread").await;
        }
        Ok(())
    }

    /// With the keys it has now.
    async fn asked(&self, issuer: Issuer) -> Result<Issuer, Error> {
        self.discovery
            .check(&issuer.issuer)
            .map_err(|problem| Refusal::field("issuer", &problem))?;
        let keys = self
            .discovery
            .keys(&issuer.issuer, &issuer.terms.algorithms);
        let keys = keys
            .await
            .map_err(|unread| Refusal::IssuerUnread(unread.to_string()))?;
        let now = self.writes.clock().now();
        Ok(issuer.with_keys(keys, self.believed_for, now))
    }

    async fn finish(
        &self,
        mut tx: TenantTx,
        actor: &Actor,
        issuer: &Issuer,
        verb: &str,
    ) -> Result<(), Error> {
        store::save(&mut tx, issuer).await?;
        let event = self.event(actor, issuer, verb);
        self.writes.commit(tx, &[event]).await
    }

    fn event(&self, actor: &Actor, issuer: &Issuer, verb: &str) -> NewEvent {
        let action = match verb {
            "registered" => "issuer.register",
            "updated" => "issuer.update",
            "removed" => "issuer.remove",
            _ => "issuer.reread",
        };
        let about = About {
            id: &IssuerId(issuer.id).to_string(),
            version: issuer.version,
            verb,
            action,
            reason_code: "",
        };
        self.writes.event(actor, about, &issuer.fact())
    }
}

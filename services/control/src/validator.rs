//! Validators: HTTP services of a customer's that policies may ask, with the secrets that sign what
//! they are asked.

mod domain;
mod store;

use uuid::Uuid;
use writ_contract::ValidatorId;
use writ_egress::Rules;
use writ_pg::TenantTx;
use writ_seal::{Sealed, Sealer};
use writ_service_kit::config::Secret;

pub use domain::{Body, FailMode, Registration, Validator};

use crate::error::{Error, Refusal};
use crate::write::{About, Actor, Writes};

/// The validators of all organisations.
#[derive(Debug, Clone)]
pub struct Validators {
    writes: Writes,
    sealer: Sealer,
    rules: Rules,
}

/// What registering one comes to.
#[derive(Debug)]
pub struct Registered {
    /// The validator.
    pub validator: Validator,
    /// Its secret, when it was made here: shown now and never again.
    pub secret: Option<Secret>,
    /// False when an earlier call had registered it.
    pub is_new: bool,
}

impl Validators {
    /// Over what modules write with, the keys secrets are sealed with, and the rules for URLs.
    #[must_use]
    pub fn new(writes: Writes, sealer: Sealer, rules: Rules) -> Self {
        Self {
            writes,
            sealer,
            rules,
        }
    }

    /// Registers a validator, or finds the one that the same request registered before.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field, or the store's trouble.
    pub async fn register(
        &self,
        actor: &Actor,
        Registration(body): &Registration,
    ) -> Result<Registered, Error> {
        let (id, now) = (self.writes.new_id(), self.writes.clock().now());
        let checked = body.check(&self.rules)?;
        let made = match &body.secret {
            Some(_) => None,
            None => Some(generated()?),
        };
        let secret = body.secret.as_ref().or(made.as_ref());
        let sealed = self.seal(actor.org, id, secret)?;
        let validator = checked.register(id, sealed, now)?;
        let mut tx = self.writes.begin(actor.org).await?;
        if let Some(earlier) = actor.repeats(&mut tx, id).await? {
            return Ok(Registered {
                validator: store::ever(&mut tx, earlier).await?,
                secret: None,
                is_new: false,
            });
        }
        store::insert(&mut tx, &validator).await?;
        self.finish(tx, actor, &validator, "registered").await?;
        Ok(Registered {
            validator,
            secret: made,
            is_new: true,
        })
    }

    /// Changes a validator: named fields are replaced. `if_match` is the version the caller has
    /// seen.
    ///
    /// # Errors
    /// As for [`Validators::register`], [`Refusal::ValidatorNotFound`],
    /// [`Refusal::VersionMismatch`].
    pub async fn update(
        &self,
        actor: &Actor,
        id: Uuid,
        if_match: Option<u64>,
        body: &Body,
    ) -> Result<Validator, Error> {
        let checked = body.check(&self.rules)?;
        let sealed = match &body.secret {
            Some(secret) => Some(self.seal(actor.org, id, Some(secret))?),
            None => None,
        };
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::ever(&mut tx, id).await;
        }
        let found = seen(store::lock(&mut tx, id).await?, if_match)?;
        let changed = checked.change(&found, sealed, self.writes.clock().now());
        if changed == found {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        }
        store::update(&mut tx, &changed).await?;
        self.finish(tx, actor, &changed, "updated").await?;
        Ok(changed)
    }

    /// Deletes a validator that no policy asks. A policy written at the same moment fails closed.
    ///
    /// # Errors
    /// [`Refusal::ValidatorNotFound`], [`Refusal::VersionMismatch`], [`Refusal::ValidatorInUse`], or
    /// the store's trouble.
    pub async fn delete(
        &self,
        actor: &Actor,
        id: Uuid,
        if_match: Option<u64>,
    ) -> Result<Validator, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::ever(&mut tx, id).await;
        }
        let found = seen(store::lock(&mut tx, id).await?, if_match)?;
        let policies = store::asked_by(&mut tx, id).await?;
        if !policies.is_empty() {
            return Err(Refusal::ValidatorInUse(policies).into());
        }
        let deleted = found.deleted(self.writes.clock().now());
        store::update(&mut tx, &deleted).await?;
        self.finish(tx, actor, &deleted, "deleted").await?;
        Ok(deleted)
    }

    /// One validator.
    ///
    /// # Errors
    /// [`Refusal::ValidatorNotFound`], or the store's trouble.
    pub async fn get(&self, org: Uuid, id: Uuid) -> Result<Validator, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::find(&mut tx, id).await
    }

    /// The validators after `after`, in order of their ids, and the id the next ones follow.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn list(
        &self,
        org: Uuid,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Vec<Validator>, Option<Uuid>), Error> {
        let mut tx = self.writes.begin(org).await?;
        let mut found = store::list(&mut tx, after, limit).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| more).map(|last| last.id);
        Ok((found, next))
    }

    fn seal(&self, org: Uuid, id: Uuid, secret: Option<&Secret>) -> Result<Sealed, Error> {
        let text = secret.map(Secret::expose).unwrap_or_default();
        let sealed = self
            .sealer
            .seal(text, &Validator::place(org, id), random()?);
        sealed.map_err(|error| Error::Bug(error.to_string()))
    }

    async fn finish(
        &self,
        tx: TenantTx,
        actor: &Actor,
        validator: &Validator,
        verb: &str,
    ) -> Result<(), Error> {
        let about = About {
            id: &ValidatorId(validator.id).to_string(),
            version: validator.version,
            verb,
            action: &format!("validator.{verb}"),
            reason_code: "",
        };
        let event = self.writes.event(actor, about, &validator.fact());
        self.writes.commit(tx, &[event]).await
    }
}

fn seen(found: Validator, if_match: Option<u64>) -> Result<Validator, Refusal> {
    let current = found.version;
    if if_match.is_some_and(|seen| seen != current) {
        return Err(Refusal::VersionMismatch { current });
    }
    Ok(found)
}

/// A secret of 256 random bits, as text that is used as it stands.
fn generated() -> Result<Secret, Error> {
    let bytes: [u8; 32] = random()?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Secret::new(format!("vsec_{digits}")))
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Bug(format!("no random bytes: {error}")))?;
    Ok(bytes)
}

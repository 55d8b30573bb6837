//! Policies: what agents may not do, versioned, checked before they are stored.

mod body;
mod chain;
mod domain;
mod exception;
mod mark;
mod said;
mod store;

use uuid::Uuid;
use writ_contract::PolicyId;
use writ_pg::TenantTx;

pub use body::Body;
pub use domain::{Policy, Targets};
pub use exception::{Except, Exception};
pub use mark::{Mark, Say};
pub use said::Said;
pub use store::{Page, Version};

use crate::error::{Error, Refusal};
use crate::write::{About, Actor, Writes};

/// The policies of all organisations.
#[derive(Debug, Clone)]
pub struct Policies {
    writes: Writes,
}

/// The outcome of a create.
#[derive(Debug)]
pub struct Created {
    /// The policy.
    pub policy: Policy,
    /// False when an earlier call had created it.
    pub is_new: bool,
}

impl Policies {
    /// Over what modules write with.
    #[must_use]
    pub fn new(writes: Writes) -> Self {
        Self { writes }
    }

    /// Creates a policy, version 1, or finds the one that the same request created before. `targets`
    /// says what is known of the agents it names, `most` how many policies the plan allows.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field, [`Refusal::NotOwned`],
    /// [`Refusal::PolicyCircle`], [`Refusal::PlanLimit`], or the store's trouble.
    pub async fn create(
        &self,
        actor: &Actor,
        body: &Body,
        targets: &Targets,
        most: Option<u64>,
    ) -> Result<Created, Error> {
        let now = self.writes.clock().now();
        let policy = Policy::new(self.writes.new_id(), body, targets, now)?;
        let mut tx = self.writes.begin(actor.org).await?;
        if let Some(earlier) = actor.repeats(&mut tx, policy.id).await? {
            let policy = store::ever(&mut tx, earlier).await?;
            return Ok(Created {
                policy,
                is_new: false,
            });
        }
        if !policy.prerequisites.is_empty() || most.is_some() {
            store::chains_alone(&mut tx).await?;
            fits(&mut tx, &policy).await?;
        }
        if let Some(max) = most {
            let there = store::count(&mut tx).await?;
            Refusal::unless_room("policies", "maxPolicies", there, max)?;
        }
        store::insert(&mut tx, &policy).await?;
        self.finish(tx, actor, &policy, "created").await?;
        Ok(Created {
            policy,
            is_new: true,
        })
    }

    /// Changes a policy: named fields are replaced. `if_match` is the version the caller has seen.
    ///
    /// # Errors
    /// As for [`Policies::create`], [`Refusal::PolicyNotFound`], [`Refusal::VersionMismatch`].
    pub async fn update(
        &self,
        actor: &Actor,
        id: Uuid,
        if_match: Option<u64>,
        body: &Body,
        targets: &Targets,
    ) -> Result<Policy, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::ever(&mut tx, id).await;
        }
        if body.chains() {
            store::chains_alone(&mut tx).await?;
        }
        let found = seen(store::lock(&mut tx, id).await?, if_match)?;
        let changed = found.patched(body, targets, self.writes.clock().now())?;
        if changed == found {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        }
        if changed.prerequisites != found.prerequisites {
            fits(&mut tx, &changed).await?;
        }
        store::update(&mut tx, &changed).await?;
        let verb = if found.is_active && !changed.is_active {
            "deactivated"
        } else {
            "updated"
        };
        self.finish(tx, actor, &changed, verb).await?;
        Ok(changed)
    }

    /// Deletes a policy: it is judged no more, its versions stay.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotFound`], [`Refusal::VersionMismatch`], [`Refusal::NotOwned`],
    /// [`Refusal::PolicyAwaited`], or the store's trouble.
    pub async fn delete(
        &self,
        actor: &Actor,
        id: Uuid,
        if_match: Option<u64>,
        targets: &Targets,
    ) -> Result<Policy, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::ever(&mut tx, id).await;
        }
        store::chains_alone(&mut tx).await?;
        let found = seen(store::lock(&mut tx, id).await?, if_match)?;
        let deleted = found.deleted(targets, self.writes.clock().now())?;
        let waiting = store::waiting_for(&mut tx, id).await?;
        if !waiting.is_empty() {
            return Err(Refusal::PolicyAwaited(waiting).into());
        }
        store::update(&mut tx, &deleted).await?;
        self.finish(tx, actor, &deleted, "deleted").await?;
        Ok(deleted)
    }

    /// One policy.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotFound`], or the store's trouble.
    pub async fn get(&self, org: Uuid, id: Uuid) -> Result<Policy, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::find(&mut tx, id).await
    }

    /// One policy, even when it was deleted.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotFound`], or the store's trouble.
    pub async fn ever(&self, org: Uuid, id: Uuid) -> Result<Policy, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::ever(&mut tx, id).await
    }

    /// A page of policies in the order of their ids.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn list(&self, org: Uuid, after: Option<Uuid>, limit: u32) -> Result<Page, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::list(&mut tx, after, limit).await
    }

    /// How many policies there are.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn count(&self, org: Uuid) -> Result<u64, Error> {
        let mut tx = self.writes.begin(org).await?;
        Ok(store::count(&mut tx).await?)
    }

    /// Versions of a policy below `before`, the newest first.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotFound`], or the store's trouble.
    pub async fn versions(
        &self,
        org: Uuid,
        id: Uuid,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Version>, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::versions(&mut tx, id, before, limit).await
    }

    /// What a version said, as a body that says it again.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when there is no such version, or it was the deletion.
    pub async fn body_of(&self, org: Uuid, id: Uuid, version: u64) -> Result<Body, Error> {
        let mut tx = self.writes.begin(org).await?;
        let said = store::version(&mut tx, id, version).await?;
        Ok(Body::saying(said)?)
    }

    /// Makes a policy say again what it said in an earlier version, as a version of its own.
    ///
    /// # Errors
    /// As for [`Policies::update`].
    pub async fn rollback(
        &self,
        actor: &Actor,
        id: Uuid,
        if_match: Option<u64>,
        body: &Body,
        targets: &Targets,
    ) -> Result<Policy, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::ever(&mut tx, id).await;
        }
        store::chains_alone(&mut tx).await?;
        let found = seen(store::lock(&mut tx, id).await?, if_match)?;
        let changed = found.rolled_back(body, targets, self.writes.clock().now())?;
        if changed == found {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        }
        fits(&mut tx, &changed).await?;
        store::update(&mut tx, &changed).await?;
        self.finish(tx, actor, &changed, "restored").await?;
        Ok(changed)
    }

    /// Adds an exception for an agent, or for every one.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::PolicyNotFound`], [`Refusal::NotOwned`], or the store's
    /// trouble.
    pub async fn except(
        &self,
        actor: &Actor,
        id: Uuid,
        agent: Option<Uuid>,
        command: &Except,
        targets: &Targets,
    ) -> Result<Policy, Error> {
        let now = self.writes.clock().now();
        let exception = command.checked(self.writes.new_id(), agent, &actor.name, now)?;
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::ever(&mut tx, id).await;
        }
        let found = store::lock(&mut tx, id).await?;
        let changed = found.excepting(exception, targets, now)?;
        store::update(&mut tx, &changed).await?;
        self.finish(tx, actor, &changed, "waived").await?;
        Ok(changed)
    }

    /// Takes an exception back: the policy is judged again.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotFound`], [`Refusal::ExceptionNotFound`], [`Refusal::NotOwned`], or the
    /// store's trouble.
    pub async fn end_exception(
        &self,
        actor: &Actor,
        id: Uuid,
        exception: Uuid,
        targets: &Targets,
    ) -> Result<Policy, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::ever(&mut tx, id).await;
        }
        let found = store::lock(&mut tx, id).await?;
        let now = self.writes.clock().now();
        let changed = found.no_longer_excepting(exception, targets, now)?;
        store::update(&mut tx, &changed).await?;
        self.finish(tx, actor, &changed, "reinstated").await?;
        Ok(changed)
    }

    async fn finish(
        &self,
        mut tx: TenantTx,
        actor: &Actor,
        policy: &Policy,
        verb: &str,
    ) -> Result<(), Error> {
        store::remember(&mut tx, policy, &actor.name).await?;
        let id = PolicyId(policy.id).to_string();
        let action = format!("policy.{}", verb.trim_end_matches('d'));
        let version = policy.version;
        let about = About {
            id: &id,
            version,
            verb,
            action: &action,
            reason_code: "",
        };
        let event = self.writes.event(actor, about, &policy.fact());
        self.writes.commit(tx, &[event]).await
    }
}

/// Whether a policy may wait for what it names, among the policies there are.
async fn fits(tx: &mut TenantTx, policy: &Policy) -> Result<(), Error> {
    let links = store::links(tx, &policy.prerequisites).await?;
    Ok(chain::check(policy, &links)?)
}

fn seen(found: Policy, if_match: Option<u64>) -> Result<Policy, Refusal> {
    if if_match.is_some_and(|seen| seen != found.version) {
        return Err(Refusal::VersionMismatch {
            current: found.version,
        });
    }
    Ok(found)
}

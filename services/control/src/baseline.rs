//! Tool baselines: the tools an agent was approved with, which the tools it sends are compared with.

mod domain;
mod store;

use uuid::Uuid;
use writ_pg::TenantTx;

pub use domain::{Baseline, Pin, Tool};

use crate::error::Error;
use crate::write::{About, Actor, Writes};

/// The baselines of all organisations.
#[derive(Debug, Clone)]
pub struct Baselines {
    writes: Writes,
}

impl Baselines {
    /// Over what modules write with.
    #[must_use]
    pub fn new(writes: Writes) -> Self {
        Self { writes }
    }

    /// Pins the whole set of an agent's tools in place of what was pinned before. The same set again
    /// changes nothing, so a process may report it at every start.
    ///
    /// # Errors
    /// [`crate::Refusal::Invalid`] with every wrong field, or the store's trouble.
    pub async fn pin(&self, actor: &Actor, agent: Uuid, command: &Pin) -> Result<Baseline, Error> {
        let tools = command.checked()?;
        let (mut tx, found) = self.locked(actor, agent).await?;
        if actor.repeats(&mut tx, agent).await?.is_some() {
            return Ok(found);
        }
        let now = self.writes.clock().now();
        match found.pinned(tools, command.reason(), &actor.name, now) {
            Some(pinned) => self.save(tx, actor, pinned, "pinned", "pin").await,
            None => unchanged(tx, actor, found).await,
        }
    }

    /// Lifts an agent's baseline: its tools are compared with nothing.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn remove(&self, actor: &Actor, agent: Uuid) -> Result<Baseline, Error> {
        let (mut tx, found) = self.locked(actor, agent).await?;
        if actor.repeats(&mut tx, agent).await?.is_some() {
            return Ok(found);
        }
        match found.removed(&actor.name, self.writes.clock().now()) {
            Some(removed) => self.save(tx, actor, removed, "removed", "remove").await,
            None => unchanged(tx, actor, found).await,
        }
    }

    /// What is pinned for an agent; version 0 when nothing ever was.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn get(&self, org: Uuid, agent: Uuid) -> Result<Baseline, Error> {
        let mut tx = self.writes.begin(org).await?;
        let found = store::find(&mut tx, agent).await?;
        Ok(found.unwrap_or_else(|| Baseline::none(agent, self.writes.clock().now())))
    }

    async fn locked(&self, actor: &Actor, agent: Uuid) -> Result<(TenantTx, Baseline), Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let none = Baseline::none(agent, self.writes.clock().now());
        let found = store::lock(&mut tx, &none).await?;
        Ok((tx, found))
    }

    async fn save(
        &self,
        mut tx: TenantTx,
        actor: &Actor,
        baseline: Baseline,
        verb: &str,
        done: &str,
    ) -> Result<Baseline, Error> {
        store::update(&mut tx, &baseline).await?;
        let about = About {
            id: &baseline.agent_id.to_string(),
            version: baseline.version,
            verb,
            action: &format!("baseline.{done}"),
            reason_code: baseline.reason_code(),
        };
        let event = self.writes.event(actor, about, &baseline.fact());
        self.writes.commit(tx, &[event]).await?;
        Ok(baseline)
    }
}

async fn unchanged(tx: TenantTx, actor: &Actor, found: Baseline) -> Result<Baseline, Error> {
    actor.changes_nothing(tx).await?;
    Ok(found)
}

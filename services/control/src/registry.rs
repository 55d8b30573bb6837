//! Agents: who they are, where they run, and what their row says about their switch.

mod agent;
mod check;
mod commands;
mod delegation;
mod grant;
mod owner;
mod pair;
mod store;

use writ_contract::{Envelope, wire};
use writ_pg::{NewEvent, PgError, TenantTx};

pub use agent::{Agent, AgentRef, KillApplied, Strictness};
pub use commands::{Patch, Register, Transfer};
pub use delegation::{Delegation, HandDown};
pub use grant::{Give, Grant};
pub use owner::Holder;
pub use store::{Heartbeat, Page, Search};

use crate::error::{Error, Refusal};
use crate::write::{About, Actor, Writes};

/// The agents of all organisations.
#[derive(Debug, Clone)]
pub struct Registry {
    writes: Writes,
}

impl Registry {
    /// Over what modules write with.
    #[must_use]
    pub fn new(writes: Writes) -> Self {
        Self { writes }
    }

    /// Registers an agent or finds it registered; the flag says whether it is new. However many
    /// processes register the same agent at once, all get the same id. A pause stays. `most` is how
    /// many agents the plan allows, `own` whether one that is there is the caller's own.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::PlanLimit`], or the store's trouble.
    pub async fn register(
        &self,
        actor: &Actor,
        command: &Register,
        most: Option<u64>,
        own: impl Fn(&Agent) -> bool,
    ) -> Result<(Agent, bool), Error> {
        let now = self.writes.clock().now();
        let mut tx = self.writes.begin(actor.org).await?;
        let fresh = Agent::new(self.writes.new_id(), actor.person.as_deref(), command, now)?;
        let repeated = actor.repeats(&mut tx, fresh.id).await?.is_some();
        if !repeated && store::insert(&mut tx, &fresh).await? {
            store::is_no_id(&mut tx, &fresh.external_id).await?;
            has_room(&mut tx, most, true).await?;
            let event = self.event(actor, &fresh, "registered", "agent.register");
            self.writes.commit(tx, &[event]).await?;
            return Ok((fresh, true));
        }
        let reference = AgentRef::exact(&fresh.external_id, &fresh.environment);
        let found = store::lock(&mut tx, &reference).await?;
        if repeated {
            return Ok((found, false));
        }
        let changed = found.reregistered(command, own(&found), now)?;
        if changed == found {
            actor.changes_nothing(tx).await?;
            return Ok((found, false));
        }
        self.save(tx, actor, &changed, "agent.update").await?;
        Ok((changed, false))
    }

    /// Changes an agent. `if_match` is the version the caller has seen, `most` how many agents the
    /// plan allows, for one that comes back.
    ///
    /// # Errors
    /// [`Refusal`], or the store's trouble.
    pub async fn update(
        &self,
        actor: &Actor,
        reference: &AgentRef,
        if_match: Option<u64>,
        patch: &Patch,
        most: Option<u64>,
        may: impl Fn(&Agent) -> Result<(), Refusal>,
    ) -> Result<Agent, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let found = store::lock(&mut tx, reference).await?;
        may(&found)?;
        if actor.repeats(&mut tx, found.id).await?.is_some() {
            return Ok(found);
        }
        if if_match.is_some_and(|seen| seen != found.version) {
            return Err(Refusal::VersionMismatch {
                current: found.version,
            }
            .into());
        }
        let changed = found.patched(patch, self.writes.clock().now())?;
        if found.archived && !changed.archived {
            has_room(&mut tx, most, false).await?;
        }
        if changed == found {
            actor.changes_nothing(tx).await?;
        } else {
            self.save(tx, actor, &changed, "agent.update").await?;
        }
        Ok(changed)
    }

    /// Hands an agent over to other people.
    ///
    /// # Errors
    /// [`Refusal`], or the store's trouble.
    pub async fn transfer(
        &self,
        actor: &Actor,
        reference: &AgentRef,
        transfer: &Transfer,
        may: impl Fn(&Agent) -> Result<(), Refusal>,
    ) -> Result<Agent, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let found = store::lock(&mut tx, reference).await?;
        may(&found)?;
        if actor.repeats(&mut tx, found.id).await?.is_some() {
            return Ok(found);
        }
        let changed = found.transferred(transfer, self.writes.clock().now())?;
        if changed == found {
            actor.changes_nothing(tx).await?;
        } else {
            self.save(tx, actor, &changed, "agent.transfer").await?;
        }
        Ok(changed)
    }

    /// How many agents are not archived.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn count(&self, org: uuid::Uuid) -> Result<u64, Error> {
        let mut tx = self.writes.begin(org).await?;
        Ok(store::count(&mut tx).await?)
    }

    /// Writes a kill that is on the gate into the agent's row; does nothing when the row has it or
    /// a later one. Nobody waits for the replicas: the gate has told them.
    ///
    /// # Errors
    /// [`Refusal::AgentNotFound`], or the store's trouble; the kill holds nevertheless.
    pub async fn apply_kill(&self, actor: &Actor, kill: &KillApplied) -> Result<(), Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let found = store::lock(&mut tx, &AgentRef::Id(kill.agent_id)).await?;
        let Some(changed) = found.killed(kill, self.writes.clock().now()) else {
            return Ok(());
        };
        store::update(&mut tx, &changed).await?;
        let event = self.event(actor, &changed, "updated", "agent.update");
        self.writes.store(tx, &[event]).await?;
        Ok(())
    }

    /// Repeats a wider pause of the gate as a fact of control, which the log keeps for ever; once.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn keep_pause(&self, stated: &Envelope) -> Result<(), Error> {
        let Ok(fact) = stated.open::<wire::Pause>() else {
            tracing::error!(kind = %stated.kind, "a pause of the gate is not readable");
            return Ok(());
        };
        let actor = Actor::after(stated);
        let about = About {
            id: &stated.aggregate_id,
            version: stated.version,
            verb: stated.kind.verb(),
            action: "pause.record",
            reason_code: "",
        };
        let event = self.writes.event(&actor, about, &fact);
        let tx = self.writes.begin(actor.org).await?;
        match self.writes.store(tx, &[event]).await {
            // Written down already, by another replica or in an earlier life.
            Err(Error::Store(PgError::Conflict { .. })) => Ok(()),
            done => done.map(drop),
        }
    }

    /// One agent.
    ///
    /// # Errors
    /// [`Refusal::AgentNotFound`], [`Refusal::AgentAmbiguous`], or the store's trouble.
    pub async fn get(&self, org: uuid::Uuid, reference: &AgentRef) -> Result<Agent, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::find(&mut tx, reference).await
    }

    /// A page of agents, exact matches of the searched text first.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn list(&self, org: uuid::Uuid, search: &Search) -> Result<Page, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::list(&mut tx, search).await
    }

    /// Which of these agents do not exist, and which are not owned by `holder`.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn owned(
        &self,
        org: uuid::Uuid,
        agents: &[uuid::Uuid],
        holder: Option<&Holder>,
    ) -> Result<(Vec<uuid::Uuid>, Vec<uuid::Uuid>), Error> {
        let mut tx = self.writes.begin(org).await?;
        store::owned(&mut tx, agents, holder).await
    }

    /// Writes down when agents were last heard of.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn seen(&self, heartbeats: &[Heartbeat]) -> Result<(), Error> {
        let mut tx = self.writes.pools().writer.begin().await?;
        store::seen(&mut tx, heartbeats).await?;
        Ok(tx.commit().await?)
    }

    /// Grants and delegations do not outlive an agent that is archived.
    async fn save(
        &self,
        mut tx: TenantTx,
        actor: &Actor,
        agent: &Agent,
        action: &str,
    ) -> Result<(), Error> {
        store::update(&mut tx, agent).await?;
        let mut events = vec![self.event(actor, agent, "updated", action)];
        if agent.archived {
            let (agent, now) = (agent.id, agent.updated_at);
            let (writes, tx) = (&self.writes, &mut tx);
            events.extend(grant::revoke_all_of(writes, tx, actor, agent, now).await?);
            events.extend(delegation::revoke_all_of(writes, tx, actor, agent, now).await?);
        }
        self.writes.commit(tx, &events).await
    }

    fn event(&self, actor: &Actor, agent: &Agent, verb: &str, action: &str) -> NewEvent {
        let id = agent.id.to_string();
        let about = About {
            id: &id,
            version: agent.version,
            verb,
            action,
            reason_code: "",
        };
        self.writes.event(actor, about, &agent.fact())
    }
}

/// Whether the plan has room for one more agent; `written` says whether that one is a row already.
async fn has_room(tx: &mut TenantTx, most: Option<u64>, written: bool) -> Result<(), Error> {
    let Some(max) = most else {
        return Ok(());
    };
    let others = store::count_alone(tx)
        .await?
        .saturating_sub(u64::from(written));
    Ok(Refusal::unless_room("agents", "maxAgents", others, max)?)
}

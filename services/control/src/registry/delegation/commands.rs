//! Handing down and revoking.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_contract::DelegationId;
use writ_pg::{NewEvent, TenantTx};

use super::{Delegation, HandDown, store};
use crate::error::{Error, Refusal};
use crate::registry::pair::both;
use crate::registry::{Agent, AgentRef, Registry, store as agents};
use crate::write::{About, Actor, Writes};

impl Registry {
    /// Hands down; `may` is asked about both agents. The flag says whether the delegation is new:
    /// the same request sent again finds the one it made.
    ///
    /// # Errors
    /// [`Refusal::AgentNotFound`], [`Refusal::AgentAmbiguous`], [`Refusal::DelegationNotFound`],
    /// [`Refusal::Invalid`], what `may` says, or the store's trouble.
    pub async fn delegate(
        &self,
        actor: &Actor,
        agent: &AgentRef,
        command: &HandDown,
        may: impl Fn(&Agent, &Agent) -> Result<(), Refusal>,
    ) -> Result<(Delegation, bool), Error> {
        let (id, now) = (self.writes.new_id(), self.writes.clock().now());
        let mut tx = self.writes.begin(actor.org).await?;
        let (agent, to) = both(&mut tx, agent, &command.to).await?;
        may(&agent, &to)?;
        if let Some(earlier) = actor.repeats(&mut tx, id).await? {
            return Ok((store::find(&mut tx, earlier).await?, false));
        }
        let parent = match &command.parent_delegation_id {
            Some(parent) => Some(live(&mut tx, parent, agent.id, now).await?),
            None => None,
        };
        let made = command.make(id, (&agent, &to), parent.as_ref(), now)?;
        store::insert(&mut tx, &made).await?;
        let event = event(&self.writes, actor, &made, "given");
        self.writes.commit(tx, &[event]).await?;
        Ok((made, true))
    }

    /// The delegations an agent has made or been given that are in force, in order of their ids,
    /// and the id the next ones follow.
    ///
    /// # Errors
    /// [`Refusal::AgentNotFound`], [`Refusal::AgentAmbiguous`], or the store's trouble.
    pub async fn delegations(
        &self,
        org: Uuid,
        agent: &AgentRef,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Vec<Delegation>, Option<Uuid>), Error> {
        let now = self.writes.clock().now();
        let mut tx = self.writes.begin(org).await?;
        let agent = agents::find(&mut tx, agent).await?;
        let mut found = store::list(&mut tx, agent.id, now, after, limit).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| more).map(|last| last.id);
        Ok((found, next))
    }

    /// Revokes a delegation an agent has made, and all that were made from it. Revoking it again
    /// changes nothing.
    ///
    /// # Errors
    /// [`Refusal::AgentNotFound`], [`Refusal::DelegationNotFound`], what `may` says, or the store's
    /// trouble.
    pub async fn revoke_delegation(
        &self,
        actor: &Actor,
        agent: &AgentRef,
        id: Uuid,
        may: impl Fn(&Agent) -> Result<(), Refusal>,
    ) -> Result<Delegation, Error> {
        let now = self.writes.clock().now();
        let mut tx = self.writes.begin(actor.org).await?;
        let agent = agents::find(&mut tx, agent).await?;
        let found = store::lock(&mut tx, id).await?;
        if found.agent != agent.id {
            return Err(Refusal::DelegationNotFound.into());
        }
        may(&agent)?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return Ok(found);
        }
        let Some(revoked) = found.revoked(now) else {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        };
        let under = store::lock_under(&mut tx, id).await?;
        let events = revoke(&self.writes, &mut tx, actor, under, now).await?;
        self.writes.commit(tx, &events).await?;
        Ok(revoked)
    }
}

/// Revokes every delegation an agent has a part in, in the transaction that archives it.
pub(in crate::registry) async fn revoke_all_of(
    writes: &Writes,
    tx: &mut TenantTx,
    actor: &Actor,
    agent: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<NewEvent>, Error> {
    let all = store::lock_all_of(tx, agent).await?;
    revoke(writes, tx, actor, all, now).await
}

async fn revoke(
    writes: &Writes,
    tx: &mut TenantTx,
    actor: &Actor,
    all: Vec<Delegation>,
    now: DateTime<Utc>,
) -> Result<Vec<NewEvent>, Error> {
    let mut events = Vec::new();
    for delegation in all {
        if let Some(revoked) = delegation.revoked(now) {
            store::update(tx, &revoked).await?;
            events.push(event(writes, actor, &revoked, "revoked"));
        }
    }
    Ok(events)
}

/// The delegation to this agent, locked, so that it is not revoked while something is made from it.
async fn live(
    tx: &mut TenantTx,
    id: &str,
    agent: Uuid,
    now: DateTime<Utc>,
) -> Result<Delegation, Error> {
    let id: DelegationId = id.parse().map_err(|_| Refusal::DelegationNotFound)?;
    let found = store::lock(tx, id.0).await?;
    let in_force = found.revoked_at.is_none() && found.expires_at > now;
    if found.to == agent && in_force {
        Ok(found)
    } else {
        let why = "is not one to this agent that is in force";
        Err(Refusal::field("parentDelegationId", why).into())
    }
}

fn event(writes: &Writes, actor: &Actor, delegation: &Delegation, verb: &str) -> NewEvent {
    let action = if verb == "given" { "give" } else { "revoke" };
    let about = About {
        id: &DelegationId(delegation.id).to_string(),
        version: delegation.version,
        verb,
        action: &format!("delegation.{action}"),
        reason_code: "",
    };
    writes.event(actor, about, &delegation.fact())
}

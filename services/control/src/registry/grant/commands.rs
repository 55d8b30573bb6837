//! Giving and revoking grants.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_contract::GrantId;
use writ_pg::{NewEvent, TenantTx};

use super::{Give, Grant, store};
use crate::error::{Error, Refusal};
use crate::registry::pair::both;
use crate::registry::{Agent, AgentRef, Registry, store as agents};
use crate::write::{About, Actor, Writes};

impl Registry {
    /// Lets an agent ask another; `may` is asked about both. The flag says whether the grant is
    /// new: the same request sent again finds the one it gave.
    ///
    /// # Errors
    /// [`Refusal::AgentNotFound`], [`Refusal::AgentAmbiguous`], [`Refusal::Invalid`], what `may`
    /// says, or the store's trouble.
    pub async fn grant(
        &self,
        actor: &Actor,
        agent: &AgentRef,
        give: &Give,
        may: impl Fn(&Agent, &Agent) -> Result<(), Refusal>,
    ) -> Result<(Grant, bool), Error> {
        let (id, now) = (self.writes.new_id(), self.writes.clock().now());
        let mut tx = self.writes.begin(actor.org).await?;
        let (agent, target) = both(&mut tx, agent, &give.target_agent_id).await?;
        may(&agent, &target)?;
        if let Some(earlier) = actor.repeats(&mut tx, id).await? {
            return Ok((store::find(&mut tx, agent.id, earlier).await?, false));
        }
        let grant = give.to(id, &agent, &target, now)?;
        store::insert(&mut tx, &grant).await?;
        let event = event(&self.writes, actor, &grant, "given");
        self.writes.commit(tx, &[event]).await?;
        Ok((grant, true))
    }

    /// The grants of an agent that are not revoked, in order of their ids, and the id the next ones
    /// follow.
    ///
    /// # Errors
    /// [`Refusal::AgentNotFound`], [`Refusal::AgentAmbiguous`], or the store's trouble.
    pub async fn grants(
        &self,
        org: Uuid,
        agent: &AgentRef,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Vec<Grant>, Option<Uuid>), Error> {
        let mut tx = self.writes.begin(org).await?;
        let agent = agents::find(&mut tx, agent).await?;
        let mut found = store::list(&mut tx, agent.id, after, limit).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| more).map(|last| last.id);
        Ok((found, next))
    }

    /// Revokes a grant of an agent. Revoking it again changes nothing.
    ///
    /// # Errors
    /// [`Refusal::AgentNotFound`], [`Refusal::GrantNotFound`], what `may` says, or the store's
    /// trouble.
    pub async fn revoke_grant(
        &self,
        actor: &Actor,
        agent: &AgentRef,
        id: Uuid,
        may: impl Fn(&Agent, &Agent) -> Result<(), Refusal>,
    ) -> Result<Grant, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let agent = agents::find(&mut tx, agent).await?;
        let found = store::lock(&mut tx, agent.id, id).await?;
        may(
            &agent,
            &agents::find(&mut tx, &AgentRef::Id(found.target)).await?,
        )?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return Ok(found);
        }
        let Some(revoked) = found.revoked(self.writes.clock().now()) else {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        };
        store::update(&mut tx, &revoked).await?;
        let event = event(&self.writes, actor, &revoked, "revoked");
        self.writes.commit(tx, &[event]).await?;
        Ok(revoked)
    }
}

/// Revokes every grant an agent has or others have over it, in the transaction that archives it.
pub(in crate::registry) async fn revoke_all_of(
    writes: &Writes,
    tx: &mut TenantTx,
    actor: &Actor,
    agent: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<NewEvent>, Error> {
    let mut events = Vec::new();
    for grant in store::lock_all_of(tx, agent).await? {
        if let Some(revoked) = grant.revoked(now) {
            store::update(tx, &revoked).await?;
            events.push(event(writes, actor, &revoked, "revoked"));
        }
    }
    Ok(events)
}

fn event(writes: &Writes, actor: &Actor, grant: &Grant, verb: &str) -> NewEvent {
    let action = if verb == "given" { "give" } else { "revoke" };
    let about = About {
        id: &GrantId(grant.id).to_string(),
        version: grant.version,
        verb,
        action: &format!("grant.{action}"),
        reason_code: "",
    };
    writes.event(actor, about, &grant.fact())
}

//! Two agents that one command is about.

use writ_pg::TenantTx;

use super::{Agent, AgentRef, store};
use crate::error::{Error, Refusal};

/// Both agents, locked in one order whoever asks, so that none is archived meanwhile. An external
/// id names the second in the first one's environment first.
pub(super) async fn both(
    tx: &mut TenantTx,
    agent: &AgentRef,
    other: &str,
) -> Result<(Agent, Agent), Error> {
    let agent = store::find(tx, agent).await?;
    let near = AgentRef::parse(other, Some(&agent.environment));
    let other = match store::find(tx, &near).await {
        Err(Error::Refused(Refusal::AgentNotFound)) => {
            store::find(tx, &AgentRef::parse(other, None)).await?
        }
        found => found?,
    };
    let first = store::lock(tx, &AgentRef::Id(agent.id.min(other.id))).await?;
    let second = store::lock(tx, &AgentRef::Id(agent.id.max(other.id))).await?;
    Ok(if first.id == agent.id {
        (first, second)
    } else {
        (second, first)
    })
}

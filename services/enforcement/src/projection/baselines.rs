//! The tools that agents were approved with.

use std::collections::HashMap;
use std::sync::Arc;

use writ_contract::{AgentId, Envelope, Unreadable, wire};
use writ_policy::ToolDescriptor;

use super::read;

/// Of one organisation.
#[derive(Debug, Default)]
pub(super) struct Baselines(HashMap<AgentId, (u64, Pinned)>);

/// The tools of one agent; `None` when nothing is pinned.
type Pinned = Option<Arc<Vec<ToolDescriptor>>>;

impl Baselines {
    /// What an agent's tools are compared with.
    pub(super) fn get(&self, agent: AgentId) -> Pinned {
        self.0.get(&agent).and_then(|(_, pinned)| pinned.clone())
    }

    /// Takes over a fact, unless a later one is known.
    pub(super) fn apply(&mut self, envelope: &Envelope) -> Result<(), Unreadable> {
        let fact = envelope.open::<wire::Baseline>()?;
        let agent = read::agent_id(&fact.agent_id)?;
        let known = self.0.get(&agent).map_or(0, |(version, _)| *version);
        if envelope.version > known {
            let pinned = fact.tools.into_iter().map(tool).collect();
            let pinned = (!fact.removed).then(|| Arc::new(pinned));
            self.0.insert(agent, (envelope.version, pinned));
        }
        Ok(())
    }
}

/// The digest of the definition covers the description, which is therefore not in the fact.
fn tool(fact: wire::PinnedTool) -> ToolDescriptor {
    ToolDescriptor {
        server: fact.server,
        tool: fact.tool,
        descriptor_hash: fact.descriptor_hash,
        ..ToolDescriptor::default()
    }
}

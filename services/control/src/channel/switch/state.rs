//! One agent's switch.

use std::sync::Arc;

use uuid::Uuid;
use writ_contract::{Acting, AgentId, Pause};

/// An agent's switch and what is needed to speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// Which agent.
    pub agent: Uuid,
    /// The application's id.
    pub external_id: String,
    /// Its name; the external id until its row is known.
    pub name: String,
    /// Its environment.
    pub environment: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Off?
    pub paused: bool,
    /// The operator's words.
    pub reason: String,
    /// Version of the switch.
    pub kill_version: u64,
    /// Version of the agent's row; 0 until it is known.
    pub row_version: u64,
    /// Version of the switch that the row has.
    pub row_kill_version: u64,
    /// Retired.
    pub archived: bool,
    /// The wider pauses that cover it, the oldest first.
    pub covered: Vec<Arc<Pause>>,
}

impl Switch {
    /// A switch of which only the name is known: on, version 0.
    #[must_use]
    pub fn unknown(agent: Uuid, external_id: &str, environment: &str) -> Self {
        Self {
            agent,
            external_id: external_id.to_owned(),
            name: external_id.to_owned(),
            environment: environment.to_owned(),
            tags: Vec::new(),
            paused: false,
            reason: String::new(),
            kill_version: 0,
            row_version: 0,
            row_kill_version: 0,
            archived: false,
            covered: Vec::new(),
        }
    }

    /// `active`, `paused` or `archived`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        if self.archived {
            "archived"
        } else if self.paused || !self.covered.is_empty() {
            "paused"
        } else {
            "active"
        }
    }

    /// `active` or `paused`: what the SDK is told, to which a retired agent is a paused one.
    #[must_use]
    pub fn polled(&self) -> &'static str {
        if self.status() == "active" {
            "active"
        } else {
            "paused"
        }
    }

    /// Why it is paused: its own reason before that of a wider pause.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        if self.paused {
            return Some(self.reason.clone());
        }
        self.covered.first().map(|pause| pause.to_string())
    }

    /// What decides which wider pauses cover it.
    pub(super) fn acting(&self) -> Acting<'_> {
        Acting {
            agent: Some(AgentId(self.agent)),
            external_id: &self.external_id,
            environments: [&self.environment, ""],
            tags: &self.tags,
        }
    }
}

//! What an agent is, and its full state as a fact.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;
use writ_contract::wire;

/// An agent's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// What later calls put into paths.
    pub id: Uuid,
    /// What the application calls it; unique together with the environment.
    pub external_id: String,
    /// For people.
    pub name: String,
    /// `production`, `staging`, …
    pub environment: String,
    /// `chatbot`, `copilot`, …
    pub agent_type: String,
    /// `custom`, `langchain`, …
    pub platform: String,
    /// Free text.
    pub description: Option<String>,
    /// Never in a fact.
    pub owner_email: Option<String>,
    /// Declared by the application.
    pub allowed_data_sources: Vec<String>,
    /// Declared by the application.
    pub allowed_actions: Vec<String>,
    /// Tools that need a human.
    pub requires_human_approval_for: Vec<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// Anything; never in a fact.
    pub metadata: Value,
    /// One of four levels.
    pub autonomy_level: Option<String>,
    /// Whether a trace that says it succeeded must bring evidence.
    pub strictness: Strictness,
    /// What somebody says it can do, beside what its registration says.
    pub declared: Vec<String>,
    /// `per_` ids of those who may write policies for it.
    pub owners: Vec<String>,
    /// Teams whose members may, too.
    pub teams: Vec<String>,
    /// As of `kill_version`.
    pub paused: bool,
    /// The words of the last pause; empty when active.
    pub pause_reason: String,
    /// Version of the last kill in this row.
    pub kill_version: u64,
    /// Retired: it may no longer act.
    pub archived: bool,
    /// Dense from 1.
    pub version: u64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was last heard of.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// Whether a trace that says it succeeded must bring evidence of its effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strictness {
    /// It need not.
    #[default]
    Standard,
    /// It must, or is refused.
    Strict,
}

impl Strictness {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Strict => "strict",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "standard" => Some(Self::Standard),
            "strict" => Some(Self::Strict),
            _ => None,
        }
    }
}

/// How a path names an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentRef {
    /// By its UUID.
    Id(Uuid),
    /// By the application's id, in one environment or the only one it is in.
    External(String, Option<String>),
}

/// A pause or resume that is on the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillApplied {
    /// Whose switch.
    pub agent_id: Uuid,
    /// Version of the switch.
    pub version: u64,
    /// On or off.
    pub paused: bool,
    /// The operator's words.
    pub reason: String,
}

impl AgentRef {
    /// Reads a path segment.
    #[must_use]
    pub fn parse(text: &str, environment: Option<&str>) -> Self {
        match Uuid::try_parse(text) {
            Ok(id) => Self::Id(id),
            Err(_) => Self::External(text.to_owned(), environment.map(str::to_owned)),
        }
    }

    /// An agent by the application's id in one environment.
    #[must_use]
    pub fn exact(external_id: &str, environment: &str) -> Self {
        Self::External(external_id.to_owned(), Some(environment.to_owned()))
    }
}

impl Agent {
    /// After a kill; `None` when the row has it already.
    #[must_use]
    pub fn killed(&self, kill: &KillApplied, now: DateTime<Utc>) -> Option<Self> {
        (kill.version > self.kill_version).then(|| Self {
            paused: kill.paused,
            pause_reason: if kill.paused {
                kill.reason.clone()
            } else {
                String::new()
            },
            kill_version: kill.version,
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        })
    }

    /// The full state as a fact: no e-mail, no description, no metadata.
    #[must_use]
    pub fn fact(&self) -> wire::Agent {
        wire::Agent {
            agent_id: self.id.as_bytes().to_vec(),
            external_id: self.external_id.clone(),
            name: self.name.clone(),
            environment: self.environment.clone(),
            agent_type: self.agent_type.clone(),
            platform: self.platform.clone(),
            tags: self.tags.clone(),
            allowed_actions: self.allowed_actions.clone(),
            allowed_data_sources: self.allowed_data_sources.clone(),
            requires_human_approval_for: self.requires_human_approval_for.clone(),
            autonomy_level: self.autonomy_level.clone().unwrap_or_default(),
            kill_version: self.kill_version,
            paused: self.paused,
            pause_reason: self.pause_reason.clone(),
            archived: self.archived,
            outcome_strictness: self.strictness.as_str().to_owned(),
        }
    }

    /// What the agent can do: what was declared, here or in its metadata, allowed actions and tags.
    #[must_use]
    pub fn capabilities(&self) -> Vec<String> {
        let said = self.metadata.get("capabilities").and_then(Value::as_array);
        let said = said.into_iter().flatten().filter_map(Value::as_str);
        let mut all: Vec<String> = said.map(str::to_owned).collect();
        let own = self.declared.iter().chain(&self.allowed_actions);
        all.extend(own.chain(&self.tags).cloned());
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::commands::Register;
    use super::*;

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(secs, 0).unwrap()
    }

    fn agent(json: &str) -> Agent {
        let command: Register = serde_json::from_str(json).unwrap();
        Agent::new(Uuid::nil(), Some("per_1"), &command, at(0)).unwrap()
    }

    #[test]
    fn an_older_kill_does_not_turn_the_switch_back() {
        let kill = |version, paused| KillApplied {
            agent_id: Uuid::nil(),
            version,
            paused,
            reason: "r".to_owned(),
        };
        let resumed = agent(r#"{"agentId":"a"}"#)
            .killed(&kill(2, false), at(1))
            .unwrap();
        assert_eq!(resumed.killed(&kill(1, true), at(2)), None);
        assert_eq!(resumed.killed(&kill(2, true), at(2)), None);
    }

    #[test]
    fn a_fact_holds_no_personal_data() {
        let agent = agent(
            r#"{"agentId":"a","ownerEmail":"p@x.org","description":"secret words","metadata":{"k":"hidden"}}"#,
        );
        let shown = format!("{:?}", agent.fact());
        for private in ["p@x.org", "secret words", "hidden"] {
            assert!(!shown.contains(private), "{shown}");
        }
    }
}

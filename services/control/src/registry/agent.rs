//! What an agent is and how commands change it: functions of values.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use writ_contract::wire;

use crate::error::Refusal;

const TEXT: usize = 256;
const LONG_TEXT: usize = 4_096;
const LIST: usize = 200;
const METADATA: usize = 64 * 1024;
const AUTONOMY: [&str; 4] = ["observe", "advise", "act_with_approval", "autonomous"];

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
    /// `per_` ids of those who may write policies for it.
    pub owners: Vec<String>,
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

/// How a path names an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentRef {
    /// By its UUID.
    Id(Uuid),
    /// By the application's id, in one environment or the only one it is in.
    External(String, Option<String>),
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

/// `POST /agents`: sent by the SDK at every process start. Absent fields stay as they are.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Register {
    /// Required.
    pub agent_id: Option<String>,
    /// Default: the agent id.
    pub name: Option<String>,
    /// Default `production`.
    pub environment: Option<String>,
    /// What a patch may change too.
    #[serde(flatten)]
    pub details: Details,
}

/// `PATCH /agents/{id}`; unknown fields are refused by the caller of serde.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    name: Option<String>,
    r#type: Option<String>,
    platform: Option<String>,
    description: Option<String>,
    owner_email: Option<String>,
    allowed_data_sources: Option<Vec<String>>,
    allowed_actions: Option<Vec<String>>,
    requires_human_approval_for: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    metadata: Option<Map<String, Value>>,
    autonomy_level: Option<String>,
    /// Retires the agent or brings it back.
    pub archived: Option<bool>,
}

/// The fields that registration and patch share.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Details {
    r#type: Option<String>,
    platform: Option<String>,
    description: Option<String>,
    owner_email: Option<String>,
    allowed_data_sources: Option<Vec<String>>,
    allowed_actions: Option<Vec<String>>,
    requires_human_approval_for: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    metadata: Option<Map<String, Value>>,
    autonomy_level: Option<String>,
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

impl Agent {
    /// A newly registered agent, version 1.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub fn new(
        id: Uuid,
        person: Option<&str>,
        command: &Register,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let external_id = command.agent_id.clone().unwrap_or_default();
        let agent = Self {
            id,
            name: filled(command.name.as_ref()).unwrap_or_else(|| external_id.clone()),
            external_id,
            environment: filled(command.environment.as_ref())
                .unwrap_or_else(|| "production".to_owned()),
            agent_type: "chatbot".to_owned(),
            platform: "custom".to_owned(),
            description: None,
            owner_email: None,
            allowed_data_sources: Vec::new(),
            allowed_actions: Vec::new(),
            requires_human_approval_for: Vec::new(),
            tags: Vec::new(),
            metadata: Value::Object(Map::new()),
            autonomy_level: None,
            owners: person.map(str::to_owned).into_iter().collect(),
            paused: false,
            pause_reason: String::new(),
            kill_version: 0,
            archived: false,
            version: 1,
            created_at: now,
            updated_at: now,
            last_seen_at: None,
        };
        agent.with(&command.details).checked()
    }

    /// After the same agent registered again: named fields are taken over, a pause stays.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub fn reregistered(&self, command: &Register, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let mut next = self.clone().with(&command.details);
        if let Some(name) = filled(command.name.as_ref()) {
            next.name = name;
        }
        self.succeeded_by(next, now)
    }

    /// After a patch.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub fn patched(&self, patch: &Patch, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let mut next = self.clone().with(&patch.details());
        if let Some(name) = &patch.name {
            next.name.clone_from(name);
        }
        if let Some(archived) = patch.archived {
            next.archived = archived;
        }
        self.succeeded_by(next, now)
    }

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
        }
    }

    /// What the agent says it can do: declared capabilities, allowed actions and tags.
    #[must_use]
    pub fn capabilities(&self) -> Vec<String> {
        let declared = self.metadata.get("capabilities").and_then(Value::as_array);
        let declared = declared.into_iter().flatten().filter_map(Value::as_str);
        let mut all: Vec<String> = declared.map(str::to_owned).collect();
        all.extend(self.allowed_actions.iter().chain(&self.tags).cloned());
        all.sort_unstable();
        all.dedup();
        all
    }

    fn with(mut self, details: &Details) -> Self {
        let text = |to: &mut String, from: &Option<String>| {
            if let Some(from) = filled(from.as_ref()) {
                *to = from;
            }
        };
        let list = |to: &mut Vec<String>, from: &Option<Vec<String>>| {
            if let Some(from) = from {
                to.clone_from(from);
            }
        };
        text(&mut self.agent_type, &details.r#type);
        text(&mut self.platform, &details.platform);
        list(
            &mut self.allowed_data_sources,
            &details.allowed_data_sources,
        );
        list(&mut self.allowed_actions, &details.allowed_actions);
        list(
            &mut self.requires_human_approval_for,
            &details.requires_human_approval_for,
        );
        list(&mut self.tags, &details.tags);
        self.description = details.description.clone().or(self.description);
        self.owner_email = details.owner_email.clone().or(self.owner_email);
        self.autonomy_level = details.autonomy_level.clone().or(self.autonomy_level);
        if let Some(metadata) = &details.metadata {
            self.metadata = Value::Object(metadata.clone());
        }
        self
    }

    fn succeeded_by(&self, next: Self, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let next = next.checked()?;
        if next == *self {
            return Ok(next);
        }
        Ok(Self {
            version: self.version + 1,
            updated_at: now,
            ..next
        })
    }

    fn checked(self) -> Result<Self, Refusal> {
        let mut problems = Vec::new();
        let texts = [
            ("agentId", &self.external_id),
            ("name", &self.name),
            ("environment", &self.environment),
            ("type", &self.agent_type),
            ("platform", &self.platform),
        ];
        for (field, text) in texts {
            let length = text.chars().count();
            if text.trim().is_empty() {
                problems.push(format!("{field}: must not be empty"));
            } else if length > TEXT {
                problems.push(format!("{field}: at most {TEXT} characters, not {length}"));
            }
        }
        for (field, text) in [
            ("description", &self.description),
            ("ownerEmail", &self.owner_email),
        ] {
            if text
                .as_ref()
                .is_some_and(|text| text.chars().count() > LONG_TEXT)
            {
                problems.push(format!("{field}: at most {LONG_TEXT} characters"));
            }
        }
        let lists = [
            ("allowedDataSources", &self.allowed_data_sources),
            ("allowedActions", &self.allowed_actions),
            (
                "requiresHumanApprovalFor",
                &self.requires_human_approval_for,
            ),
            ("tags", &self.tags),
        ];
        for (field, list) in lists {
            if list.len() > LIST || list.iter().any(|item| item.chars().count() > TEXT) {
                problems.push(format!(
                    "{field}: at most {LIST} items of {TEXT} characters"
                ));
            }
        }
        if self.metadata.to_string().len() > METADATA {
            problems.push(format!("metadata: at most {METADATA} bytes"));
        }
        if let Some(level) = &self.autonomy_level
            && !AUTONOMY.contains(&level.as_str())
        {
            problems.push(format!("autonomyLevel: one of {}", AUTONOMY.join(", ")));
        }
        if problems.is_empty() {
            Ok(self)
        } else {
            Err(Refusal::Invalid(problems))
        }
    }
}

impl Patch {
    fn details(&self) -> Details {
        Details {
            r#type: self.r#type.clone(),
            platform: self.platform.clone(),
            description: self.description.clone(),
            owner_email: self.owner_email.clone(),
            allowed_data_sources: self.allowed_data_sources.clone(),
            allowed_actions: self.allowed_actions.clone(),
            requires_human_approval_for: self.requires_human_approval_for.clone(),
            tags: self.tags.clone(),
            metadata: self.metadata.clone(),
            autonomy_level: self.autonomy_level.clone(),
        }
    }
}

fn filled(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(secs, 0).unwrap()
    }

    fn register(json: &str) -> Register {
        serde_json::from_str(json).unwrap()
    }

    fn agent() -> Agent {
        Agent::new(
            Uuid::nil(),
            Some("per_1"),
            &register(r#"{"agentId":"a"}"#),
            at(0),
        )
        .unwrap()
    }

    #[test]
    fn a_bare_registration_gets_the_documented_defaults() {
        let agent = agent();
        assert_eq!(
            (agent.name.as_str(), agent.environment.as_str()),
            ("a", "production")
        );
        assert_eq!(
            (agent.agent_type.as_str(), agent.platform.as_str()),
            ("chatbot", "custom")
        );
        assert_eq!(
            (agent.version, agent.owners.as_slice()),
            (1, &["per_1".to_owned()][..])
        );
    }

    #[test]
    fn registering_again_changes_only_what_it_names_and_never_a_pause() {
        let kill = KillApplied {
            agent_id: Uuid::nil(),
            version: 1,
            paused: true,
            reason: "no".to_owned(),
        };
        let paused = agent().killed(&kill, at(1)).unwrap();
        let same = paused
            .reregistered(&register(r#"{"agentId":"a","name":"a"}"#), at(2))
            .unwrap();
        assert_eq!(same, paused, "nothing new, so no new version");
        let command = register(r#"{"agentId":"a","tags":["x"],"description":null,"later":1}"#);
        let tagged = paused.reregistered(&command, at(3)).unwrap();
        assert!(tagged.paused);
        assert_eq!((tagged.version, tagged.tags.len()), (paused.version + 1, 1));
    }

    #[test]
    fn an_older_kill_does_not_turn_the_switch_back() {
        let kill = |version, paused| KillApplied {
            agent_id: Uuid::nil(),
            version,
            paused,
            reason: "r".to_owned(),
        };
        let resumed = agent().killed(&kill(2, false), at(1)).unwrap();
        assert_eq!(resumed.killed(&kill(1, true), at(2)), None);
        assert_eq!(resumed.killed(&kill(2, true), at(2)), None);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let long = "x".repeat(300);
        let command = register(&format!(
            r#"{{"agentId":"","name":"{long}","autonomyLevel":"free","tags":["{long}"]}}"#
        ));
        let Err(Refusal::Invalid(problems)) = Agent::new(Uuid::nil(), None, &command, at(0)) else {
            panic!("it must be refused");
        };
        for field in ["agentId", "name", "autonomyLevel", "tags"] {
            assert!(
                problems.iter().any(|p| p.starts_with(field)),
                "{field} in {problems:?}"
            );
        }
    }

    #[test]
    fn a_fact_holds_no_personal_data() {
        let command = register(
            r#"{"agentId":"a","ownerEmail":"p@x.org","description":"secret words","metadata":{"k":"hidden"}}"#,
        );
        let agent = Agent::new(Uuid::nil(), Some("per_1"), &command, at(0)).unwrap();
        let shown = format!("{:?}", agent.fact());
        for private in ["p@x.org", "secret words", "hidden"] {
            assert!(!shown.contains(private), "{shown}");
        }
    }
}

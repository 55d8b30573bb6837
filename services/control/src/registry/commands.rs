//! How registration and patches change an agent: functions of values.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use writ_contract::PersonId;

use super::agent::{Agent, Strictness};
use super::check::checked;
use crate::error::Refusal;

/// People that an agent may belong to, and teams.
const OWNERS: usize = 20;
/// Characters of a team's name.
const TEAM: usize = 64;

/// `POST /agents`: sent by the SDK at every process start. Absent fields stay as they are.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "AgentRegistration")]
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

/// What changes about an agent; absent fields stay.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "AgentChange")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    name: Option<String>,
    r#type: Option<String>,
    platform: Option<String>,
    description: Option<String>,
    /// The member of this address owns it too; an owner or an admin says so.
    pub owner_email: Option<String>,
    allowed_data_sources: Option<Vec<String>>,
    allowed_actions: Option<Vec<String>>,
    requires_human_approval_for: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    metadata: Option<Map<String, Value>>,
    autonomy_level: Option<String>,
    outcome_strictness: Option<String>,
    capabilities: Option<Vec<String>>,
    /// Retires the agent or brings it back.
    pub archived: Option<bool>,
}

impl Patch {
    /// Whether it changes what the agent is limited to: that acts like a policy.
    #[must_use]
    pub fn limits(&self) -> bool {
        let lists = [
            &self.allowed_data_sources,
            &self.allowed_actions,
            &self.requires_human_approval_for,
        ];
        let words = [&self.autonomy_level, &self.outcome_strictness];
        lists.iter().any(|list| list.is_some()) || words.iter().any(|word| word.is_some())
    }
}

/// Who an agent is handed over to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "AgentTransfer")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transfer {
    /// Who owns it from now on, and nobody else.
    pub owners: Vec<PersonId>,
    /// The member of this address owns it, too.
    #[serde(default)]
    pub owner_email: Option<String>,
    /// And so do the members of these teams.
    #[serde(default)]
    pub teams: Option<Vec<String>>,
}

/// The fields that registration and patch share.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "AgentDetails")]
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
            strictness: Strictness::default(),
            declared: Vec::new(),
            owners: person.map(str::to_owned).into_iter().collect(),
            teams: Vec::new(),
            paused: false,
            pause_reason: String::new(),
            kill_version: 0,
            archived: false,
            version: 1,
            created_at: now,
            updated_at: now,
            last_seen_at: None,
        };
        checked(agent.with(&command.details))
    }

    /// After the same agent registered again: named fields are taken over, a pause stays. When
    /// somebody registers it whose `own` it is not, so does its address, which makes an owner, and
    /// what its owners have it limited to.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub fn reregistered(
        &self,
        command: &Register,
        own: bool,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let mut next = self.clone().with(&command.details);
        if !own {
            next.owner_email.clone_from(&self.owner_email);
        }
        if !own && self.is_owned() {
            next.limit_as(self);
        }
        if let Some(name) = filled(command.name.as_ref()) {
            next.name = name;
        }
        self.succeeded_by(next, now)
    }

    fn limit_as(&mut self, other: &Self) {
        self.allowed_actions.clone_from(&other.allowed_actions);
        self.allowed_data_sources
            .clone_from(&other.allowed_data_sources);
        self.requires_human_approval_for
            .clone_from(&other.requires_human_approval_for);
        self.autonomy_level.clone_from(&other.autonomy_level);
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
        next.archived = patch.archived.unwrap_or(next.archived);
        if let Some(word) = &patch.outcome_strictness {
            let wrong = || Refusal::field("outcomeStrictness", "standard or strict");
            next.strictness = Strictness::read(word).ok_or_else(wrong)?;
        }
        if let Some(capabilities) = &patch.capabilities {
            next.declared.clone_from(capabilities);
        }
        self.succeeded_by(next, now)
    }

    /// After it was handed over: to these people, and to this address if one is named.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub fn transferred(&self, transfer: &Transfer, now: DateTime<Utc>) -> Result<Self, Refusal> {
        if !(1..=OWNERS).contains(&transfer.owners.len()) {
            let problem = format!("1 to {OWNERS} ids of people");
            return Err(Refusal::field("owners", &problem));
        }
        let mut owners: Vec<String> = transfer.owners.iter().map(ToString::to_string).collect();
        owners.sort_unstable();
        owners.dedup();
        let teams = transfer.teams.clone().unwrap_or_default();
        let odd = |team: &String| team.trim().is_empty() || team.chars().count() > TEAM;
        if teams.len() > OWNERS || teams.iter().any(odd) {
            let problem = format!("at most {OWNERS} names of 1 to {TEAM} characters");
            return Err(Refusal::field("teams", &problem));
        }
        let next = Self {
            owners,
            teams,
            owner_email: transfer.owner_email.clone(),
            ..self.clone()
        };
        self.succeeded_by(next, now)
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
        let next = checked(next)?;
        if next == *self {
            return Ok(next);
        }
        Ok(Self {
            version: self.version + 1,
            updated_at: now,
            ..next
        })
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
mod tests;

//! Grants: what one agent may ask of another.

mod commands;
mod store;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use writ_contract::{AgentId, GrantId, wire};

pub(super) use commands::revoke_all_of;

use super::agent::Agent;
use crate::error::Refusal;

/// What can be granted; the words of the product.
const ACTIONS: [&str; 8] = [
    "execute",
    "read",
    "write",
    "delete",
    "invoke",
    "query",
    "subscribe",
    "delegate",
];

/// A grant's row. Its agents and actions never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// `grt_…` on the wire.
    pub id: Uuid,
    /// Who may ask.
    pub agent: Uuid,
    /// Who may be asked.
    pub target: Uuid,
    /// For what; sorted.
    pub allowed_actions: Vec<String>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked, by somebody or because one of its agents was archived.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Dense from 1.
    pub version: u64,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

/// `POST /agents/{id}/grants`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "GrantRequest")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Give {
    /// UUID, or the application's id.
    pub target_agent_id: String,
    /// Of `execute`, `read`, `write`, `delete`, `invoke`, `query`, `subscribe`, `delegate`.
    allowed_actions: Vec<String>,
    /// Absent: until it is revoked.
    expires_at: Option<DateTime<Utc>>,
}

impl Give {
    /// The grant of `agent` over `target`, version 1.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub(super) fn to(
        &self,
        id: Uuid,
        agent: &Agent,
        target: &Agent,
        now: DateTime<Utc>,
    ) -> Result<Grant, Refusal> {
        let mut problems = Vec::new();
        if agent.id == target.id {
            problems.push("targetAgentId: an agent needs no grant for itself".to_owned());
        }
        if agent.archived || target.archived {
            problems.push("targetAgentId: neither agent may be archived".to_owned());
        }
        let mut actions = self.allowed_actions.clone();
        actions.sort_unstable();
        actions.dedup();
        let known = |action: &String| ACTIONS.contains(&action.as_str());
        if actions.is_empty() || !actions.iter().all(known) {
            problems.push(format!(
                "allowedActions: at least one of {}",
                ACTIONS.join(", ")
            ));
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            problems.push("expiresAt: must be in the future".to_owned());
        }
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        Ok(Grant {
            id,
            agent: agent.id,
            target: target.id,
            allowed_actions: actions,
            expires_at: self.expires_at,
            revoked_at: None,
            version: 1,
            created_at: now,
        })
    }
}

impl Grant {
    /// After its revocation; `None` when it is revoked already.
    #[must_use]
    pub fn revoked(&self, now: DateTime<Utc>) -> Option<Self> {
        self.revoked_at.is_none().then(|| Self {
            revoked_at: Some(now),
            version: self.version + 1,
            ..self.clone()
        })
    }

    /// The full state as a fact.
    #[must_use]
    pub fn fact(&self) -> wire::Grant {
        wire::Grant {
            grant_id: GrantId(self.id).to_bytes(),
            agent_id: AgentId(self.agent).to_bytes(),
            target_agent_id: AgentId(self.target).to_bytes(),
            allowed_actions: self.allowed_actions.clone(),
            expires_at_us: self.expires_at.map(|at| at.timestamp_micros()),
            revoked: self.revoked_at.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::commands::Register;
    use super::*;

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(secs, 0).unwrap()
    }

    fn agent(id: u128) -> Agent {
        let command: Register = serde_json::from_str(r#"{"agentId":"a"}"#).unwrap();
        Agent::new(Uuid::from_u128(id), None, &command, at(0)).unwrap()
    }

    fn give(json: &str, target: &Agent) -> Result<Grant, Refusal> {
        let give: Give = serde_json::from_str(json).unwrap();
        give.to(Uuid::nil(), &agent(1), target, at(100))
    }

    #[test]
    fn only_the_eight_actions_can_be_granted_and_each_once() {
        let twice = r#"{"allowedActions":["read","invoke","read"]}"#;
        let grant = give(twice, &agent(2)).unwrap();
        assert_eq!(grant.allowed_actions, ["invoke", "read"]);
        for wrong in [r#"{"allowedActions":[]}"#, r#"{"allowedActions":["fly"]}"#] {
            let refused = give(wrong, &agent(2)).unwrap_err().to_string();
            assert!(refused.starts_with("allowedActions"), "{refused}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let past = r#"{"allowedActions":["fly"],"expiresAt":"1970-01-01T00:00:01Z"}"#;
        let refused = give(past, &agent(1)).unwrap_err().to_string();
        for field in ["targetAgentId", "allowedActions", "expiresAt"] {
            assert!(refused.contains(field), "{field} in {refused}");
        }
        let mut archived = agent(2);
        archived.archived = true;
        assert!(give(r#"{"allowedActions":["read"]}"#, &archived).is_err());
    }

    #[test]
    fn a_grant_is_revoked_once() {
        let grant = give(r#"{"allowedActions":["read"]}"#, &agent(2)).unwrap();
        let revoked = grant.revoked(at(101)).unwrap();
        assert!(revoked.fact().revoked && revoked.version == 2);
        assert_eq!(revoked.revoked(at(102)), None);
    }
}

//! Delegations: an agent hands a part of what it may do down to another, for a while.

mod commands;
mod store;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use writ_access::delegation::{DelegationClaims, LONGEST_S, STEPS, Step};
use writ_contract::{AgentId, DelegationId, wire};

pub(super) use commands::revoke_all_of;

use super::agent::Agent;
use crate::error::Refusal;

const SCOPES: usize = 100;
const SCOPE: usize = 256;
/// How long a delegation lives when nobody says, in seconds.
const LIFE_S: i64 = 3_600;

/// A delegation's row. Nothing of it changes but that it is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// `dlg_…` on the wire.
    pub id: Uuid,
    /// Who hands down.
    pub agent: Uuid,
    /// Who may act under it.
    pub to: Uuid,
    /// Every step of it, its own last.
    pub chain: Vec<Step>,
    /// Sorted.
    pub scopes: Vec<String>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// When it was revoked: by somebody, with one it was made from, or with one of its agents.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Dense from 1.
    pub version: u64,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

/// `POST /agents/{id}/delegations`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "DelegationRequest")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct HandDown {
    /// UUID, or the application's id.
    pub to: String,
    /// What is handed down; of a delegation that is handed on, only what it has.
    scopes: Vec<String>,
    /// In an hour when absent; at most 24 hours ahead.
    expires_at: Option<DateTime<Utc>>,
    /// The delegation to this agent that it hands on; absent when it hands down its own.
    pub parent_delegation_id: Option<String>,
}

impl HandDown {
    /// The delegation of `agent` to `to`, version 1. `parent` is the live one it hands on.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub(super) fn make(
        &self,
        id: Uuid,
        (agent, to): (&Agent, &Agent),
        parent: Option<&Delegation>,
        now: DateTime<Utc>,
    ) -> Result<Delegation, Refusal> {
        let mut scopes = self.scopes.clone();
        scopes.sort_unstable();
        scopes.dedup();
        let expires_at = self.ends(parent, now);
        let problems = self.problems(&scopes, expires_at, (agent, to), parent, now);
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        let mut chain = parent
            .map(|parent| parent.chain.clone())
            .unwrap_or_default();
        chain.push(Step {
            id,
            agent: agent.id,
            name: agent.external_id.clone(),
            scopes: scopes.clone(),
        });
        Ok(Delegation {
            id,
            agent: agent.id,
            to: to.id,
            chain,
            scopes,
            expires_at,
            revoked_at: None,
            version: 1,
            created_at: now,
        })
    }

    /// As said; else in an hour, or with what it is made from.
    fn ends(&self, parent: Option<&Delegation>, now: DateTime<Utc>) -> DateTime<Utc> {
        let usual = now + chrono::Duration::seconds(LIFE_S);
        let latest = parent.map_or(usual, |parent| usual.min(parent.expires_at));
        self.expires_at.unwrap_or(latest)
    }

    fn problems(
        &self,
        scopes: &[String],
        expires_at: DateTime<Utc>,
        (agent, to): (&Agent, &Agent),
        parent: Option<&Delegation>,
        now: DateTime<Utc>,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        let mut wrong = |is_wrong: bool, why: &str| {
            if is_wrong {
                problems.push(why.to_owned());
            }
        };
        let earlier = parent
            .map(|parent| parent.chain.as_slice())
            .unwrap_or_default();
        let circle = agent.id == to.id || earlier.iter().any(|step| step.agent == to.id);
        wrong(circle, "to: an agent that is not in the chain yet");
        wrong(
            agent.archived || to.archived,
            "to: neither agent may be archived",
        );
        wrong(
            earlier.len() >= STEPS,
            "parentDelegationId: the chain would be too long",
        );
        let sizes = scopes.iter().map(|scope| scope.chars().count());
        let sized = sizes.clone().all(|size| (1..=SCOPE).contains(&size));
        wrong(
            scopes.is_empty() || scopes.len() > SCOPES || !sized,
            "scopes: 1 to 100, each of 1 to 256 characters",
        );
        let longest = now + chrono::Duration::seconds(LONGEST_S);
        wrong(
            expires_at <= now || expires_at > longest,
            "expiresAt: in the future, at most 24 hours ahead",
        );
        if let Some(parent) = parent {
            let widened = scopes.iter().filter(|scope| !parent.scopes.contains(scope));
            let widened: Vec<&str> = widened.map(String::as_str).collect();
            let why = format!("scopes: not handed down before: {}", widened.join(", "));
            wrong(!widened.is_empty(), &why);
            let later = expires_at > parent.expires_at;
            wrong(later, "expiresAt: not after what it is made from ends");
        }
        problems
    }
}

impl Delegation {
    /// After its revocation; `None` when it is revoked already.
    #[must_use]
    pub fn revoked(&self, now: DateTime<Utc>) -> Option<Self> {
        self.revoked_at.is_none().then(|| Self {
            revoked_at: Some(now),
            version: self.version + 1,
            ..self.clone()
        })
    }

    /// The delegation it was made from.
    #[must_use]
    pub fn parent(&self) -> Option<Uuid> {
        let (_, earlier) = self.chain.split_last()?;
        earlier.last().map(|step| step.id)
    }

    /// What its token says; the same each time.
    #[must_use]
    pub fn claims(&self, issuer: &str, org: Uuid) -> DelegationClaims {
        let made_ms = self.created_at.timestamp_millis();
        let ends_s = self.expires_at.timestamp();
        DelegationClaims::new(issuer, (org, self.to), self.chain.clone(), ends_s, made_ms)
    }

    /// The full state as a fact.
    #[must_use]
    pub fn fact(&self) -> wire::DelegationState {
        let parent = self.parent().map(|id| DelegationId(id).to_bytes());
        wire::DelegationState {
            delegation_id: DelegationId(self.id).to_bytes(),
            agent_id: AgentId(self.agent).to_bytes(),
            to_agent_id: AgentId(self.to).to_bytes(),
            parent_id: parent.unwrap_or_default(),
            scopes: self.scopes.clone(),
            expires_at_us: self.expires_at.timestamp_micros(),
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

    fn make(
        json: &str,
        (from, to): (u128, u128),
        parent: Option<&Delegation>,
    ) -> Result<Delegation, Refusal> {
        let command: HandDown = serde_json::from_str(json).unwrap();
        let pair = (&agent(from), &agent(to));
        command.make(Uuid::from_u128(from * 100), pair, parent, at(1_000))
    }

    #[test]
    fn a_step_hands_on_no_more_and_no_longer_than_it_was_given() {
        let first = make(r#"{"scopes":["a","b"]}"#, (1, 2), None).unwrap();
        let second = make(r#"{"scopes":["b"]}"#, (2, 3), Some(&first)).unwrap();
        assert_eq!((second.chain.len(), second.parent()), (2, Some(first.id)));
        assert_eq!(second.claims("w", Uuid::nil()).scopes(), ["b"]);
        let wider = make(r#"{"scopes":["b","c"]}"#, (2, 3), Some(&first)).unwrap_err();
        assert!(wider.to_string().contains("not handed down before: c"));
        let later = r#"{"scopes":["b"],"expiresAt":"1970-01-01T02:00:00Z"}"#;
        assert!(make(later, (2, 3), Some(&first)).is_err());
        assert!(make(later, (2, 3), None).is_ok());
    }

    #[test]
    fn a_chain_does_not_come_back() {
        let first = make(r#"{"scopes":["a"]}"#, (1, 2), None).unwrap();
        let back = make(r#"{"scopes":["a"]}"#, (2, 1), Some(&first)).unwrap_err();
        assert!(back.to_string().starts_with("to:"));
        assert!(make(r#"{"scopes":["a"]}"#, (1, 1), None).is_err());
    }

    #[test]
    fn a_delegation_ends_within_a_day() {
        let long = r#"{"scopes":["a"],"expiresAt":"1970-01-03T00:00:00Z"}"#;
        let refused = make(long, (1, 2), None).unwrap_err().to_string();
        assert!(refused.starts_with("expiresAt"), "{refused}");
        let none = make(r#"{"scopes":[]}"#, (1, 2), None).unwrap_err();
        assert!(none.to_string().starts_with("scopes"));
    }
}

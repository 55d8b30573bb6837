//! Exceptions: a policy is not judged for an agent until a time.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_contract::wire;

use super::domain::{Policy, Targets};
use crate::error::Refusal;

const REASON: usize = 1_000;
/// Exceptions of one policy that are not over.
const MOST: usize = 100;
const LONGEST: TimeDelta = TimeDelta::days(366);

/// A policy is not judged for an agent until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PolicyException")]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    /// Its id.
    pub id: Uuid,
    /// The agent's UUID; null is every agent.
    pub agent_id: Option<Uuid>,
    /// Why; never in a fact.
    pub reason: String,
    /// From when the policy is judged again.
    pub expires_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// `POST /policies/{id}/exceptions`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "NewPolicyException")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Except {
    /// The agent's UUID or the application's own id; absent is every agent.
    pub agent_id: Option<String>,
    /// Why.
    reason: String,
    /// At most 366 days ahead.
    expires_at: DateTime<Utc>,
}

impl Except {
    /// The exception it asks for, of an agent that was looked up.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub(super) fn checked(
        &self,
        id: Uuid,
        agent_id: Option<Uuid>,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<Exception, Refusal> {
        let mut problems = Vec::new();
        let reason = self.reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON {
            problems.push(format!("reason: 1 to {REASON} characters"));
        }
        if self.expires_at <= now || self.expires_at > now + LONGEST {
            problems.push("expiresAt: in the next 366 days".to_owned());
        }
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        Ok(Exception {
            id,
            agent_id,
            reason: reason.to_owned(),
            expires_at: self.expires_at,
            created_by: actor.to_owned(),
            created_at: now,
        })
    }
}

impl Policy {
    /// With one exception more; those that are over are dropped.
    ///
    /// # Errors
    /// [`Refusal::NotOwned`], [`Refusal::Invalid`] when there are too many.
    pub fn excepting(
        &self,
        exception: Exception,
        targets: &Targets,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        self.owned(targets)?;
        let mut exceptions = self.exceptions.clone();
        exceptions.retain(|earlier| earlier.expires_at > now);
        if exceptions.len() >= MOST {
            let problem = format!("the policy has {MOST} exceptions already");
            return Err(Refusal::field("exceptions", &problem));
        }
        exceptions.push(exception);
        Ok(self.with_exceptions(exceptions, now))
    }

    /// Without an exception.
    ///
    /// # Errors
    /// [`Refusal::NotOwned`], [`Refusal::ExceptionNotFound`].
    pub fn no_longer_excepting(
        &self,
        id: Uuid,
        targets: &Targets,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        self.owned(targets)?;
        if !self.exceptions.iter().any(|exception| exception.id == id) {
            return Err(Refusal::ExceptionNotFound);
        }
        let mut exceptions = self.exceptions.clone();
        exceptions.retain(|exception| exception.id != id);
        Ok(self.with_exceptions(exceptions, now))
    }

    fn with_exceptions(&self, exceptions: Vec<Exception>, now: DateTime<Utc>) -> Self {
        Self {
            exceptions,
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        }
    }
}

impl Exception {
    pub(super) fn fact(&self) -> wire::PolicyException {
        wire::PolicyException {
            exception_id: self.id.as_bytes().to_vec(),
            agent_id: self
                .agent_id
                .map(|id| id.as_bytes().to_vec())
                .unwrap_or_default(),
            expires_at_us: self.expires_at.timestamp_micros(),
        }
    }
}

//! What a policy is and how commands change it: functions of values.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;
use writ_contract::{PolicyId, wire};
use writ_policy::model::{
    ChainTrigger, DEFAULT_EVALUATION_ORDER, Mode, OnError, PolicyType, Selectors, Severity,
};

use super::body::Body;
use super::exception::Exception;
use super::said::Said;
use crate::error::Refusal;

/// A policy's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// `pol_…` on the wire.
    pub id: Uuid,
    /// Shown in violations.
    pub name: String,
    /// For people; never in a fact.
    pub description: Option<String>,
    /// Which detector or rule.
    pub policy_type: PolicyType,
    /// What a hit does.
    pub mode: Mode,
    /// The rule, checked against the type's schema.
    pub rule_definition: Value,
    /// Empty means all agents.
    pub applies_to_agents: Vec<Uuid>,
    /// Narrows it further.
    pub selectors: Selectors,
    /// Judged or kept aside.
    pub is_active: bool,
    /// Smaller is judged first.
    pub evaluation_order: u32,
    /// How grave a hit is.
    pub severity: Severity,
    /// What an error means; absent = the mode's default.
    pub on_error: Option<OnError>,
    /// Policies that are judged before this one.
    pub prerequisites: Vec<Uuid>,
    /// What the prerequisites must have come to.
    pub chain_trigger: ChainTrigger,
    /// Agents it is not judged for, and until when.
    pub exceptions: Vec<Exception>,
    /// The author's own notes; never in a fact.
    pub metadata: Option<Value>,
    /// Judged no more, for ever.
    pub is_deleted: bool,
    /// Dense from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What the caller may aim policies at.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Ids the body names that are no agents here.
    pub unknown: Vec<Uuid>,
    /// For a caller below Admin: ids, named by the body or by the stored policy, that it does not
    /// own; `None` for Admins.
    pub foreign: Option<Vec<Uuid>>,
}

impl Policy {
    /// A new policy, version 1.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field; [`Refusal::NotOwned`].
    pub fn new(
        id: Uuid,
        body: &Body,
        targets: &Targets,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let blank = Self {
            id,
            ..Self::blank(now)
        };
        let policy = blank.with(body, targets, body.missing())?;
        policy.owned(targets)?;
        Ok(policy)
    }

    /// Nothing said yet, version 1.
    pub(super) fn blank(now: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::nil(),
            name: String::new(),
            description: None,
            policy_type: PolicyType::InjectionScan,
            mode: Mode::Monitor,
            rule_definition: Value::Null,
            applies_to_agents: Vec::new(),
            selectors: Selectors::default(),
            is_active: true,
            evaluation_order: DEFAULT_EVALUATION_ORDER,
            severity: Severity::default(),
            on_error: None,
            prerequisites: Vec::new(),
            chain_trigger: ChainTrigger::default(),
            exceptions: Vec::new(),
            metadata: None,
            is_deleted: false,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// After a patch.
    ///
    /// # Errors
    /// As for [`Policy::new`].
    pub fn patched(
        &self,
        body: &Body,
        targets: &Targets,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        self.owned(targets)?;
        let next = self.clone().with(body, targets, Vec::new())?;
        next.owned(targets)?;
        if next == *self {
            return Ok(next);
        }
        Ok(Self {
            version: self.version + 1,
            updated_at: now,
            ..next
        })
    }

    /// Saying again what an earlier version said; its exceptions stay.
    ///
    /// # Errors
    /// As for [`Policy::new`]: what was allowed then may not be any more.
    pub fn rolled_back(
        &self,
        body: &Body,
        targets: &Targets,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        self.owned(targets)?;
        let before = Self::blank(now).with(body, targets, body.missing())?;
        before.owned(targets)?;
        let same = Self {
            id: self.id,
            exceptions: self.exceptions.clone(),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            ..before
        };
        if same == *self {
            return Ok(same);
        }
        Ok(Self {
            version: self.version + 1,
            updated_at: now,
            ..same
        })
    }

    /// After its deletion.
    ///
    /// # Errors
    /// [`Refusal::NotOwned`].
    pub fn deleted(&self, targets: &Targets, now: DateTime<Utc>) -> Result<Self, Refusal> {
        self.owned(targets)?;
        Ok(Self {
            is_active: false,
            is_deleted: true,
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        })
    }

    /// The full state as a fact.
    #[must_use]
    pub fn fact(&self) -> wire::Policy {
        wire::Policy {
            policy_id: self.id.as_bytes().to_vec(),
            name: self.name.clone(),
            policy_type: self.policy_type.as_str().to_owned(),
            enforcement_mode: self.mode.as_str().to_owned(),
            rule_definition: self.rule_definition.to_string(),
            applies_to_agents: self
                .applies_to_agents
                .iter()
                .map(|a| a.as_bytes().to_vec())
                .collect(),
            is_active: self.is_active,
            evaluation_order: self.evaluation_order,
            severity: self.severity.as_str().to_owned(),
            on_error: self
                .on_error
                .map_or_else(String::new, |on| on.as_str().to_owned()),
            deleted: self.is_deleted,
            selectors: (!self.selectors.is_empty()).then(|| wire::Selectors {
                tags: self.selectors.tags.clone(),
                environments: self.selectors.environments.clone(),
                users: self.selectors.users.clone(),
                tiers: self
                    .selectors
                    .tiers
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            }),
            prerequisites: self
                .prerequisites
                .iter()
                .map(|p| p.as_bytes().to_vec())
                .collect(),
            chain_trigger: self.chain_trigger.as_str().to_owned(),
            exceptions: self.exceptions.iter().map(Exception::fact).collect(),
        }
    }

    /// What this version says, in the fields of the API.
    #[must_use]
    pub fn said(&self) -> Said<'_> {
        Said {
            name: &self.name,
            description: self.description.as_deref(),
            policy_type: self.policy_type,
            enforcement_mode: self.mode,
            rule_definition: &self.rule_definition,
            applies_to_agents: &self.applies_to_agents,
            selectors: &self.selectors,
            is_active: self.is_active,
            evaluation_order: self.evaluation_order,
            severity: self.severity,
            on_error: self.on_error,
            prerequisites: self.prerequisites.iter().map(|id| PolicyId(*id)).collect(),
            chain_trigger: self.chain_trigger,
            metadata: self.metadata.as_ref(),
            deleted: self.is_deleted,
            exceptions: &self.exceptions,
        }
    }

    /// Below Admin: only policies that name agents, all of them one's own (ruling 17).
    pub(super) fn owned(&self, targets: &Targets) -> Result<(), Refusal> {
        let Some(foreign) = &targets.foreign else {
            return Ok(());
        };
        if self.applies_to_agents.is_empty() {
            let why = "a policy for all agents can be written by an admin only: name agents in appliesToAgents";
            return Err(Refusal::NotOwned(why.to_owned()));
        }
        match self
            .applies_to_agents
            .iter()
            .find(|id| foreign.contains(id))
        {
            Some(id) => Err(Refusal::NotOwned(format!("agent {id} is not one of yours"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

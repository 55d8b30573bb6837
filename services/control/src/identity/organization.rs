//! Organisations and their settings.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;
use writ_contract::wire;

use crate::error::Refusal;

/// An organisation's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// `org_…` on the wire.
    pub id: Uuid,
    /// For people.
    pub name: String,
    /// `govern` or `refuse`: what enforce does when a plan limit is spent.
    pub on_plan_limit: String,
    /// Unknown agents are refused.
    pub registration_required: bool,
    /// Nothing is allowed.
    pub suspended: bool,
    /// Traces a calendar month; absent is unlimited.
    pub max_traces_per_month: Option<u64>,
    /// Dense from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// `PATCH /organization/settings`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    name: Option<String>,
    on_plan_limit: Option<String>,
    registration_required: Option<bool>,
}

impl Organization {
    /// After a change of settings.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::VersionMismatch`].
    pub fn with(&self, settings: &Settings, if_match: Option<u64>) -> Result<Self, Refusal> {
        if if_match.is_some_and(|seen| seen != self.version) {
            return Err(Refusal::VersionMismatch {
                current: self.version,
            });
        }
        let mut next = self.clone();
        if let Some(name) = &settings.name {
            if name.trim().is_empty() || name.chars().count() > 200 {
                return Err(Refusal::field("name", "1 to 200 characters"));
            }
            next.name.clone_from(name);
        }
        if let Some(word) = &settings.on_plan_limit {
            if !["govern", "refuse"].contains(&word.as_str()) {
                return Err(Refusal::field("onPlanLimit", "govern or refuse"));
            }
            next.on_plan_limit.clone_from(word);
        }
        next.registration_required = settings
            .registration_required
            .unwrap_or(next.registration_required);
        if next != *self {
            next.version += 1;
        }
        Ok(next)
    }

    /// The full state as a fact.
    #[must_use]
    pub fn fact(&self) -> wire::Organization {
        wire::Organization {
            org_id: self.id.as_bytes().to_vec(),
            name: self.name.clone(),
            on_plan_limit: self.on_plan_limit.clone(),
            registration_required: self.registration_required,
            suspended: self.suspended,
            max_traces_per_month: self.max_traces_per_month,
        }
    }
}

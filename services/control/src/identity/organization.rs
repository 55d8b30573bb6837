//! Organisations and their settings.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;
use writ_contract::wire;

use crate::error::Refusal;

const NAME: usize = 200;
const PLAN: usize = 64;
/// Ten years.
const RETENTION_DAYS: u32 = 3_653;

/// An organisation's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// `org_…` on the wire.
    pub id: Uuid,
    /// For people.
    pub name: String,
    /// `govern` or `refuse`: what enforce does when a plan limit is spent.
    pub on_plan_limit: String,
    /// What it has switched on and off.
    pub switches: Switches,
    /// Nothing is allowed.
    pub suspended: bool,
    /// Name of the plan; empty is none.
    pub plan: String,
    /// What the plan allows.
    pub limits: Limits,
    /// How long traces and decisions are kept; absent is as the deployment does.
    pub retention_days: Option<u32>,
    /// Dense from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// What an organisation switches on and off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of the API and of the fact"
)]
pub struct Switches {
    /// Unknown agents are refused.
    pub registration_required: bool,
    /// The control bundle of an agent's autonomy level is applied.
    pub tiered_governance: bool,
    /// Agents keep versions of themselves.
    pub version_registry: bool,
    /// A prompt is deployed only once somebody has approved it.
    pub prompt_approval: bool,
    /// Traces need the credential of their agent.
    pub credential_required: bool,
}

/// Limits of a plan; absent is unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Agents that are not archived.
    pub agents: Option<u64>,
    /// Policies.
    pub policies: Option<u64>,
    /// People.
    pub users: Option<u64>,
    /// Traces a calendar month.
    pub traces: Option<u64>,
}

/// Settings to change. Plan, limits and retention can be null: none.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "SettingsBody")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    name: Option<String>,
    /// `govern` or `refuse`.
    on_plan_limit: Option<String>,
    registration_required: Option<bool>,
    tiered_governance: Option<bool>,
    version_registry: Option<bool>,
    prompt_approval: Option<bool>,
    credential_required: Option<bool>,
    #[serde(deserialize_with = "said")]
    #[schemars(with = "Option<u32>")]
    retention_days: Option<Option<u32>>,
    #[serde(deserialize_with = "said")]
    #[schemars(with = "Option<String>")]
    plan: Option<Option<String>>,
    #[serde(deserialize_with = "said")]
    #[schemars(with = "Option<u64>")]
    max_agents: Option<Option<u64>>,
    #[serde(deserialize_with = "said")]
    #[schemars(with = "Option<u64>")]
    max_policies: Option<Option<u64>>,
    #[serde(deserialize_with = "said")]
    #[schemars(with = "Option<u64>")]
    max_users: Option<Option<u64>>,
    #[serde(deserialize_with = "said")]
    #[schemars(with = "Option<u64>")]
    max_traces_per_month: Option<Option<u64>>,
}

/// Tells a null from a field that is not there.
pub(super) fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl Settings {
    /// Whether it changes what the organisation pays for.
    #[must_use]
    pub fn changes_plan(&self) -> bool {
        let limits = [
            self.max_agents,
            self.max_policies,
            self.max_users,
            self.max_traces_per_month,
        ];
        self.plan.is_some() || limits.iter().any(Option::is_some)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let name = self.name.as_deref().map(str::trim);
        if name.is_some_and(|name| name.is_empty() || name.chars().count() > NAME) {
            problems.push(format!("name: 1 to {NAME} characters"));
        }
        let word = self.on_plan_limit.as_deref();
        if word.is_some_and(|word| !["govern", "refuse"].contains(&word)) {
            problems.push("onPlanLimit: govern or refuse".to_owned());
        }
        let days = self.retention_days.flatten();
        if days.is_some_and(|days| !(1..=RETENTION_DAYS).contains(&days)) {
            problems.push(format!("retentionDays: 1 to {RETENTION_DAYS}, or null"));
        }
        let plan = self.plan.iter().flatten();
        if plan.into_iter().any(|plan| plan.chars().count() > PLAN) {
            problems.push(format!("plan: at most {PLAN} characters"));
        }
        problems
    }
}

impl Organization {
    /// With the settings that an organisation begins with and no plan.
    #[must_use]
    pub fn new(id: Uuid, name: &str, now: DateTime<Utc>) -> Self {
        Self {
            id,
            name: name.to_owned(),
            on_plan_limit: "govern".to_owned(),
            switches: Switches {
                registration_required: true,
                tiered_governance: true,
                version_registry: true,
                prompt_approval: false,
                credential_required: false,
            },
            suspended: false,
            plan: String::new(),
            limits: Limits::default(),
            retention_days: None,
            version: 1,
            created_at: now,
        }
    }

    /// After a change of settings.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field, [`Refusal::VersionMismatch`].
    pub fn with(&self, settings: &Settings, if_match: Option<u64>) -> Result<Self, Refusal> {
        if if_match.is_some_and(|seen| seen != self.version) {
            return Err(Refusal::VersionMismatch {
                current: self.version,
            });
        }
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        let own = self.clone();
        let mut next = Self {
            name: settings.name.clone().unwrap_or(own.name),
            on_plan_limit: settings.on_plan_limit.clone().unwrap_or(own.on_plan_limit),
            switches: self.switches.with(settings),
            plan: match &settings.plan {
                Some(plan) => plan.clone().unwrap_or_default(),
                None => own.plan,
            },
            limits: Limits {
                agents: settings.max_agents.unwrap_or(self.limits.agents),
                policies: settings.max_policies.unwrap_or(self.limits.policies),
                users: settings.max_users.unwrap_or(self.limits.users),
                traces: settings.max_traces_per_month.unwrap_or(self.limits.traces),
            },
            retention_days: settings.retention_days.unwrap_or(self.retention_days),
            ..own
        };
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
            registration_required: self.switches.registration_required,
            suspended: self.suspended,
            max_traces_per_month: self.limits.traces,
            tiered_governance: Some(self.switches.tiered_governance),
            version_registry: Some(self.switches.version_registry),
            prompt_approval: self.switches.prompt_approval,
            credential_required: self.switches.credential_required,
            plan: self.plan.clone(),
            retention_days: self.retention_days,
            max_agents: self.limits.agents,
            max_policies: self.limits.policies,
            max_users: self.limits.users,
        }
    }
}

impl Switches {
    fn with(self, settings: &Settings) -> Self {
        let or = |said: Option<bool>, own| said.unwrap_or(own);
        Self {
            registration_required: or(settings.registration_required, self.registration_required),
            tiered_governance: or(settings.tiered_governance, self.tiered_governance),
            version_registry: or(settings.version_registry, self.version_registry),
            prompt_approval: or(settings.prompt_approval, self.prompt_approval),
            credential_required: or(settings.credential_required, self.credential_required),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings(json: Value) -> Settings {
        serde_json::from_value(json).unwrap()
    }

    fn organization() -> Organization {
        Organization::new(Uuid::nil(), "Acme", DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_null_takes_a_limit_away_and_an_absent_field_leaves_it() {
        let limited = json!({"maxAgents": 3, "maxUsers": 2, "retentionDays": 90, "plan": "pro"});
        let limited = organization().with(&settings(limited), None).unwrap();
        let freed = json!({"maxAgents": null, "retentionDays": null});
        let freed = limited.with(&settings(freed), Some(2)).unwrap();
        let Limits { agents, users, .. } = freed.limits;
        assert_eq!((agents, users, freed.retention_days), (None, Some(2), None));
        assert_eq!((freed.plan.as_str(), freed.version), ("pro", 3));
    }

    #[test]
    fn only_plan_and_limits_change_what_is_paid_for() {
        assert!(settings(json!({"maxPolicies": null})).changes_plan());
        assert!(settings(json!({"plan": "free"})).changes_plan());
        assert!(!settings(json!({"retentionDays": 7, "tieredGovernance": false})).changes_plan());
    }

    #[test]
    fn every_wrong_setting_is_named_and_the_same_ones_are_no_change() {
        let wrong = json!({"name": " ", "onPlanLimit": "stop", "retentionDays": 0});
        let refused = organization().with(&settings(wrong), None).unwrap_err();
        let refused = refused.to_string();
        for field in ["name:", "onPlanLimit:", "retentionDays:"] {
            assert!(refused.contains(field), "{field} in {refused}");
        }
        let same = settings(json!({"tieredGovernance": true, "maxAgents": null}));
        assert_eq!(organization().with(&same, None).unwrap(), organization());
    }
}

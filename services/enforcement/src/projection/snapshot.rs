//! An organisation at one moment.

use std::sync::Arc;

use writ_contract::Standing;
use writ_policy::PolicySet;

use crate::domain::{Delegations, KnownAgent, Plan, View};

/// What [`crate::domain::judge`] needs of an organisation, taken at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The compiled policies.
    pub policies: Arc<PolicySet>,
    /// The agent that asks.
    pub agent: Option<KnownAgent>,
    /// The pauses beyond agents' own switches.
    pub standing: Arc<Standing>,
    /// Why the organisation fails closed.
    pub quarantine: Option<String>,
    /// What its plan leaves it.
    pub plan: Plan,
    /// What was handed down, and what of it was revoked.
    pub delegations: Arc<Delegations>,
}

impl Snapshot {
    /// No policy, no agent.
    pub(super) fn of_nobody(quarantine: Option<String>) -> Self {
        Self {
            policies: Arc::new(PolicySet::compile(Vec::new())),
            agent: None,
            standing: Arc::default(),
            quarantine,
            plan: Plan::default(),
            delegations: Arc::default(),
        }
    }

    /// What judging looks at.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View {
            policies: &self.policies,
            agent: self.agent.as_ref(),
            standing: &self.standing,
            quarantine: self.quarantine.as_deref(),
            plan: self.plan,
            delegations: &self.delegations,
        }
    }
}

//! What a policy is: its type, its mode and the rule an administrator wrote.

mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use crate::types::PolicyType;
pub(crate) use words::words;
pub use words::{ChainTrigger, Mode, OnError, Phase, Severity, Tier, UnknownWord};

/// The order given to a policy that names none (0 is judged first, 100,000 last).
pub const DEFAULT_EVALUATION_ORDER: u32 = 100;
/// The highest evaluation order.
pub const MAX_EVALUATION_ORDER: u32 = 100_000;
/// How many policies one policy may wait for.
pub const MAX_PREREQUISITES: usize = 20;

/// One policy as an administrator wrote it; serialises in the wire's camelCase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Stable identity, the same in every version.
    pub id: Uuid,
    /// Dense, starts at 1; recorded with every decision.
    #[serde(default = "first_version")]
    pub version: u64,
    /// Shown in violations.
    pub name: String,
    /// For people; decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Chooses the rule's schema.
    pub policy_type: PolicyType,
    /// What a hit does.
    #[serde(rename = "enforcementMode", alias = "mode")]
    pub mode: Mode,
    /// The rule, in the shape of `schemas/policy/<type>.v1.json`.
    pub rule_definition: serde_json::Value,
    /// Agents it applies to; empty means all of them.
    #[serde(default)]
    pub applies_to_agents: Vec<Uuid>,
    /// Narrows it further: every list that is not empty must match.
    #[serde(default, skip_serializing_if = "Selectors::is_empty")]
    pub selectors: Selectors,
    /// An inactive policy is kept but never judged.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// Smaller is judged and listed first; equal orders go by id.
    #[serde(default = "default_order")]
    pub evaluation_order: u32,
    /// How grave a hit is.
    #[serde(default)]
    pub severity: Severity,
    /// What an error in this policy means; absent = [`Mode::default_on_error`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// Policies that are judged before this one, at most [`MAX_PREREQUISITES`]; one that is
    /// inactive or out of scope counts as passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<Uuid>,
    /// What the prerequisites must have come to.
    #[serde(default)]
    pub chain_trigger: ChainTrigger,
    /// Whom it is not judged for, and until when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
    /// The author's own notes, any JSON; decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

/// A policy is not judged for an agent until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    /// Which agent; absent is every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Uuid>,
    /// Over at this time, in milliseconds since the Unix epoch.
    pub until_ms: i64,
}

/// Whom a policy applies to, beyond a list of agents. An empty list selects everybody; of a list
/// that is not, one entry must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Selectors {
    /// Tags of the agent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Environments of the call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// Ids or e-mail addresses of the person behind the act.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Kinds of callers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

impl Selectors {
    /// Whether it selects everybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

impl Policy {
    /// A policy for all agents with every other field at its default; version 1.
    #[must_use]
    pub fn new(
        id: Uuid,
        name: impl Into<String>,
        policy_type: PolicyType,
        mode: Mode,
        rule_definition: serde_json::Value,
    ) -> Self {
        Self {
            id,
            version: first_version(),
            name: name.into(),
            description: None,
            policy_type,
            mode,
            rule_definition,
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
        }
    }

    /// Whether an exception keeps it from being judged.
    #[must_use]
    pub fn excepts(&self, agent: Uuid, now_ms: i64) -> bool {
        self.exceptions.iter().any(|exception| {
            now_ms < exception.until_ms && exception.agent_id.is_none_or(|only| only == agent)
        })
    }

    /// The error behaviour in force: the policy's own, else its mode's.
    #[must_use]
    pub fn on_error(&self) -> OnError {
        self.on_error
            .unwrap_or_else(|| self.mode.default_on_error())
    }
}

fn first_version() -> u64 {
    1
}

fn yes() -> bool {
    true
}

fn default_order() -> u32 {
    DEFAULT_EVALUATION_ORDER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_aliases_are_read_and_written_in_their_plain_form() {
        assert_eq!("log_only".parse(), Ok(Mode::Monitor));
        assert_eq!("hard_block".parse(), Ok(Mode::Block));
        assert_eq!(serde_json::to_string(&Mode::Block).unwrap(), "\"block\"");
    }

    #[test]
    fn unknown_policy_type_error_lists_the_known_ones() {
        let error = "injektion".parse::<PolicyType>().unwrap_err().to_string();
        assert!(error.starts_with("unknown policy type 'injektion'; known: injection_scan, "));
        for known in PolicyType::ALL {
            assert!(error.contains(known.as_str()), "{known}");
        }
    }

    #[test]
    fn every_word_parses_back_to_its_variant() {
        for t in PolicyType::ALL {
            assert_eq!(t.as_str().parse(), Ok(*t));
        }
        for m in Mode::ALL {
            assert_eq!(m.as_str().parse(), Ok(*m));
        }
    }

    #[test]
    fn policy_reads_from_the_documented_wire_form_with_defaults() {
        let policy: Policy = serde_json::from_value(serde_json::json!({
            "id": "0192f0c1-0000-7000-8000-000000000001",
            "name": "No injections",
            "policyType": "injection_scan",
            "enforcementMode": "block",
            "ruleDefinition": {"patterns": ["system prompt"]},
            "appliesToAgents": [],
        }))
        .unwrap();
        assert!(policy.is_active);
        assert_eq!(policy.evaluation_order, 100);
        assert_eq!(policy.on_error(), OnError::Deny);
        assert_eq!(policy.severity, Severity::Medium);
    }
}

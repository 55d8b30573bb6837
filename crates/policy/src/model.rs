//! What a policy is: its type, its mode and the rule an administrator wrote.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The order given to a policy that names none (0 is judged first, 100,000 last).
pub const DEFAULT_EVALUATION_ORDER: u32 = 100;

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
}

impl Policy {
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

/// A word that is not in the list it was looked up in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} '{given}'; known: {known}")]
pub struct UnknownWord {
    /// Which list: "policy type", "enforcement mode", …
    pub what: &'static str,
    /// What was given, cut at 64 characters.
    pub given: String,
    /// The accepted words, comma separated.
    pub known: String,
}

impl UnknownWord {
    fn new(what: &'static str, given: &str, known: &[&str]) -> Self {
        Self {
            what,
            given: given.chars().take(64).collect(),
            known: known.join(", "),
        }
    }
}

/// Makes an enum whose wire form is a fixed word, with accepted aliases.
macro_rules! words {
    ($name:ident, $what:literal, [$($variant:ident = $word:literal $(| $alias:literal)*),+ $(,)?]) => {
        impl $name {
            /// Every variant, in the order of the documentation.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(s: &str) -> Result<Self, UnknownWord> {
                match s {
                    $($word $(| $alias)* => Ok($name::$variant),)+
                    _ => Err(UnknownWord::new($what, s, &[$($word),+])),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Which detector or rule a policy uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyType {
    /// Prompt injection, direct and inside tool outputs.
    InjectionScan,
    /// Personal data and secrets.
    PiiAccess,
    /// Cost per execution and per UTC day.
    CostLimit,
    /// Which tools may be called.
    ToolInvocation,
    /// A CEL expression; true is a violation.
    Expression,
}

words!(
    PolicyType,
    "policy type",
    [
        InjectionScan = "injection_scan",
        PiiAccess = "pii_access",
        CostLimit = "cost_limit",
        ToolInvocation = "tool_invocation",
        Expression = "expression",
    ]
);

/// What a hit does, from recording it to stopping the act; ordered by strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Allow and record.
    Monitor,
    /// Allow and flag.
    Warn,
    /// Hold until a human decides.
    RequireApproval,
    /// Refuse.
    Block,
}

words!(
    Mode,
    "enforcement mode",
    [
        Monitor = "monitor" | "log_only",
        Warn = "warn",
        RequireApproval = "require_approval",
        Block = "block" | "hard_block",
    ]
);

impl Mode {
    /// Block and approval policies deny when they cannot be judged; the others record it.
    #[must_use]
    pub fn default_on_error(self) -> OnError {
        match self {
            Mode::Monitor | Mode::Warn => OnError::Warn,
            Mode::RequireApproval | Mode::Block => OnError::Deny,
        }
    }
}

/// How grave a hit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// The default.
    #[default]
    Medium,
    /// Needs attention today.
    High,
    /// Needs attention now.
    Critical,
}

words!(
    Severity,
    "severity",
    [
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    ]
);

/// What an error while judging a policy means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnError {
    /// The act is refused.
    Deny,
    /// The act may pass; only the list of considered policies says that this one failed.
    Allow,
    /// The act may pass with a warning.
    Warn,
}

words!(
    OnError,
    "onError",
    [Deny = "deny", Allow = "allow", Warn = "warn"]
);

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
        assert_eq!(
            error,
            "unknown policy type 'injektion'; known: injection_scan, pii_access, cost_limit, \
             tool_invocation, expression"
        );
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

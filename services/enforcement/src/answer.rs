//! What a caller is told.

use schemars::JsonSchema;
use serde::Serialize;
use writ_contract::{ApprovalId, DecisionId, PolicyId};
use writ_policy::{Considered, Decision};

use crate::domain::{Grant, Spent, WireViolation};

/// The answer to an act.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It may go on. Recorded.
    Allowed(Given),
    /// It waits for a human. Recorded, and taken by the approval service.
    Held(Given, ApprovalId),
    /// It is refused. Recorded, or kept to be recorded.
    Denied(Given),
    /// The plan is spent and the organisation wants no decision then. Recorded as a refusal.
    PlanSpent(Spent),
}

/// What every answer carries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// The decision; absent when nobody could be asked, as with a bad key.
    pub decision: Option<DecisionId>,
    /// Hits that stopped or held the act.
    pub violations: Vec<WireViolation>,
    /// Hits that were only noted.
    pub warnings: Vec<WireViolation>,
    /// The input with found values replaced.
    pub redacted_input: Option<String>,
    /// 0 to 100.
    pub risk: u8,
    /// Hash of the policy set, when one was asked.
    pub policy_set_hash: Option<[u8; 32]>,
    /// When the caller asked for one and policies were asked.
    pub explanation: Option<Explanation>,
    /// When an agent asked whether it may call another, and it may.
    pub grant: Option<Grant>,
}

impl Given {
    /// What the policies said, without the explanation.
    pub(crate) fn judged(decision: Option<DecisionId>, judged: &Decision) -> Self {
        Self {
            decision,
            violations: judged.violations.iter().map(WireViolation::from).collect(),
            warnings: judged.warnings.iter().map(WireViolation::from).collect(),
            redacted_input: judged.redacted_input.clone(),
            risk: judged.risk,
            policy_set_hash: Some(judged.policy_set_hash),
            explanation: None,
            grant: None,
        }
    }
}

/// Every policy in scope and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// In the order of judging.
    pub considered: Vec<WireConsidered>,
    /// Hexadecimal hash of the policy set.
    pub policy_set_hash: String,
    /// Version of the engine.
    pub engine_version: &'static str,
}

/// One policy in scope.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ConsideredPolicy")]
#[serde(rename_all = "camelCase")]
pub struct WireConsidered {
    /// `pol_…`.
    pub policy_id: String,
    /// The version that was judged.
    pub version: u64,
    /// Its place.
    pub order: u32,
    /// Its chain let it be judged.
    pub judged: bool,
    /// It hit.
    pub applied: bool,
    /// It could not be judged.
    pub failed: bool,
    /// A language model did not answer, so the built-in detector judged instead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
    /// An exception kept it from being judged.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub excepted: bool,
    /// The reason in a few words, never what was matched.
    pub why: String,
    /// Work done for it: bytes scanned or steps run.
    pub cost: u64,
}

impl From<&Decision> for Explanation {
    fn from(decision: &Decision) -> Self {
        Self {
            considered: decision
                .considered
                .iter()
                .map(WireConsidered::from)
                .collect(),
            policy_set_hash: hex::encode(decision.policy_set_hash),
            engine_version: decision.engine_version,
        }
    }
}

impl From<&Considered> for WireConsidered {
    fn from(considered: &Considered) -> Self {
        Self {
            policy_id: PolicyId(considered.policy_id).to_string(),
            version: considered.version,
            order: considered.order,
            judged: considered.judged,
            applied: considered.applied,
            failed: considered.failed,
            degraded: considered.degraded,
            excepted: considered.excepted,
            why: considered.why.to_string(),
            cost: considered.cost,
        }
    }
}

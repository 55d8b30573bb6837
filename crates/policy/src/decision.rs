//! What the engine answers: an outcome and everything needed to explain it.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::model::{Mode, PolicyType, Severity};

/// What may happen to the act; ordered by strength, the strongest hit wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It may go on.
    Allow,
    /// It waits for a human.
    Hold,
    /// It is refused.
    Block,
}

/// Where something was found, never what it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// What was recognised: `ssn`, `instruction_override`, `pattern[2]`, `denied_tool`, …
    pub kind: String,
    /// The part of the request: `input`, `metadata.toolInput`, `toolOutputs[0].output`, …
    pub location: String,
    /// Byte range in that text, when it is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
}

/// A half-open byte range of a UTF-8 text; both ends are character boundaries.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// One policy hit, in the shape of the wire contract §7.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// The policy.
    pub policy_id: Uuid,
    /// Its name.
    pub policy_name: String,
    /// Its type.
    pub policy_type: PolicyType,
    /// How grave.
    pub severity: Severity,
    /// What the hit does; `block` when the policy failed and must deny.
    pub enforcement_mode: Mode,
    /// What hit, without the text that was matched.
    pub message: String,
    /// Where it was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// A language model did not answer, so the built-in detector judged instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
}

/// One policy in scope and what became of it, in the order of judging.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Considered {
    /// The policy.
    pub policy_id: Uuid,
    /// The version that was judged.
    pub version: u64,
    /// Its place: smaller is judged first, but for prerequisites.
    pub order: u32,
    /// Whether its chain let it be judged at all; `why` says what did not.
    pub judged: bool,
    /// Whether it hit.
    pub applied: bool,
    /// Whether it could not be judged; `why` says the reason.
    pub failed: bool,
    /// A language model did not answer, so the built-in detector judged instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
    /// An exception kept it from being judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excepted: bool,
    /// The reason in a few words.
    pub why: Cow<'static, str>,
    /// Work done for it: bytes scanned or steps run, shared scans counted for each.
    pub cost: u64,
}

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Millionths of a US dollar.
    MicroUsd,
    /// Allowed or held calls.
    Calls,
    /// Records read or written.
    Records,
}

/// An amount the service must reserve on a counter before it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The policy whose counter it is.
    pub policy_id: Uuid,
    /// Which of the policy's counters, with its period; letters, digits and `_` only.
    pub counter: String,
    /// The period for people: `2026-11-20`, `2026-11`, `2026-11-20T12:05` (UTC).
    pub period: String,
    /// What is counted.
    pub unit: Unit,
    /// How much to add; 0 only checks.
    pub amount: u64,
    /// The counter may not exceed this.
    pub cap: u64,
    /// A total above this is marked, though the act may go on.
    pub warn_above: Option<u64>,
    /// The agent is to be paused when the cap refuses.
    pub pause_agent: bool,
    /// What a refusal by the counter becomes; its mode says how strong it is.
    pub violation: Violation,
}

/// A duty that goes with the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Obligation {
    /// Replace the found values in every stored copy of these texts.
    #[serde(rename_all = "camelCase")]
    Mask {
        /// The policy that asks for it.
        policy_id: Uuid,
        /// What to replace.
        evidence: Vec<Evidence>,
    },
    /// Write one audit entry for this hit.
    #[serde(rename_all = "camelCase")]
    LogAccess {
        /// The policy that asks for it.
        policy_id: Uuid,
        /// The types of data that were seen.
        types: Vec<String>,
    },
}

/// The engine's answer; equal inputs give equal bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// What may happen.
    pub outcome: Outcome,
    /// Hits of block and approval policies, in evaluation order.
    pub violations: Vec<Violation>,
    /// Hits of warn and monitor policies, in evaluation order.
    pub warnings: Vec<Violation>,
    /// Every policy in scope, in evaluation order.
    pub considered: Vec<Considered>,
    /// The input with found values replaced, when a policy asks for masking and something was found.
    pub redacted_input: Option<String>,
    /// Duties that go with the answer.
    pub obligations: Vec<Obligation>,
    /// Budget amounts to reserve; empty when the outcome is [`Outcome::Block`].
    pub reservations: Vec<Reservation>,
    /// Hash of the policy set that was used.
    #[serde(serialize_with = "as_hex")]
    pub policy_set_hash: [u8; 32],
    /// Version of this engine.
    pub engine_version: &'static str,
    /// 0 (nothing found) to 100, from the severities of all hits.
    pub risk: u8,
}

impl Decision {
    /// Adds a hit found after evaluation (a refused reservation) and raises the outcome to match.
    /// A policy that is listed already with a hit as strong is not listed again.
    pub fn add(&mut self, violation: Violation) {
        let mut listed = self.violations.iter().chain(&self.warnings);
        if listed.any(|hit| {
            hit.policy_id == violation.policy_id
                && hit.enforcement_mode >= violation.enforcement_mode
        }) {
            return;
        }
        let outcome = outcome_of(violation.enforcement_mode);
        self.outcome = self.outcome.max(outcome);
        for considered in &mut self.considered {
            if considered.policy_id == violation.policy_id {
                considered.applied = true;
                considered.why = Cow::Owned(violation.message.clone());
            }
        }
        if outcome == Outcome::Allow {
            self.warnings.push(violation);
        } else {
            self.violations.push(violation);
        }
        self.risk = risk_of(self.violations.iter().chain(&self.warnings));
    }
}

/// The outcome a hit in this mode asks for.
#[must_use]
pub fn outcome_of(mode: Mode) -> Outcome {
    match mode {
        Mode::Monitor | Mode::Warn => Outcome::Allow,
        Mode::RequireApproval => Outcome::Hold,
        Mode::Block => Outcome::Block,
    }
}

/// Combines independent hits: each leaves a share of the remaining certainty that all is well.
/// Counted first, so that the order of the hits cannot change the rounding.
pub(crate) fn risk_of<'a>(hits: impl Iterator<Item = &'a Violation>) -> u8 {
    let mut counts = [
        (Severity::Critical, 15, 0),
        (Severity::High, 40, 0),
        (Severity::Medium, 65, 0),
        (Severity::Low, 85, 0),
    ];
    for hit in hits {
        for (_, _, count) in counts
            .iter_mut()
            .filter(|(severity, ..)| *severity == hit.severity)
        {
            *count += 1;
        }
    }
    let safe = counts.iter().fold(1_000_000_u64, |left, (_, keep, count)| {
        (0..(*count).min(100)).fold(left, |left, _: u32| left * keep / 100)
    });
    u8::try_from((1_000_000 - safe) / 10_000).unwrap_or(100)
}

fn as_hex<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(hash))
}

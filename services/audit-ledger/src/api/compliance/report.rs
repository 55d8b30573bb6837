//! The report as it is signed and sent.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use writ_chain::statement::Statement;

use crate::domain::compliance::{Assessment, Piece, PolicyPiece, Role};
use crate::store::LogRow;

/// What is signed, by its first line.
pub(in crate::api) const FORMAT: &str = "writ-compliance-report/1";

/// What the report is and is not.
pub(super) const NOTE: &str = "This report shows what the ledger holds about each control in the window. \
It is evidence for a reader who judges, not a judgement: it does not say that a control is sufficient.";

/// A report and its signature, as they are sent and kept.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SignedComplianceReport")]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct SignedReportDto {
    pub(super) statement: Report,
    pub(super) key_name: String,
    pub(super) key_id: String,
    /// Ed25519 over `writ-compliance-report/1`, a line feed and the statement as canonical JSON
    /// (RFC 8785); base64.
    pub(super) signature: String,
}

/// What the ledger holds about the controls of a framework in a window.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ComplianceReport")]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Report {
    pub(super) format: &'static str,
    /// What it is and what it is not.
    pub(super) note: &'static str,
    pub(super) org: Uuid,
    pub(super) framework: FrameworkOf,
    pub(super) window: WindowOf,
    /// RFC 3339, UTC.
    pub(super) generated_at: String,
    pub(super) ledger: LedgerOf,
    pub(super) summary: Summary,
    pub(super) controls: Vec<ControlReport>,
}

/// Whose controls.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ReportedFramework")]
#[serde(rename_all = "camelCase")]
pub(super) struct FrameworkOf {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) edition: String,
    pub(super) scope: String,
}

/// Whole UTC days, both ends included.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ComplianceWindow")]
#[serde(rename_all = "camelCase")]
pub(super) struct WindowOf {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
}

/// The ledger the report cites.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ComplianceLedger")]
#[serde(rename_all = "camelCase")]
pub(super) struct LedgerOf {
    /// The latest signed checkpoint when the report was made.
    pub(super) checkpoint: String,
    /// Entries it covers.
    pub(super) size: u64,
    /// Base64.
    pub(super) root_hash: String,
}

/// Controls by assessment.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
#[schemars(rename = "ComplianceSummary")]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub(super) operated: usize,
    pub(super) partly: usize,
    pub(super) no_evidence: usize,
}

/// One control.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ReportedControl")]
#[serde(rename_all = "camelCase")]
pub(super) struct ControlReport {
    pub(super) id: String,
    pub(super) group: String,
    pub(super) title: String,
    /// `operated`, `partly` or `no evidence`.
    pub(super) assessment: &'static str,
    /// The rule by which that was reached.
    pub(super) rule: String,
    pub(super) policies: Vec<PolicyEvidence>,
    pub(super) evidence: Vec<EvidenceOf>,
    /// Entries of the ledger.
    pub(super) samples: Vec<Sample>,
    pub(super) gaps: Vec<String>,
    pub(super) recommendations: Vec<String>,
}

/// Policies of a type that bears on the control.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CompliancePolicies")]
#[serde(rename_all = "camelCase")]
pub(super) struct PolicyEvidence {
    pub(super) policy_type: String,
    /// In force at some time of the window.
    pub(super) in_force: u64,
    /// In force at its end.
    pub(super) at_end: u64,
    /// Entries that changed one.
    pub(super) changes: u64,
    /// Decisions in which one hit.
    pub(super) hits: u64,
}

/// One piece of evidence.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ComplianceEvidence")]
#[serde(rename_all = "camelCase")]
pub(super) struct EvidenceOf {
    pub(super) evidence: &'static str,
    /// `needed`, `supporting` or `against`.
    pub(super) role: &'static str,
    /// What is counted.
    pub(super) what: &'static str,
    pub(super) count: u64,
    /// The first and the last entry that counts.
    pub(super) first_seq: Option<i64>,
    pub(super) last_seq: Option<i64>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ComplianceSample")]
#[serde(rename_all = "camelCase")]
pub(super) struct Sample {
    pub(super) seq: i64,
    /// Of its leaf, hexadecimal.
    pub(super) hash: String,
    pub(super) r#type: String,
    pub(super) action: Option<String>,
    pub(super) actor: Option<String>,
    pub(super) target: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) reason_code: Option<String>,
    /// RFC 3339, UTC.
    pub(super) occurred_at: String,
    /// Where its receipt is.
    pub(super) receipt: String,
}

impl Statement for Report {
    const FORMATS: &'static [&'static str] = &[FORMAT];

    fn format(&self) -> &str {
        self.format
    }
}

impl Assessment {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Operated => "operated",
            Self::Partly => "partly",
            Self::NoEvidence => "no evidence",
        }
    }
}

impl Role {
    const fn word(self) -> &'static str {
        match self {
            Self::Needed => "needed",
            Self::Supporting => "supporting",
            Self::Against => "against",
        }
    }
}

impl From<PolicyPiece> for PolicyEvidence {
    fn from(piece: PolicyPiece) -> Self {
        Self {
            policy_type: piece.policy_type,
            in_force: piece.in_force,
            at_end: piece.at_end,
            changes: piece.changes,
            hits: piece.hits,
        }
    }
}

impl From<Piece> for EvidenceOf {
    fn from(piece: Piece) -> Self {
        Self {
            evidence: piece.evidence.word(),
            role: piece.role.word(),
            what: piece.evidence.what(),
            count: piece.count,
            first_seq: piece.first_seq,
            last_seq: piece.last_seq,
        }
    }
}

impl From<&LogRow> for Sample {
    fn from(row: &LogRow) -> Self {
        Self {
            seq: row.seq,
            hash: hex::encode(&row.leaf_hash),
            r#type: row.r#type.clone(),
            action: row.action.clone(),
            actor: row.actor.clone(),
            target: row.target.clone(),
            outcome: row.outcome.clone(),
            reason_code: row.reason_code.clone(),
            occurred_at: instant(row.occurred_at),
            receipt: format!("/api/v1/audit/entries/{}/receipt", row.seq),
        }
    }
}

/// An instant as reports write it: to the second.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

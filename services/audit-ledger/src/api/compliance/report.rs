//! The report as it is signed and sent.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use writ_chain::statement::Statement;

use crate::api::recorded::{self, Recording};
use crate::domain::compliance::{Assessment, Piece, PolicyPiece, Role, Window};
use crate::error::Error;
use crate::store::Cited;

/// What is signed, by its first line.
pub(in crate::api) const FORMAT: &str = "writ-compliance-report/1";

/// What the report is and is not.
pub(super) const NOTE: &str = "This report shows what the ledger holds about each control in the window. \
It is evidence for a reader who judges, not a judgement: it does not say that a control is sufficient. \
Counts come from an index that is kept beside the entries; they can be counted again from an export of \
the ledger, and may have entries of the last moments that the checkpoint does not cover yet. Entries that \
are shown are covered by it and read from the bytes that were hashed, and the hash is checked.";

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
    pub(super) recording: RecordingOf,
    /// What is missing from the report as a whole.
    pub(super) gaps: Vec<String>,
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
    /// The first instant that is not judged: the end of the last day, or when the report was made if
    /// that day was not over. RFC 3339, UTC.
    pub(super) until: String,
}

/// Since when there is a record of the organisation. RFC 3339, UTC.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ComplianceRecording")]
#[serde(rename_all = "camelCase")]
pub(super) struct RecordingOf {
    /// When its first entry happened; if that was taken out of the ledger, when the first checkpoint
    /// was made.
    pub(super) began: String,
    /// When the first checkpoint was made.
    pub(super) first_checkpoint: String,
    /// Seconds of the window up to `until`, and how many of them are after it began.
    pub(super) window_seconds: i64,
    pub(super) recorded_seconds: i64,
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
    /// In force at some time of the window, in mode `block` or `require_approval`.
    pub(super) in_force: u64,
    /// Of these, in force at its end.
    pub(super) at_end: u64,
    /// In force at some time of the window, in mode `warn` or `monitor`.
    pub(super) watching: u64,
    /// Entries that changed one.
    pub(super) changes: u64,
    /// Decisions in which one hit.
    pub(super) hits: u64,
    /// The first and the last entry that put one in force; it may be before the window.
    pub(super) first_seq: Option<i64>,
    pub(super) last_seq: Option<i64>,
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
    /// The first and the last entry that counts or, for what held, that says so; of what held the
    /// first may be before the window.
    pub(super) first_seq: Option<i64>,
    pub(super) last_seq: Option<i64>,
    /// How many entries the first and the last checkpoint cover, where checkpoints are counted.
    pub(super) first_size: Option<u64>,
    pub(super) last_size: Option<u64>,
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
            watching: piece.watching,
            changes: piece.changes,
            hits: piece.hits,
            first_seq: piece.seqs.map(|(first, _)| first),
            last_seq: piece.seqs.map(|(_, last)| last),
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
            first_seq: piece.seqs.map(|(first, _)| first),
            last_seq: piece.seqs.map(|(_, last)| last),
            first_size: piece.sizes.map(|(first, _)| first),
            last_size: piece.sizes.map(|(_, last)| last),
        }
    }
}

impl From<Window> for WindowOf {
    fn from(window: Window) -> Self {
        Self {
            from: window.first,
            to: window.last,
            until: instant(window.until),
        }
    }
}

impl RecordingOf {
    pub(super) fn of(recording: Recording, window: Window) -> Self {
        let since = |at: DateTime<Utc>| (window.until - at).num_seconds().max(0);
        let window_seconds = since(window.start());
        Self {
            began: instant(recording.began),
            first_checkpoint: instant(recording.first_sealed),
            window_seconds,
            recorded_seconds: since(recording.began).min(window_seconds),
        }
    }

    /// How much of the window is recorded, for a reader.
    pub(super) fn part(&self) -> String {
        let (part, whole) = (self.recorded_seconds, self.window_seconds);
        format!("{} of {}", span(part), span(whole))
    }
}

/// A length of time, in the largest unit of which there are two or more.
fn span(seconds: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let unit = UNITS.into_iter().find(|(length, _)| seconds >= 2 * length);
    match unit {
        Some((length, name)) => format!("{} {name}", seconds / length),
        None if seconds == 1 => "1 second".to_owned(),
        None => format!("{seconds} seconds"),
    }
}

impl Sample {
    /// Of the bytes that were hashed.
    pub(super) fn of(org: Uuid, cited: &Cited) -> Result<Self, Error> {
        let entry = recorded::entry(org, cited)?;
        Ok(Self {
            seq: cited.seq,
            hash: hex::encode(&cited.leaf_hash),
            occurred_at: instant(recorded::occurred_at(&entry)),
            r#type: entry.kind,
            action: entry.action,
            actor: entry.actor,
            target: entry.target,
            outcome: entry.outcome,
            reason_code: entry.reason_code,
            receipt: format!("/api/v1/audit/entries/{}/receipt", cited.seq),
        })
    }
}

/// An instant as reports write it: to the second.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_young_ledger_says_how_little_of_the_window_it_recorded() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-11-20T12:00:00Z");
        let window = Window::parse(Some("2026-08-23"), None, now).unwrap();
        let of = |began: &str| {
            let began = at(began);
            let recording = Recording {
                began,
                first_sealed: began,
            };
            RecordingOf::of(recording, window)
        };
        assert_eq!(of("2026-11-20T11:52:00Z").part(), "8 minutes of 89 days");
        assert_eq!(of("2026-11-20T11:59:00Z").part(), "60 seconds of 89 days");
        let whole = of("2026-01-01T00:00:00Z");
        assert_eq!(whole.part(), "89 days of 89 days");
        assert_eq!(whole.recorded_seconds, whole.window_seconds);
        let later = of("2026-11-21T00:00:00Z");
        assert_eq!(
            (later.recorded_seconds, &*later.part()),
            (0, "0 seconds of 89 days")
        );
    }
}

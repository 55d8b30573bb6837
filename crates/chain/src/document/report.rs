//! A compliance report: who signed it, over which head of the ledger, and that it counts its own
//! controls right. What it says of them is for a reader to judge.

use crate::checkpoint::{self, Checkpoint, NoteError, tenant_origin};
use crate::keys::Trusted;
use crate::statement::{SignatureRefusal, Signed, Statement};
use crate::verify::Class;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The report as it is signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Report(Value);

impl Statement for Report {
    const FORMATS: &'static [&'static str] = &["writ-compliance-report/1"];

    fn format(&self) -> &str {
        self.text("/format")
    }
}

/// A report of which everything was checked that can be; only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReport {
    /// Whose ledger.
    pub(super) org: Uuid,
    /// The head of that ledger it is over.
    pub(super) head: Checkpoint,
    /// The trusted keys that signed that head.
    pub(super) by: Vec<String>,
}

/// Why a report shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportRefusal {
    /// Nobody trusted signed it, or not this one.
    #[error("the statement: {0}")]
    Statement(#[from] SignatureRefusal),
    /// A field that a report has is missing or is another thing.
    #[error("field {0}")]
    Field(&'static str),
    /// Its checkpoint is not to be trusted.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] NoteError),
    /// Its checkpoint is of another log.
    #[error("the checkpoint is of another log")]
    WrongOrigin,
    /// It names another size or root than its checkpoint.
    #[error("what it says of the ledger is not what its checkpoint says")]
    OtherHead,
    /// Its summary is not the count of its controls.
    #[error("its summary is not that of its controls")]
    Summary,
}

impl ReportRefusal {
    /// The kind of trouble, and with it the exit code.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Statement(SignatureRefusal::UnknownKey(_))
            | Self::Checkpoint(NoteError::UnknownKey) => Class::UnknownKey,
            Self::Statement(_)
            | Self::Field(_)
            | Self::Checkpoint(_)
            | Self::WrongOrigin
            | Self::OtherHead
            | Self::Summary => Class::BadContent,
        }
    }
}

impl Report {
    /// Whose ledger it says it is of.
    #[must_use]
    pub fn org(&self) -> &str {
        self.text("/org")
    }

    fn text(&self, pointer: &str) -> &str {
        let found = self.0.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    }

    /// How many controls were assessed how, by the names that the summary has for it.
    fn counted(&self) -> Option<BTreeMap<String, u64>> {
        let mut counted = BTreeMap::new();
        for control in self.0.get("controls")?.as_array()? {
            let word = control.get("assessment")?.as_str()?;
            *counted.entry(named(word)).or_default() += 1;
        }
        Some(counted).filter(|it| !it.is_empty())
    }

    fn summary(&self) -> Option<BTreeMap<String, u64>> {
        let fields = self.0.get("summary")?.as_object()?.iter();
        let counts = fields.map(|(name, count)| Some((name.clone(), count.as_u64()?)));
        let counts: Option<BTreeMap<String, u64>> = counts.collect();
        counts.map(|it| it.into_iter().filter(|(_, count)| *count > 0).collect())
    }
}

/// `noEvidence` of `no evidence`.
fn named(word: &str) -> String {
    let mut parts = word.split(' ');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (first, rest) = part.split_at_checked(1).unwrap_or(("", part));
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}

/// Checks who states it and over which signed head, and that it does not contradict itself. The entries
/// it cites are in an export.
///
/// # Errors
/// [`ReportRefusal`].
pub(super) fn verify(
    signed: &Signed<Report>,
    trusted: &Trusted,
) -> Result<VerifiedReport, ReportRefusal> {
    let report = signed.open(&trusted.export)?;
    let org: Uuid = report.org().parse().unwrap_or_default();
    if org.to_string() != report.org() {
        return Err(ReportRefusal::Field("org"));
    }
    let head = checkpoint::open(report.text("/ledger/checkpoint"), &trusted.checkpoint)?;
    let by = head.signed_by().to_vec();
    let head = head.checkpoint().clone();
    if !by.iter().any(|it| tenant_origin(it, org) == head.origin) {
        return Err(ReportRefusal::WrongOrigin);
    }
    let size = report.0.pointer("/ledger/size").and_then(Value::as_u64);
    let root = report.text("/ledger/rootHash");
    if size != Some(head.size) || root != BASE64.encode(head.root) {
        return Err(ReportRefusal::OtherHead);
    }
    let counted = report.counted().ok_or(ReportRefusal::Field("controls"))?;
    if report.summary().as_ref() != Some(&counted) {
        return Err(ReportRefusal::Summary);
    }
    Ok(VerifiedReport { org, head, by })
}

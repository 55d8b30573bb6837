use super::{Class, Finding, Numbering};
use uuid::Uuid;

/// Findings beyond this many are counted, not kept.
const MAX_KEPT: usize = 100;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose ledger.
    pub org: Uuid,
    /// How many positions were read, missing ones included.
    pub entries: u64,
    /// The size a trusted key signed, if one did.
    pub sealed: Option<u64>,
    /// The trusted keys that signed.
    pub signed_by: Vec<String>,
    /// The trusted witnesses that cosigned, and when (seconds since 1970).
    pub witnesses: Vec<(String, u64)>,
    /// The trusted export keys that signed the manifest.
    pub manifest_signed_by: Vec<String>,
    /// Entries of which there are only hashes: redaction marks, or months that were taken out.
    pub hidden: u64,
    /// What the emitters' numbers say.
    pub numbering: Numbering,
    /// The first hundred findings.
    pub findings: Vec<Finding>,
    /// How many there were in all.
    pub total: u64,
    class: Class,
}

impl Report {
    pub(super) fn new(
        org: Uuid,
        entries: u64,
        sealed: Option<u64>,
        signed_by: Vec<String>,
        findings: Findings,
    ) -> Self {
        let Findings {
            kept,
            total,
            worst,
            hidden,
        } = findings;
        let class = worst.unwrap_or(Class::Clean);
        Self {
            org,
            entries,
            sealed,
            signed_by,
            witnesses: Vec::new(),
            manifest_signed_by: Vec::new(),
            hidden,
            numbering: Numbering::default(),
            findings: kept,
            total,
            class,
        }
    }

    /// The worst kind of trouble found.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    total: u64,
    worst: Option<Class>,
    /// Entries that are not shown.
    pub(super) hidden: u64,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        self.total += 1;
        self.worst = self.worst.max(Some(finding.class()));
        if self.kept.len() < MAX_KEPT {
            self.kept.push(finding);
        }
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.add(finding));
    }

    /// Whether no checkpoint was refused so far; one that was is always among the first findings.
    pub(super) fn is_without_checkpoint_trouble(&self) -> bool {
        !self.kept.iter().any(|finding| {
            matches!(
                finding,
                Finding::UnknownKey
                    | Finding::BadSignature { .. }
                    | Finding::UnreadableCheckpoint
                    | Finding::WrongOrigin
            )
        })
    }
}

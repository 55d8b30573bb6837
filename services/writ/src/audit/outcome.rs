//! What a verification says, of one organisation's ledger or of the global log.

use chrono::DateTime;
use serde_json::{Value, json};
use writ_chain::verify::{Class, Report};
use writ_contract::OrgId;

use crate::failure::Failure;
use crate::output::{self, Format};

/// More findings than this are counted, not kept.
pub(super) const MOST: usize = 100;

/// One line of the result, with its findings.
pub(super) struct Outcome {
    /// The organisation, or `global`.
    pub(super) name: String,
    /// What it is of.
    pub(super) what: What,
    /// The worst kind of trouble.
    pub(super) class: Class,
    /// How many of that were read.
    pub(super) entries: u64,
    /// The size a trusted key signed, if one did.
    pub(super) sealed: Option<u64>,
    /// The trusted keys that signed.
    pub(super) signed_by: Vec<String>,
    /// What else is worth saying, one line each.
    pub(super) notes: Vec<String>,
    /// The first hundred findings.
    pub(super) findings: Vec<String>,
    /// How many there were in all.
    pub(super) total: u64,
}

/// What was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The entries of a ledger.
    Entries,
    /// The intervals of the log over all organisations.
    Intervals,
    /// Lines for a SIEM: signed, and not shown to be in a ledger.
    Lines,
    /// One signed statement.
    Statement,
    /// An Action Receipt: hashed, and signed by nobody.
    ActionReceipt,
    /// Nothing that the ledger gives out.
    Nothing,
}

impl Outcome {
    /// Nothing read yet.
    pub(super) fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            what: What::Entries,
            class: Class::Clean,
            entries: 0,
            sealed: None,
            signed_by: Vec::new(),
            notes: Vec::new(),
            findings: Vec::new(),
            total: 0,
        }
    }

    /// One thing that does not hold.
    pub(super) fn wrong(&mut self, class: Class, text: impl Into<String>) {
        self.class = self.class.max(class);
        self.total += 1;
        if self.findings.len() < MOST {
            self.findings.push(text.into());
        }
    }

    fn summary(&self) -> String {
        let signed_by = match self.signed_by.as_slice() {
            [] => "nobody trusted".to_owned(),
            names => names.join(", "),
        };
        let sealed = self.sealed.map_or_else(
            || "under no head that a trusted key signed".to_owned(),
            |size| format!("{size} sealed by {signed_by}"),
        );
        let (word, entries) = (self.word(), self.entries);
        match self.what {
            What::Entries => format!("{word}: {entries} entries, {sealed}"),
            What::Intervals => format!("{word}: {entries} intervals, {sealed}"),
            What::Lines => format!("{word}: {entries} lines for a SIEM, signed by {signed_by}"),
            What::Statement if self.signed_by.is_empty() => word.to_owned(),
            What::Statement => format!("{word}: signed by {signed_by}"),
            What::Nothing => format!("{word}: nothing that the ledger gives out"),
            What::ActionReceipt => format!("{word}: hashed, signed by nobody"),
        }
    }

    /// The result: what nobody signed, or does not show itself to be in a ledger, is not called verified.
    fn word(&self) -> &'static str {
        match (self.class, self.what) {
            (Class::Clean, What::ActionReceipt) => "consistent",
            (Class::Clean, What::Lines) => "as exported",
            (Class::Clean, _) => "verified",
            (Class::BadContent, _) => "bad content",
            (Class::UnknownKey, _) => "unknown key",
            (Class::IncompleteRange, _) => "incomplete range",
            (Class::MissingQuorum, _) => "missing witness quorum",
        }
    }

    fn as_json(&self) -> Value {
        let counted = !matches!(self.what, What::Statement | What::ActionReceipt);
        json!({
            "ledger": self.name,
            "result": self.word(),
            "entries": counted.then_some(self.entries),
            "sealed": self.sealed,
            "signedBy": self.signed_by,
            "notes": self.notes,
            "findings": self.findings,
            "total": self.total,
        })
    }
}

impl From<Report> for Outcome {
    fn from(report: Report) -> Self {
        Self {
            what: What::Entries,
            class: report.class(),
            notes: Vec::new(),
            name: OrgId(report.org).to_string(),
            entries: report.entries,
            sealed: report.sealed,
            findings: report.findings.iter().map(ToString::to_string).collect(),
            signed_by: report.signed_by,
            total: report.total,
        }
    }
}

/// Writes the outcomes and returns the worst class, also when whoever reads them has enough.
pub(super) fn show(outcomes: &[Outcome], format: Format) -> Result<Class, Failure> {
    let worst = outcomes.iter().map(|it| it.class).max();
    match write(outcomes, format) {
        Ok(()) | Err(Failure::Closed) => Ok(worst.unwrap_or(Class::Clean)),
        Err(failure) => Err(failure),
    }
}

fn write(outcomes: &[Outcome], format: Format) -> Result<(), Failure> {
    if format.is_data() {
        return output::data(format, &outcomes.iter().map(Outcome::as_json).collect());
    }
    for outcome in outcomes {
        output::check(
            outcome.class == Class::Clean,
            &outcome.name,
            &outcome.summary(),
        )?;
        for said in outcome.notes.iter().chain(&outcome.findings) {
            output::text(&format!("         {said}"))?;
        }
        let hidden = outcome.total.saturating_sub(outcome.findings.len() as u64);
        if hidden > 0 {
            output::line(&format!("         and {hidden} more"))?;
        }
    }
    Ok(())
}

/// When a witness signed, as a note.
pub(super) fn witnessed(witness: &str, seconds: u64) -> String {
    let at = i64::try_from(seconds).ok();
    let at = at.and_then(|at| DateTime::from_timestamp(at, 0));
    let at = at.map(|at| at.to_rfc3339()).unwrap_or_default();
    format!("witnessed by {witness} at {at}")
}

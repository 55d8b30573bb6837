//! What a verification says, of one organisation's ledger or of the global log.

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
    /// The worst kind of trouble.
    pub(super) class: Class,
    /// How many entries, or intervals, were read.
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

impl Outcome {
    /// Nothing read yet.
    pub(super) fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
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
        let sealed = match self.sealed {
            Some(size) => format!("{size} sealed by {}", self.signed_by.join(", ")),
            None => "none sealed by a trusted key".to_owned(),
        };
        let entries = if self.name == "global" {
            "intervals"
        } else {
            "entries"
        };
        format!("{}: {} {entries}, {sealed}", word(self.class), self.entries)
    }

    fn as_json(&self) -> Value {
        json!({
            "ledger": self.name,
            "result": word(self.class),
            "entries": self.entries,
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

/// Writes the outcomes and returns the worst class.
pub(super) fn show(outcomes: &[Outcome], format: Format) -> Result<Class, Failure> {
    let worst = outcomes.iter().map(|it| it.class).max();
    let worst = worst.unwrap_or(Class::Clean);
    if format.is_data() {
        output::data(format, &outcomes.iter().map(Outcome::as_json).collect())?;
        return Ok(worst);
    }
    for outcome in outcomes {
        output::check(
            outcome.class == Class::Clean,
            &outcome.name,
            &outcome.summary(),
        )?;
        for said in outcome.notes.iter().chain(&outcome.findings) {
            output::line(&format!("         {said}"))?;
        }
        let hidden = outcome.total.saturating_sub(outcome.findings.len() as u64);
        if hidden > 0 {
            output::line(&format!("         and {hidden} more"))?;
        }
    }
    Ok(worst)
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Clean => "verified",
        Class::BadContent => "bad content",
        Class::UnknownKey => "unknown key",
        Class::IncompleteRange => "incomplete range",
        Class::MissingQuorum => "missing witness quorum",
    }
}

//! A signed statement of how much of an agent's time was governed, and whether anything is missing.
//!
//! "Agent X, from T1 to T2: n decisions, m ungoverned seconds, 0 missing". Who records numbers
//! densely, so a hole shows; the last record of an emitter that neither closed in order nor went on
//! after T2 shows nothing about what followed it: then the statement says that it is not known.

use crate::checkpoint::{self, NoteError, tenant_origin};
use crate::keys::Trusted;
use crate::statement::{SignatureRefusal, Signed, Statement};
use crate::verify::Class;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The format this release writes.
pub const FORMAT: &str = "writ-coverage/2";

/// The format before: it does not say how long the agent was heard of, nor what entries call it.
const WITHOUT_HEARD: &str = "writ-coverage/1";

mod recount;

pub use recount::{Difference, Recount};

/// Numbers follow time closely and not exactly: those of a period are looked for this many microseconds
/// around it.
pub const NEAR: i64 = 3_600_000_000;

const MICROS: u64 = 1_000_000;

/// What no record can show: said in every statement.
pub const EXCLUDES: [&str; 1] =
    ["repeats that the SDK answered from its own cache within 60 seconds"];

/// What is stated. Times are microseconds since 1970, `from` included and `to` not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Coverage {
    /// [`FORMAT`], or the one before.
    pub format: String,
    /// Whose ledger.
    pub org: Uuid,
    /// The agent, as it was asked for.
    pub agent: String,
    /// Begin of the period.
    pub from: i64,
    /// End of the period.
    pub to: i64,
    /// Decisions of the agent in the period.
    pub decisions: u64,
    /// Of those, allowed, held and denied.
    pub outcomes: Outcomes,
    /// What entries call the agent: `agent:<name>` is the actor or target of those that were counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Of the decisions, those whose entries do not name the agent: it was not registered then, and
    /// the ledger's index alone says that they were its.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unnamed: Option<u64>,
    /// Seconds in which the agent was heard of, rounded down: between two heartbeats or polls of its
    /// client that are not far apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_seconds: Option<u64>,
    /// The other seconds of the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_seconds: Option<u64>,
    /// Seconds in which the agent's client reported that it acted without decisions, overlaps once,
    /// rounded up.
    pub ungoverned_seconds: u64,
    /// Acts in that time, as reported.
    pub ungoverned_acts: u64,
    /// Reports of such time that clients of the organisation say they lost: if there are any, the
    /// seconds and acts are the least there were.
    pub lost_reports: u64,
    /// Records that are missing from the period; absent when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<u64>,
    /// Who recorded decisions of the organisation, and how far each can be followed.
    pub emitters: Vec<Emitter>,
    /// Emitters that did not close in order and were not heard of, by any organisation, for a day
    /// before the period. They are taken to have ended.
    pub silent_emitters: u64,
    /// What is not counted.
    pub excludes: Vec<String>,
    /// The signed head of the tree whose entries were counted.
    pub checkpoint: String,
    /// When it was issued.
    pub issued_at: i64,
}

/// How decisions ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcomes {
    /// The agent might act.
    pub allowed: u64,
    /// A person was asked.
    pub held: u64,
    /// The agent might not act.
    pub denied: u64,
}

impl Outcomes {
    /// Counts decisions by the word of how they ended.
    pub fn count(&mut self, word: Option<&str>, decisions: u64) {
        match word {
            Some("allowed") => self.allowed += decisions,
            Some("held") => self.held += decisions,
            // What says nothing of an outcome let nobody act.
            Some(_) | None => self.denied += decisions,
        }
    }

    /// All of them; `None` for more than there can be.
    #[must_use]
    pub fn sum(&self) -> Option<u64> {
        let asked = self.allowed.checked_add(self.held)?;
        asked.checked_add(self.denied)
    }
}

/// One life of one recorder, in the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Emitter {
    /// Its incarnation.
    pub emitter: String,
    /// The last number before the period; 0 when there was none.
    pub after: u64,
    /// The last number of the period.
    pub last: u64,
    /// How many of the numbers in between are in the ledger.
    pub present: u64,
    /// What followed the last number.
    pub tail: Tail,
}

impl Emitter {
    /// How many of its numbers are missing.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let expected = self.last.saturating_sub(self.after);
        expected.saturating_sub(self.present)
    }

    /// Whether there are no more of its numbers than there is room for.
    fn adds_up(&self) -> bool {
        let room = self.last.checked_sub(self.after);
        room.is_some_and(|room| self.present <= room)
    }
}

/// What is known of the end of an emitter's records in the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tail {
    /// It said that there is nothing after its last number.
    Closed,
    /// It went on after the period.
    Continued,
    /// Neither: there may be records that never came.
    Unknown,
}

impl Coverage {
    /// How many records are missing; `None` when an emitter's end is unknown.
    #[must_use]
    pub fn missing_of(emitters: &[Emitter]) -> Option<u64> {
        let known = emitters.iter().all(|one| one.tail != Tail::Unknown);
        let holes = emitters.iter().map(Emitter::missing);
        known.then(|| holes.fold(0, u64::saturating_add))
    }

    /// The whole seconds of its period, one that was begun counted.
    #[must_use]
    pub fn period_seconds(from: i64, to: i64) -> u64 {
        let micros = to.checked_sub(from).map(u64::try_from);
        micros.map_or(0, Result::unwrap_or_default).div_ceil(MICROS)
    }

    /// All that is missing; `None` for more than there can be.
    fn holes(&self) -> Option<u64> {
        let mut holes = self.emitters.iter().map(Emitter::missing);
        holes.try_fold(0, u64::checked_add)
    }

    /// Whether each number is the sum of its parts, and none greater than what it is a part of; each
    /// emitter is listed once, and each field is there in its format.
    fn adds_up(&self) -> bool {
        let seconds = Self::period_seconds(self.from, self.to);
        let heard = match (self.heard_seconds, self.silent_seconds, self.unnamed) {
            (None, None, None) => self.format == WITHOUT_HEARD && self.names.is_empty(),
            (Some(heard), Some(silent), Some(unnamed)) => {
                self.format == FORMAT
                    && !self.names.is_empty()
                    && unnamed <= self.decisions
                    && heard.checked_add(silent) == Some(seconds)
            }
            _ => false,
        };
        let emitters: BTreeSet<&str> = self.emitters.iter().map(|it| &*it.emitter).collect();
        heard
            && self.from <= self.to
            && self.to.checked_sub(self.from).is_some()
            && (self.missing.is_none() || self.holes().is_some())
            && self.ungoverned_seconds <= seconds
            && self.outcomes.sum() == Some(self.decisions)
            && (self.decisions == 0 || !emitters.is_empty())
            && emitters.len() == self.emitters.len()
            && self.emitters.iter().all(Emitter::adds_up)
    }
}

impl Statement for Coverage {
    const FORMATS: &'static [&'static str] = &[WITHOUT_HEARD, FORMAT];

    fn format(&self) -> &str {
        &self.format
    }
}

/// Why a statement of coverage shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoverageRefusal {
    /// Nobody trusted signed it, or not this one.
    #[error("the statement: {0}")]
    Statement(#[from] SignatureRefusal),
    /// Its checkpoint is not to be trusted.
    #[error("the checkpoint: {0}")]
    Checkpoint(NoteError),
    /// Its checkpoint is of another log.
    #[error("the checkpoint is of another log")]
    WrongOrigin,
    /// It says that less is missing, or more is known, than its own emitters show.
    #[error("what it says is missing is not what its emitters show")]
    Contradiction,
    /// Its numbers are not the sums of their parts.
    #[error("its numbers do not add up")]
    Sum,
}

impl CoverageRefusal {
    /// The kind of trouble, and with it the exit code.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Statement(SignatureRefusal::UnknownKey(_))
            | Self::Checkpoint(NoteError::UnknownKey) => Class::UnknownKey,
            Self::Statement(_)
            | Self::Checkpoint(_)
            | Self::WrongOrigin
            | Self::Contradiction
            | Self::Sum => Class::BadContent,
        }
    }
}

/// Checks who states it and over which signed head. The counts themselves are checked against the
/// entries, which are in an export.
///
/// # Errors
/// [`CoverageRefusal`].
pub fn verify<'a>(
    signed: &'a Signed<Coverage>,
    trusted: &Trusted,
) -> Result<&'a Coverage, CoverageRefusal> {
    let coverage = signed.open(&trusted.export)?;
    let head = checkpoint::open(&coverage.checkpoint, &trusted.checkpoint);
    let head = head.map_err(CoverageRefusal::Checkpoint)?;
    let mut names = head.signed_by().iter();
    if !names.any(|name| tenant_origin(name, coverage.org) == head.checkpoint().origin) {
        return Err(CoverageRefusal::WrongOrigin);
    }
    if Coverage::missing_of(&coverage.emitters) != coverage.missing {
        return Err(CoverageRefusal::Contradiction);
    }
    if !coverage.adds_up() {
        return Err(CoverageRefusal::Sum);
    }
    Ok(coverage)
}

/// The length of the union of windows inside a period, in microseconds.
#[must_use]
pub fn union_within(windows: &[(i64, i64)], from: i64, to: i64) -> i64 {
    let mut inside: Vec<(i64, i64)> = windows
        .iter()
        .map(|(begin, end)| ((*begin).max(from), (*end).min(to)))
        .filter(|(begin, end)| begin < end)
        .collect();
    inside.sort_unstable();
    let (mut sum, mut reached) = (0, from);
    for (begin, end) in inside {
        sum += (end - begin.max(reached)).max(0);
        reached = reached.max(end);
    }
    sum
}

#[cfg(test)]
mod tests;

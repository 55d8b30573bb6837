//! From what was found in a window to what can be said of a control.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};

use super::evidence::Kind;
use super::{Control, Evidence};

/// Entries shown for one control.
const SAMPLES: usize = 6;
/// Entries shown for one piece of evidence.
const SAMPLES_EACH: usize = 2;

/// What can be said of a control. Never more than that there is evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assessment {
    Operated,
    Partly,
    NoEvidence,
}

/// What a piece of evidence is to a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Needed,
    Supporting,
    Against,
}

/// What the store holds of a window, by word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// Entries that count as a word.
    pub(crate) counted: HashMap<String, Counted>,
    /// Aggregates of which a word held at some time.
    pub(crate) standing: HashMap<String, Held>,
    pub(crate) sealed: Sealed,
    /// When the record began, where whole days of the window were before.
    pub(crate) unrecorded: Option<DateTime<Utc>>,
}

/// Checkpoints that were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) count: u64,
    /// How many entries the first and the last of them cover.
    pub(crate) sizes: Option<(u64, u64)>,
}

/// Entries of one word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) count: u64,
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
    /// Some of them, the latest first.
    pub(crate) samples: Vec<i64>,
}

/// Aggregates of which one word held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// At some time of the window.
    pub(crate) count: u64,
    /// At its end.
    pub(crate) at_end: u64,
    /// The first and the last entry that said so, it may be before the window.
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
    /// Entries that said so, the latest first.
    pub(crate) samples: Vec<i64>,
}

/// A control, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) assessment: Assessment,
    /// The rule by which the assessment was reached, in words.
    pub(crate) rule: String,
    pub(crate) policies: Vec<PolicyPiece>,
    pub(crate) evidence: Vec<Piece>,
    /// Places in the ledger.
    pub(crate) samples: Vec<i64>,
    pub(crate) gaps: Vec<String>,
    pub(crate) recommendations: Vec<String>,
}

/// What one policy type bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyPiece {
    pub(crate) policy_type: String,
    /// Policies in force at some time of the window that stop or hold acts.
    pub(crate) in_force: u64,
    pub(crate) at_end: u64,
    /// Policies in force at some time of the window that only warn or note.
    pub(crate) watching: u64,
    pub(crate) changes: u64,
    /// Decisions in which one hit.
    pub(crate) hits: u64,
    /// The first and the last entry that put one in force.
    pub(crate) seqs: Option<(i64, i64)>,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) evidence: Evidence,
    pub(crate) role: Role,
    pub(crate) count: u64,
    /// The first and the last entry.
    pub(crate) seqs: Option<(i64, i64)>,
    /// How many entries the first and the last checkpoint cover.
    pub(crate) sizes: Option<(u64, u64)>,
}

impl Held {
    fn seqs(&self) -> (i64, i64) {
        (self.first_seq, self.last_seq)
    }
}

impl Found {
    fn count(&self, word: &str) -> u64 {
        self.counted.get(word).map_or(0, |it| it.count)
    }

    fn piece(&self, evidence: Evidence, role: Role) -> Piece {
        let counted = self.counted.get(evidence.word());
        let counted = counted.map(|it| (it.count, (it.first_seq, it.last_seq)));
        let held = self.standing.get(evidence.word());
        let held = held.map(|it| (it.count, it.seqs()));
        let (cited, sealed) = match evidence.kind() {
            Kind::Counted => (counted, Sealed::default()),
            Kind::Standing => (held, Sealed::default()),
            Kind::Sealed => (None, self.sealed),
        };
        Piece {
            evidence,
            role,
            count: cited.map_or(sealed.count, |(count, _)| count),
            seqs: cited.map(|(_, seqs)| seqs),
            sizes: sealed.sizes,
        }
    }

    fn policy(&self, policy_type: &str) -> PolicyPiece {
        let enforcing = self.standing.get(&format!("enforcing:{policy_type}"));
        let watching = self.standing.get(&format!("watching:{policy_type}"));
        let seqs = enforcing.into_iter().chain(watching).map(Held::seqs);
        PolicyPiece {
            policy_type: policy_type.to_owned(),
            in_force: enforcing.map_or(0, |it| it.count),
            at_end: enforcing.map_or(0, |it| it.at_end),
            watching: watching.map_or(0, |it| it.count),
            seqs: seqs.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))),
            changes: self.count(&format!("changes:{policy_type}")),
            hits: self.count(&format!("hits:{policy_type}")),
        }
    }

    fn samples(&self, word: &str) -> impl Iterator<Item = i64> {
        let counted = self.counted.get(word).map(|it| &it.samples);
        let held = self.standing.get(word).map(|it| &it.samples);
        let each = counted.or(held).into_iter().flatten();
        each.take(SAMPLES_EACH).copied()
    }
}

/// Judges one control by what was found.
pub(crate) fn assess(control: &Control, found: &Found) -> Judged {
    let policies: Vec<PolicyPiece> = control.policies.iter().map(|it| found.policy(it)).collect();
    let of = |list: &[Evidence], role| -> Vec<Piece> {
        list.iter().map(|it| found.piece(*it, role)).collect()
    };
    let mut evidence = of(&control.needs, Role::Needed);
    evidence.extend(of(&control.supports, Role::Supporting));
    evidence.extend(of(&control.against, Role::Against));
    let wanted = Wanted::of(control, &policies, &evidence, found.unrecorded);
    let assessment = wanted.assessment();
    Judged {
        assessment,
        rule: wanted.rule(assessment),
        samples: samples(control, found),
        gaps: wanted.gaps(control, &policies),
        recommendations: wanted.recommendations(control),
        policies,
        evidence,
    }
}

/// What a control asks for, sorted by whether it was found.
struct Wanted<'a> {
    /// A policy is asked for and none was in force, or none that is enough.
    policy_missing: bool,
    /// When the record began, where that was too late.
    unrecorded: Option<DateTime<Utc>>,
    /// What no entry can show.
    unshown: Option<String>,
    present: Vec<String>,
    missing: Vec<&'a Piece>,
    against: Vec<&'a Piece>,
}

impl<'a> Wanted<'a> {
    fn of(
        control: &Control,
        policies: &[PolicyPiece],
        evidence: &'a [Piece],
        unrecorded: Option<DateTime<Utc>>,
    ) -> Self {
        let in_force: u64 = policies.iter().map(|it| it.in_force).sum();
        let watching: u64 = policies.iter().map(|it| it.watching).sum();
        let watching = if control.watching { watching } else { 0 };
        let mut present = Vec::new();
        if in_force > 0 {
            present.push(format!("policies that stop or hold acts: {in_force}"));
        }
        if watching > 0 {
            present.push(format!("policies that only warn or note: {watching}"));
        }
        let needed = || evidence.iter().filter(|it| it.role == Role::Needed);
        let found = needed().filter(|it| it.count > 0);
        present.extend(found.map(|it| format!("{}: {}", it.evidence.word(), it.count)));
        Self {
            policy_missing: !policies.is_empty() && in_force + watching == 0,
            unrecorded,
            unshown: control.unshown.clone(),
            present,
            missing: needed().filter(|it| it.count == 0).collect(),
            against: evidence
                .iter()
                .filter(|it| it.role == Role::Against && it.count > 0)
                .collect(),
        }
    }

    fn assessment(&self) -> Assessment {
        let found = !self.policy_missing && self.missing.is_empty() && self.against.is_empty();
        let whole = self.unrecorded.is_none() && self.unshown.is_none();
        match (self.present.is_empty(), found && whole) {
            (true, _) => Assessment::NoEvidence,
            (false, true) => Assessment::Operated,
            (false, false) => Assessment::Partly,
        }
    }

    fn rule(&self, assessment: Assessment) -> String {
        let present = self.present.join(", ");
        match assessment {
            Assessment::Operated => format!(
                "Everything the control needs was found ({present}) and nothing that speaks against it."
            ),
            Assessment::NoEvidence if self.unshown.is_some() && self.asks_nothing() => {
                "No entry can show what the control asks for.".to_owned()
            }
            Assessment::NoEvidence => "Nothing of what the control needs was found.".to_owned(),
            Assessment::Partly if self.policy_missing || !self.missing.is_empty() => {
                format!("Some of what the control needs was found ({present}), and not all.")
            }
            Assessment::Partly if !self.against.is_empty() => format!(
                "What the control needs was found ({present}), and something that speaks against it."
            ),
            Assessment::Partly if self.unrecorded.is_some() => format!(
                "What the control needs was found ({present}), but nothing was recorded for a part of \
                 the window."
            ),
            Assessment::Partly => format!(
                "What entries can show of the control was found ({present}); they cannot show all of it."
            ),
        }
    }

    /// Whether there is nothing that an entry could show.
    fn asks_nothing(&self) -> bool {
        !self.policy_missing && self.missing.is_empty()
    }

    fn gaps(&self, control: &Control, policies: &[PolicyPiece]) -> Vec<String> {
        let mut gaps: Vec<String> = self.unrecorded.into_iter().map(not_before).collect();
        if self.policy_missing {
            let types = control.policies.join(", ");
            let watching: u64 = policies.iter().map(|it| it.watching).sum();
            gaps.push(match watching {
                0 => format!("no policy in force: {types}"),
                few => format!(
                    "no policy in force that stops or holds acts: {types}; {few} only warn or note"
                ),
            });
        }
        let missing = self.missing.iter();
        gaps.extend(missing.map(|it| format!("none found: {}", it.evidence.what())));
        let against = self.against.iter();
        gaps.extend(against.map(|it| format!("{} found: {}", it.count, it.evidence.what())));
        gaps.extend(self.unshown.iter().map(|it| format!("not shown: {it}")));
        gaps
    }

    fn recommendations(&self, control: &Control) -> Vec<String> {
        let mut all = Vec::new();
        if self.policy_missing {
            let types = control.policies.join(", ");
            let mode = if control.watching {
                ""
            } else {
                ", in mode block or require_approval"
            };
            all.push(format!(
                "Put a policy of one of these types in force{mode}: {types}."
            ));
        }
        if let Some(began) = self.unrecorded {
            let day = began.date_naive();
            all.push(format!(
                "Ask for a window that begins after {day}, or name no beginning."
            ));
        }
        let pieces = self.missing.iter().chain(&self.against);
        all.extend(pieces.map(|it| it.evidence.advice().to_owned()));
        if self.unshown.is_some() {
            all.push("Show the rest by other records than the ledger's.".to_owned());
        }
        all
    }
}

/// What a reader of a window is told that began before the record did.
pub(crate) fn not_before(began: DateTime<Utc>) -> String {
    let began = began.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("nothing was recorded before {began}")
}

/// Some entries behind what was found: what speaks against the control first.
fn samples(control: &Control, found: &Found) -> Vec<i64> {
    let word = |evidence: &Evidence| evidence.word().to_owned();
    let against = control.against.iter().map(word);
    let policies = ["enforcing", "watching"].into_iter().flat_map(|how| {
        let types = control.policies.iter();
        types.map(move |it| format!("{how}:{it}"))
    });
    let hits = control.policies.iter().map(|it| format!("hits:{it}"));
    let rest = control.needs.iter().chain(&control.supports).map(word);
    let mut samples: Vec<i64> = Vec::new();
    for word in against.chain(policies).chain(hits).chain(rest) {
        for seq in found.samples(&word) {
            if samples.len() < SAMPLES && !samples.contains(&seq) {
                samples.push(seq);
            }
        }
    }
    samples
}

#[cfg(test)]
mod tests;

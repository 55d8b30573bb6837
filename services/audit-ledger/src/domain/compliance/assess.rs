//! From what was found in a window to what can be said of a control.

use std::collections::HashMap;

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
    /// Checkpoints made.
    pub(crate) checkpoints: u64,
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
    /// Policies in force at some time of the window.
    pub(crate) in_force: u64,
    pub(crate) at_end: u64,
    pub(crate) changes: u64,
    /// Decisions in which one hit.
    pub(crate) hits: u64,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) evidence: Evidence,
    pub(crate) role: Role,
    pub(crate) count: u64,
    pub(crate) first_seq: Option<i64>,
    pub(crate) last_seq: Option<i64>,
}

impl Found {
    fn count(&self, word: &str) -> u64 {
        self.counted.get(word).map_or(0, |it| it.count)
    }

    fn piece(&self, evidence: Evidence, role: Role) -> Piece {
        let counted = self.counted.get(evidence.word());
        let count = match evidence.kind() {
            Kind::Counted => counted.map_or(0, |it| it.count),
            Kind::Standing => self.standing.get(evidence.word()).map_or(0, |it| it.count),
            Kind::Sealed => self.checkpoints,
        };
        Piece {
            evidence,
            role,
            count,
            first_seq: counted.map(|it| it.first_seq),
            last_seq: counted.map(|it| it.last_seq),
        }
    }

    fn policy(&self, policy_type: &str) -> PolicyPiece {
        let held = self.standing.get(&format!("policy:{policy_type}"));
        PolicyPiece {
            policy_type: policy_type.to_owned(),
            in_force: held.map_or(0, |it| it.count),
            at_end: held.map_or(0, |it| it.at_end),
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
    let wanted = Wanted::of(&policies, &evidence);
    let assessment = wanted.assessment();
    Judged {
        assessment,
        rule: wanted.rule(assessment),
        samples: samples(control, found),
        gaps: wanted.gaps(control),
        recommendations: wanted.recommendations(control),
        policies,
        evidence,
    }
}

/// What a control asks for, sorted by whether it was found.
struct Wanted<'a> {
    /// A policy is asked for and none was in force.
    policy_missing: bool,
    present: Vec<String>,
    missing: Vec<&'a Piece>,
    against: Vec<&'a Piece>,
}

impl<'a> Wanted<'a> {
    fn of(policies: &[PolicyPiece], evidence: &'a [Piece]) -> Self {
        let in_force: u64 = policies.iter().map(|it| it.in_force).sum();
        let mut present = Vec::new();
        if in_force > 0 {
            present.push(format!("policies in force: {in_force}"));
        }
        let needed = || evidence.iter().filter(|it| it.role == Role::Needed);
        let found = needed().filter(|it| it.count > 0);
        present.extend(found.map(|it| format!("{}: {}", it.evidence.word(), it.count)));
        Self {
            policy_missing: !policies.is_empty() && in_force == 0,
            present,
            missing: needed().filter(|it| it.count == 0).collect(),
            against: evidence
                .iter()
                .filter(|it| it.role == Role::Against && it.count > 0)
                .collect(),
        }
    }

    fn assessment(&self) -> Assessment {
        let whole = !self.policy_missing && self.missing.is_empty();
        match (self.present.is_empty(), whole && self.against.is_empty()) {
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
            Assessment::NoEvidence => "Nothing of what the control needs was found.".to_owned(),
            Assessment::Partly if self.policy_missing || !self.missing.is_empty() => {
                format!("Some of what the control needs was found ({present}), and not all.")
            }
            Assessment::Partly => format!(
                "What the control needs was found ({present}), and something that speaks against it."
            ),
        }
    }

    fn gaps(&self, control: &Control) -> Vec<String> {
        let mut gaps = Vec::new();
        if self.policy_missing {
            gaps.push(format!(
                "no policy in force: {}",
                control.policies.join(", ")
            ));
        }
        let missing = self.missing.iter();
        gaps.extend(missing.map(|it| format!("none found: {}", it.evidence.what())));
        let against = self.against.iter();
        gaps.extend(against.map(|it| format!("{} found: {}", it.count, it.evidence.what())));
        gaps
    }

    fn recommendations(&self, control: &Control) -> Vec<String> {
        let mut all = Vec::new();
        if self.policy_missing {
            all.push(format!(
                "Put a policy of one of these types in force: {}.",
                control.policies.join(", ")
            ));
        }
        let pieces = self.missing.iter().chain(&self.against);
        all.extend(pieces.map(|it| it.evidence.advice().to_owned()));
        all
    }
}

/// Some entries behind what was found: what speaks against the control first.
fn samples(control: &Control, found: &Found) -> Vec<i64> {
    let word = |evidence: &Evidence| evidence.word().to_owned();
    let against = control.against.iter().map(word);
    let policies = control.policies.iter().map(|it| format!("policy:{it}"));
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

//! What the tests of a set do and do not look at.
//!
//! A condition is a part of a rule that can be taken away or turned round: an entry of a list, a
//! number, a switch, a word. It is covered when some case is decided differently without it, so a condition
//! that no case needs counts as untested although the line it stands on was read.

mod variants;

use serde_json::Value;
use uuid::Uuid;
use writ_policy::{Decision, Mode, Policy, PolicySet};

use super::cases::Case;
use super::trial::{Bench, Charged, Run, hits, local_id};

/// What was tried of one policy.
#[derive(Debug)]
pub(super) struct Covered {
    pub(super) policy: usize,
    /// Cases in which it hit, and in which it was judged and did not.
    pub(super) hit: usize,
    pub(super) passed: usize,
    /// Each condition, and whether a case depends on it.
    pub(super) conditions: Vec<(String, bool)>,
}

impl Covered {
    /// How many of its points are covered, and how many there are: that it hits, that it passes,
    /// and each condition.
    pub(super) fn points(&self) -> (usize, usize) {
        let conditions = self.conditions.iter().filter(|(_, covered)| *covered);
        let covered = conditions.count() + usize::from(self.hit > 0) + usize::from(self.passed > 0);
        (covered, self.conditions.len() + 2)
    }

    /// What no case looks at.
    pub(super) fn untested(&self) -> Vec<&str> {
        let never_hit = (self.hit == 0).then_some("a hit");
        let never_passed = (self.passed == 0).then_some("a pass");
        let conditions = self.conditions.iter().filter(|(_, covered)| !covered);
        let conditions = conditions.map(|(path, _)| path.as_str());
        never_hit
            .into_iter()
            .chain(never_passed)
            .chain(conditions)
            .collect()
    }
}

/// Covered points of all policies in percent; a set without policies is covered.
pub(super) fn percent(all: &[Covered]) -> f64 {
    let (covered, points) = all
        .iter()
        .map(Covered::points)
        .fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    let ratio = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    if points == 0 {
        return 100.0;
    }
    100.0 * ratio(covered) / ratio(points)
}

/// The coverage of every active policy.
pub(super) fn of(bench: &mut Bench, runs: &[Run<'_>]) -> Vec<Covered> {
    let active: Vec<usize> = (0..bench.policies.len())
        .filter(|at| bench.policies.get(*at).is_some_and(|it| it.is_active))
        .collect();
    active
        .into_iter()
        .map(|at| of_policy(bench, at, runs))
        .collect()
}

fn of_policy(bench: &mut Bench, at: usize, runs: &[Run<'_>]) -> Covered {
    let id = local_id(at);
    let mine: Vec<_> = runs.iter().filter(|it| it.policies.contains(&at)).collect();
    let tried = || mine.iter().flat_map(|run| &run.tried);
    let cases: Vec<&Case> = tried().map(|it| it.case).collect();
    let around = with_prerequisites(bench, at);
    let as_is = decisions(bench, &bench.compile(&around), &cases);
    let policy = bench.policies.get(at);
    let varied = policy.map(|it| variants::of(it.policy_type, &it.rule_definition));
    let mut conditions = Vec::new();
    for (path, variants) in varied.unwrap_or_default() {
        let covered = variants.into_iter().any(|variant| {
            let set = compile_with(bench, &around, at, variant);
            decisions(bench, &set, &cases)
                .iter()
                .zip(&as_is)
                .any(|(now, before)| now != before)
        });
        conditions.push((path, covered));
    }
    Covered {
        policy: at,
        hit: tried().filter(|it| it.hit.contains(&id)).count(),
        passed: tried().filter(|it| it.passed.contains(&id)).count(),
        conditions,
    }
}

/// The policy and all it waits for: enough to see what it says.
fn with_prerequisites(bench: &Bench, at: usize) -> Vec<usize> {
    let mut wanted = vec![at];
    let mut next = 0;
    while let Some(position) = wanted.get(next).copied() {
        for before in bench.chain.before.get(position).into_iter().flatten() {
            if !wanted.contains(before) {
                wanted.push(*before);
            }
        }
        next += 1;
    }
    wanted
}

fn compile_with(bench: &Bench, around: &[usize], at: usize, rule: Value) -> PolicySet {
    let policies = around.iter().filter_map(|position| {
        let policy = bench.policies.get(*position)?.clone();
        Some(if *position == at {
            Policy {
                rule_definition: rule.clone(),
                ..policy
            }
        } else {
            policy
        })
    });
    PolicySet::compile(policies.collect())
}

/// What a decision comes to, without words: hits with their modes and evidence, what goes with
/// it, and which counters it was charged to.
type Essence = (Vec<(Uuid, Mode, Value)>, Value, Option<String>, Charged);

fn decisions(bench: &mut Bench, set: &PolicySet, cases: &[&Case]) -> Vec<Essence> {
    let decide = |case: &&Case| essence(bench.decide(set, case));
    cases.iter().map(decide).collect()
}

fn essence((decision, charged): (Decision, Charged)) -> Essence {
    let hits = hits(&decision).map(|hit| {
        let evidence = serde_json::to_value(&hit.evidence).unwrap_or_default();
        (hit.policy_id, hit.enforcement_mode, evidence)
    });
    let duties = serde_json::to_value(&decision.obligations).unwrap_or_default();
    (
        hits.collect(),
        duties,
        decision.redacted_input.clone(),
        charged,
    )
}

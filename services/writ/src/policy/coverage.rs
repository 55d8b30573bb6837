//! What the tests of a set do and do not look at.
//!
//! A condition is a part of a rule that can be taken away or turned round: an entry of a list, a
//! number, a switch. It is covered when some case is decided differently without it, so a condition
//! that no case needs counts as untested although the line it stands on was read.

use serde_json::{Map, Number, Value};
use uuid::Uuid;
use writ_policy::{Decision, Policy, PolicySet, schema};

use super::cases::Case;
use super::trial::{Bench, Run, hits, local_id};

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
    let rule = bench.policies.get(at).map(|it| it.rule_definition.clone());
    let varied = rule.map(|rule| conditions_of(bench, at, &rule));
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

/// What a decision comes to, without words and the set's hash.
type Essence = (Vec<(Uuid, Value)>, Value, Option<String>);

fn decisions(bench: &mut Bench, set: &PolicySet, cases: &[&Case]) -> Vec<Essence> {
    let decide = |case: &&Case| essence(&bench.decide(set, case));
    cases.iter().map(decide).collect()
}

fn essence(decision: &Decision) -> Essence {
    let json = |value| serde_json::to_value(value).unwrap_or_default();
    let hits = hits(decision).map(|hit| {
        let evidence = serde_json::to_value(&hit.evidence).unwrap_or_default();
        (hit.policy_id, evidence)
    });
    (
        hits.collect(),
        json(&decision.obligations),
        decision.redacted_input.clone(),
    )
}

/// Each condition of a rule with the valid rules that do not have it.
fn conditions_of(bench: &Bench, at: usize, rule: &Value) -> Vec<(String, Vec<Value>)> {
    let Some(kind) = bench.policies.get(at).map(|it| it.policy_type) else {
        return Vec::new();
    };
    let shape: Value = serde_json::from_str(kind.schema()).unwrap_or_default();
    let mut found = Vec::new();
    vary(rule, &shape, "", &mut |path, variants| {
        let valid = |variant: &Value| schema::validate(kind, variant).is_ok();
        let variants: Vec<Value> = variants.into_iter().filter(valid).collect();
        if !variants.is_empty() {
            found.push((path.to_owned(), variants));
        }
    });
    found
}

type Found<'f> = &'f mut dyn FnMut(&str, Vec<Value>);

/// Calls back with every condition below a value and the values without it.
fn vary(value: &Value, shape: &Value, path: &str, found: Found<'_>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let mut rest = items.clone();
                rest.remove(index);
                let name = match item.as_str() {
                    Some(text) => format!("{path}[{index}] {text}"),
                    None => format!("{path}[{index}]"),
                };
                found(&name, vec![Value::Array(rest)]);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let shape = shape.pointer(&format!("/properties/{name}"));
                let shape = shape.unwrap_or(&Value::Null);
                let path = match path {
                    "" => name.clone(),
                    _ => format!("{path}.{name}"),
                };
                vary(field, shape, &path, &mut |path, variants| {
                    let with = |variant| replaced(fields, name, variant);
                    found(path, variants.into_iter().map(with).collect());
                });
            }
        }
        Value::Bool(yes) => found(path, vec![Value::Bool(!yes)]),
        Value::Number(number) => found(path, other_numbers(number)),
        Value::String(_) => found(path, other_words(value, shape)),
        Value::Null => {}
    }
}

fn replaced(fields: &Map<String, Value>, name: &str, variant: Value) -> Value {
    let mut fields = fields.clone();
    fields.insert(name.to_owned(), variant);
    Value::Object(fields)
}

fn other_numbers(number: &Number) -> Vec<Value> {
    match (number.as_i64(), number.as_f64()) {
        (Some(n), _) => vec![0.into(), (n / 2).into(), n.saturating_mul(1_000).into()],
        (None, Some(n)) => vec![0.into(), (n / 2.0).into(), 1.into(), (n * 1_000.0).into()],
        (None, None) => Vec::new(),
    }
}

/// The other words the schema allows here.
fn other_words(word: &Value, shape: &Value) -> Vec<Value> {
    let words = shape.get("enum").and_then(Value::as_array);
    let others = words.into_iter().flatten().filter(|it| *it != word);
    others.cloned().collect()
}

//! Runs cases against the engine, here, without a server.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use writ_policy::{
    Answer, Answers, Call, Decision, Evaluation, Facts, Policy, PolicySet, Request, Unit,
    Violation, resume,
};

use super::cases::{Case, Said, Suite, outcome_word};
use super::set::{Chain, FileSet};

/// The policies of some files with ids of their own, ready to be compiled.
#[derive(Debug)]
pub(super) struct Bench {
    /// In the order of the set's entries.
    pub(super) policies: Vec<Policy>,
    pub(super) chain: Chain,
    agents: Agents,
}

/// A case that was run.
#[derive(Debug)]
pub(super) struct Tried<'a> {
    pub(super) case: &'a Case,
    /// Why it failed; empty when it passed.
    pub(super) wrong: Vec<String>,
    /// Policies that hit and that were judged and did not.
    pub(super) hit: BTreeSet<Uuid>,
    pub(super) passed: BTreeSet<Uuid>,
}

/// What became of the counters.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Charged {
    counters: Vec<String>,
    /// Policies whose counter is above its warning threshold now.
    thresholds: BTreeSet<String>,
    /// Whether the agent is to be paused.
    pauses: bool,
}

/// A suite that was run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) suite: &'a Suite,
    /// Positions of the policies it was run with.
    pub(super) policies: Vec<usize>,
    pub(super) tried: Vec<Tried<'a>>,
}

/// Ids for the names that applications give agents: the same name, the same id.
#[derive(Debug, Default)]
struct Agents(BTreeMap<String, Uuid>);

impl Agents {
    fn id(&mut self, name: &str) -> Uuid {
        if let Ok(id) = Uuid::try_parse(name) {
            return id;
        }
        let next = u128::try_from(self.0.len()).unwrap_or_default() + 1;
        *self
            .0
            .entry(name.to_owned())
            .or_insert_with(|| Uuid::from_u128(next))
    }
}

impl Bench {
    /// Ids follow the order of the files, as they will on the server.
    pub(super) fn new(set: &FileSet) -> Self {
        let chain = Chain::of(&set.entries);
        let mut agents = Agents::default();
        let mut policies = Vec::new();
        for (entry, before) in set.entries.iter().zip(&chain.before) {
            let mut policy = entry.policy.clone();
            policy.id = local_id(policies.len());
            policy.applies_to_agents = entry.agents.iter().map(|it| agents.id(it)).collect();
            policy.prerequisites = before.iter().map(|at| local_id(*at)).collect();
            policies.push(policy);
        }
        Self {
            policies,
            chain,
            agents,
        }
    }

    /// Runs every suite against the policies beside it.
    pub(super) fn run<'a>(&mut self, set: &'a FileSet) -> Vec<Run<'a>> {
        set.suites
            .iter()
            .map(|it| self.run_suite(set, it))
            .collect()
    }

    fn run_suite<'a>(&mut self, set: &'a FileSet, suite: &'a Suite) -> Run<'a> {
        let wanted = |name: &String| suite.policies.is_empty() || suite.policies.contains(name);
        let here = set
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.folder == suite.folder && wanted(&entry.policy.name));
        let policies: Vec<usize> = here.map(|(at, _)| at).collect();
        let compiled = self.compile(&policies);
        let tried = suite.cases.iter();
        let tried = tried.map(|case| self.try_case(&compiled, case)).collect();
        Run {
            suite,
            policies,
            tried,
        }
    }

    /// A set of some of the policies.
    pub(super) fn compile(&self, positions: &[usize]) -> PolicySet {
        let chosen = positions.iter().filter_map(|at| self.policies.get(*at));
        PolicySet::compile(chosen.cloned().collect())
    }

    fn try_case<'a>(&mut self, compiled: &PolicySet, case: &'a Case) -> Tried<'a> {
        let (decision, charged) = self.decide(compiled, case);
        let hit: BTreeSet<Uuid> = hits(&decision).map(|it| it.policy_id).collect();
        let judged = decision.considered.iter();
        let judged = judged.filter(|it| it.judged && !it.failed);
        let judged = judged.map(|it| it.policy_id);
        Tried {
            wrong: wrong_with(case, &decision, &charged),
            passed: judged.filter(|id| !hit.contains(id)).collect(),
            hit,
            case,
        }
    }

    /// What is decided, and what becomes of the counters.
    pub(super) fn decide(&mut self, set: &PolicySet, case: &Case) -> (Decision, Charged) {
        let mut request = case.request.clone();
        if request.agent.id.is_nil() && !request.agent.external_id.is_empty() {
            request.agent.id = self.agents.id(&request.agent.external_id);
        }
        let verified = case.facts.verified == Some(true);
        if let Some(person) = &mut request.on_behalf_of {
            person.verified = verified;
        }
        if let Some(delegation) = &mut request.delegation {
            delegation.verified = verified;
        }
        let facts = Facts {
            mean_cost: case.facts.mean_cost,
            ..Facts::at(case.options.now_ms())
        };
        let mut decision = self.resolve(set, &request, &facts, case);
        let charged = charge(&mut decision, case);
        (decision, charged)
    }

    /// Answers what the engine asks with what the case says; a question it does not foresee gets
    /// no usable answer.
    fn resolve(&self, set: &PolicySet, request: &Request, facts: &Facts, case: &Case) -> Decision {
        let mut answers = Answers::new();
        loop {
            match resume(set, request, facts, &answers) {
                Evaluation::Decided(decision) => return *decision,
                Evaluation::Needs(calls) => {
                    answers.extend(calls.iter().map(|it| (it.policy_id, self.answer(it, case))));
                }
            }
        }
    }

    fn answer(&self, call: &Call, case: &Case) -> Answer {
        let asks = self.policies.iter().find(|it| it.id == call.policy_id);
        let said = asks.and_then(|it| case.facts.answers.get(&it.name));
        let reason = "the test says so".to_owned();
        match said {
            Some(Said::Allow) => Answer::Allow { reason },
            Some(Said::Deny) => Answer::Deny { reason },
            Some(Said::RequireApproval) => Answer::RequireApproval { reason },
            Some(Said::Failed) => Answer::failed(reason),
            None => Answer::failed("the test has no answer"),
        }
    }
}

/// Never nil, and in the order of the positions.
pub(super) fn local_id(position: usize) -> Uuid {
    Uuid::from_u128(u128::try_from(position).unwrap_or_default() + 1)
}

/// Every hit, in any mode.
pub(super) fn hits(decision: &Decision) -> impl Iterator<Item = &Violation> {
    decision.violations.iter().chain(&decision.warnings)
}

/// Does what the shared counters would do with what they hold already.
fn charge(decision: &mut Decision, case: &Case) -> Charged {
    let mut charged = Charged::default();
    for wanted in std::mem::take(&mut decision.reservations) {
        let policy = wanted.violation.policy_name.clone();
        let used = case.facts.used.get(&policy).copied().unwrap_or_default();
        let used = match wanted.unit {
            Unit::MicroUsd => whole(used * 1_000_000.0),
            Unit::Calls | Unit::Records => whole(used),
        };
        let total = used.saturating_add(wanted.amount);
        charged.counters.push(wanted.counter);
        if wanted.warn_above.is_some_and(|warn| total > warn) {
            charged.thresholds.insert(policy);
        }
        if total > wanted.cap {
            charged.pauses |= wanted.pause_agent;
            decision.add(wanted.violation);
        }
    }
    charged
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float becomes the nearest integer there is"
)]
fn whole(amount: f64) -> u64 {
    amount.round() as u64
}

fn wrong_with(case: &Case, decision: &Decision, charged: &Charged) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differs = |what: &str, expected: String, was: String| {
        if expected != was {
            wrong.push(format!("{what}: expected {expected}, was {was}"));
        }
    };
    if let Some(outcome) = case.expect.outcome {
        let was = outcome_word(decision.outcome);
        differs("outcome", outcome_word(outcome).to_owned(), was.to_owned());
    }
    if let Some(names) = &case.expect.policies {
        let expected = names.iter().map(String::as_str).collect();
        let was = hits(decision).map(|it| it.policy_name.as_str()).collect();
        differs("policies", listed(&expected), listed(&was));
    }
    if let Some(names) = &case.expect.thresholds {
        let expected = names.iter().map(String::as_str).collect();
        let was = charged.thresholds.iter().map(String::as_str).collect();
        differs("thresholds", listed(&expected), listed(&was));
    }
    if let Some(pauses) = case.expect.pauses_agent {
        differs(
            "pausesAgent",
            pauses.to_string(),
            charged.pauses.to_string(),
        );
    }
    if let Some(text) = &case.expect.redacted_input {
        let was = decision.redacted_input.as_deref().unwrap_or("nothing");
        differs("redactedInput", text.clone(), was.to_owned());
    }
    let found: BTreeSet<&str> = hits(decision)
        .flat_map(|it| it.evidence.iter().map(|it| it.kind.as_str()))
        .collect();
    for rule in &case.expect.rules {
        if !found.contains(rule.as_str()) {
            wrong.push(format!("rules: expected {rule}, found {}", listed(&found)));
        }
    }
    if !wrong.is_empty() {
        let reasons = hits(decision).map(|it| format!("{}: {}", it.policy_name, it.message));
        wrong.extend(reasons);
    }
    wrong
}

fn listed(names: &BTreeSet<&str>) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let names: Vec<_> = names.iter().copied().collect();
    names.join(", ")
}

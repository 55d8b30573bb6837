//! Judges a request against a policy set.

mod tally;

use crate::built_in;
use crate::context::Context;
use crate::decision::Decision;
use crate::model::ChainTrigger;
use crate::outside::{Answer, Answers, Call, Question};
use crate::request::{Facts, Request};
use crate::rule::{Failure, Verdict};
use crate::set::{Entry, PolicySet};
use crate::text::Texts;
use tally::Tally;

/// Version of the engine, recorded with every decision.
pub const ENGINE_VERSION: &str = concat!("writ-policy/", env!("CARGO_PKG_VERSION"));

/// What the engine says to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluation {
    /// Judged.
    Decided(Box<Decision>),
    /// Nothing known so far refuses the act, and these questions could: put them, all at once, and
    /// call [`resume`] with every answer got so far.
    Needs(Vec<Call>),
}

/// Judges a request: every policy in scope is judged and every hit listed, the strongest decides.
///
/// Pure: equal arguments give equal results, whatever order the policies were given in.
#[must_use]
pub fn evaluate(set: &PolicySet, request: &Request, facts: &Facts) -> Evaluation {
    resume(set, request, facts, &Answers::new())
}

/// Judges a request, knowing answers from outside. An answer may lead to further questions, of
/// policies that waited for it; their number is bounded by the length of the chains.
#[must_use]
pub fn resume(set: &PolicySet, request: &Request, facts: &Facts, answers: &Answers) -> Evaluation {
    let texts = Texts::of(request);
    let (tally, calls) = run(set, request, facts, &texts, Some(answers));
    if calls.is_empty() || tally.refused() {
        Evaluation::Decided(Box::new(tally.close(set, request, &texts)))
    } else {
        Evaluation::Needs(calls)
    }
}

/// Judges a request where nobody can be asked: every question gets a failed answer.
#[must_use]
pub fn decide_alone(set: &PolicySet, request: &Request, facts: &Facts) -> Decision {
    let texts = Texts::of(request);
    let (tally, _) = run(set, request, facts, &texts, None);
    tally.close(set, request, &texts)
}

/// What became of a policy, for those that wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Passed,
    /// It hit, or could not be judged.
    Violated,
    /// Its chain left it out.
    Skipped,
    /// It has a question, or waits for one that has.
    Waiting,
}

fn run(
    set: &PolicySet,
    request: &Request,
    facts: &Facts,
    texts: &Texts<'_>,
    answers: Option<&Answers>,
) -> (Tally, Vec<Call>) {
    let context = Context::new(set, request, facts, texts);
    let mut tally = Tally::default();
    let mut calls = Vec::new();
    judge_built_in(set, &context, &mut tally);
    // Ascending positions, so that a prerequisite is found by search.
    let scope = set.in_scope(context.scopes(), request);
    let most = scope.size_hint().1.unwrap_or_default();
    tally.reserve(most);
    let mut judged: Vec<(usize, State)> = Vec::with_capacity(most);
    for (position, entry) in scope {
        if entry.policy.excepts(request.agent.id, facts.now_ms) {
            tally.excepted(&entry.policy);
            judged.push((position, State::Passed));
            continue;
        }
        let state = match gate(entry, &judged) {
            Err((state, why)) => {
                tally.left_out(&entry.policy, why);
                state
            }
            Ok(()) => {
                let said = judge(entry, &context, answers, &mut calls);
                tally.said(&entry.policy, said)
            }
        };
        judged.push((position, state));
    }
    (tally, calls)
}

/// What the agent's registration, its autonomy level and the caller itself say; they have no prerequisites and ask
/// nobody.
fn judge_built_in(set: &PolicySet, context: &Context<'_>, tally: &mut Tally) {
    let limits = built_in::registration(context);
    let unknown = built_in::unknown_level(context);
    let asked = built_in::asked(context);
    for (policy, said) in limits.into_iter().chain(unknown).chain(asked) {
        tally.said(&policy, said);
    }
    let bundle = built_in::bundle(&context.request.agent.limits.autonomy_level);
    let watch = built_in::integrity(set, context);
    for entry in bundle.into_iter().flatten().chain(watch) {
        tally.said(&entry.policy, entry.rule.judge(context));
    }
}

/// Whether the prerequisites let a policy be judged; those out of scope count as passed.
fn gate(entry: &Entry, judged: &[(usize, State)]) -> Result<(), (State, &'static str)> {
    let states = entry.after.iter().filter_map(|position| {
        let found = judged.binary_search_by_key(position, |(at, _)| *at).ok()?;
        judged.get(found).map(|(_, state)| *state)
    });
    let (mut violated, mut skipped, mut waiting) = (false, false, false);
    for state in states {
        violated |= state == State::Violated;
        skipped |= state == State::Skipped;
        waiting |= state == State::Waiting;
    }
    match entry.policy.chain_trigger {
        ChainTrigger::Always => Ok(()),
        ChainTrigger::AllPassed if violated => Err((State::Skipped, "a prerequisite was violated")),
        ChainTrigger::AllPassed if skipped => {
            Err((State::Skipped, "a prerequisite was not judged"))
        }
        ChainTrigger::AnyViolated if entry.after.is_empty() || violated => Ok(()),
        ChainTrigger::AllPassed | ChainTrigger::AnyViolated if waiting => {
            Err((State::Waiting, "a prerequisite waits for an answer"))
        }
        ChainTrigger::AllPassed => Ok(()),
        ChainTrigger::AnyViolated => Err((State::Skipped, "no prerequisite was violated")),
    }
}

/// Judges one policy; what it has to ask is answered from `answers`, noted in `calls`, or, without
/// anybody to ask, failed.
fn judge(
    entry: &Entry,
    context: &Context<'_>,
    answers: Option<&Answers>,
    calls: &mut Vec<Call>,
) -> Result<Verdict, Failure> {
    let verdict = entry.rule.judge(context)?;
    let Some(question) = &verdict.question else {
        return Ok(verdict);
    };
    let Some(answers) = answers else {
        let nobody = Answer::failed("nobody can be asked");
        return entry.rule.answered(context, &nobody);
    };
    match answers.get(&entry.policy.id) {
        Some(answer) => entry.rule.answered(context, answer),
        None => {
            calls.push(Call {
                policy_id: entry.policy.id,
                question: Question::clone(question),
            });
            Ok(verdict)
        }
    }
}

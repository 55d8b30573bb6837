//! What a draft of a policy would have done to acts that are decided already.

use serde_json::{Map, Value, json};
use uuid::Uuid;
use writ_contract::PolicyId;
use writ_policy::decision::outcome_of;
use writ_policy::{
    Decision, Evaluation, Facts, Mode, Outcome, Policy, PolicySet, Request, evaluate, schema,
};

/// What a draft may say; all else is refused by its name.
const FIELDS: &[&str] = &[
    "name",
    "description",
    "policyType",
    "enforcementMode",
    "ruleDefinition",
    "appliesToAgents",
    "selectors",
    "isActive",
    "evaluationOrder",
    "severity",
    "onError",
    "prerequisites",
    "chainTrigger",
    "metadata",
];
const REQUIRED: &[&str] = &["policyType", "enforcementMode", "ruleDefinition"];
/// What decides nothing about a policy that is tried alone.
const APART: &[&str] = &["isActive", "prerequisites", "chainTrigger"];

/// An answer of somebody outside would be needed.
const ASKS: &str = "it asks a validator or a language model, and nobody is asked twice";
/// What other acts took from the counter would be needed.
const COUNTS: &str = "it counts an act together with others";

/// A draft, ready to judge.
#[derive(Debug)]
pub(crate) struct Draft {
    set: PolicySet,
    replaces: Option<PolicyId>,
}

/// An act that was decided.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    /// The act, as far as it is still known.
    pub(crate) request: Request,
    /// When, in milliseconds since the Unix epoch.
    pub(crate) at_ms: i64,
    /// What was decided.
    pub(crate) outcome: Outcome,
    /// The policies that hit.
    pub(crate) hits: Vec<(PolicyId, Mode)>,
}

/// What the draft says of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is not for such an act.
    OutOfScope,
    /// Nobody can say; why.
    NotJudged(&'static str),
    /// It does not hit.
    Passed,
    /// It hits, or fails; in these words.
    Hit(Vec<String>),
}

/// An act under the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) said: Said,
    /// What would have been decided; what was decided where the draft is not judged.
    pub(crate) outcome: Outcome,
}

impl Draft {
    /// Reads a policy as `POST /policies` takes it; a name may be absent. The hits of `replaces` are
    /// taken away from what was decided.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(
        mut said: Map<String, Value>,
        replaces: Option<PolicyId>,
    ) -> Result<Self, Vec<String>> {
        let unknown = said.keys().filter(|name| !FIELDS.contains(&name.as_str()));
        let unknown = unknown.map(|name| format!("policy.{name}: unknown field"));
        let missing = REQUIRED.iter().filter(|name| !said.contains_key(**name));
        let missing = missing.map(|name| format!("policy.{name}: is required"));
        let mut problems: Vec<String> = unknown.chain(missing).collect();
        said.retain(|name, _| !APART.contains(&name.as_str()));
        said.entry("name").or_insert_with(|| json!("draft"));
        said.insert("id".to_owned(), json!(Uuid::nil()));
        match serde_json::from_value::<Policy>(Value::Object(said)) {
            Err(wrong) if problems.is_empty() => problems.push(format!("policy: {wrong}")),
            Err(_) => {}
            Ok(policy) => {
                problems.extend(wrong_rule(&policy));
                if problems.is_empty() {
                    let set = PolicySet::compile(vec![policy]);
                    return Ok(Self { set, replaces });
                }
            }
        }
        Err(problems)
    }

    /// Judges one act by the draft alone.
    pub(crate) fn judge(&self, past: &Past) -> Judged {
        let (said, draft) = match evaluate(&self.set, &past.request, &Facts::at(past.at_ms)) {
            Evaluation::Needs(_) => (Said::NotJudged(ASKS), None),
            Evaluation::Decided(decision) if !decision.reservations.is_empty() => {
                (Said::NotJudged(COUNTS), None)
            }
            Evaluation::Decided(decision) => (said(&decision), Some(decision.outcome)),
        };
        let outcome = match draft {
            Some(draft) => past.without(self.replaces).max(draft),
            None => past.outcome,
        };
        Judged { said, outcome }
    }
}

impl Past {
    /// What would have been decided without a policy; what somebody else than the policies decided
    /// stays.
    fn without(&self, policy: Option<PolicyId>) -> Outcome {
        let strongest = |left_out: Option<PolicyId>| {
            let hits = self.hits.iter().filter(|(id, _)| Some(*id) != left_out);
            let strongest = hits.map(|(_, mode)| outcome_of(*mode)).max();
            strongest.unwrap_or(Outcome::Allow)
        };
        if strongest(None) == self.outcome {
            strongest(policy)
        } else {
            self.outcome
        }
    }
}

fn said(decision: &Decision) -> Said {
    let mut considered = decision.considered.iter();
    if !considered.any(|policy| policy.judged || policy.failed) {
        return Said::OutOfScope;
    }
    let hits = decision.violations.iter().chain(&decision.warnings);
    let messages: Vec<String> = hits.map(|hit| hit.message.clone()).collect();
    if messages.is_empty() {
        Said::Passed
    } else {
        Said::Hit(messages)
    }
}

fn wrong_rule(policy: &Policy) -> Vec<String> {
    let wrong = schema::validate(policy.policy_type, &policy.rule_definition);
    let wrong = wrong.err().unwrap_or_default();
    let named = wrong.into_iter().map(|problem| {
        let path = problem.path.replace('/', ".");
        format!("policy.ruleDefinition{path}: {}", problem.message)
    });
    named.collect()
}

#[cfg(test)]
mod tests;

//! `agent_to_agent`: which agents may hand work to which, how deep, and with which scopes.

mod parties;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::names::{Case, Globs};
use super::{Failure, Rule, Verdict, and_more, read};
use crate::context::Context;
use crate::decision::Evidence;
use crate::request::Delegation;
use crate::schema::Problem;
use parties::{Parties, Party};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(alias = "max_delegation_depth")]
    max_depth: Option<usize>,
    allowed_callers: Option<Vec<String>>,
    #[serde(default)]
    denied_callers: Vec<String>,
    allowed_targets: Option<Vec<String>>,
    #[serde(default)]
    denied_targets: Vec<String>,
    #[serde(default)]
    require_verified: bool,
    #[serde(default)]
    allow_cycles: bool,
    #[serde(default = "yes")]
    require_narrowing: bool,
    allowed_scopes: Option<Vec<String>>,
}

fn yes() -> bool {
    true
}

#[derive(Debug)]
pub(crate) struct AgentToAgent {
    max_depth: Option<usize>,
    callers: Lists,
    targets: Lists,
    require_verified: bool,
    allow_cycles: bool,
    require_narrowing: bool,
    allowed_scopes: Option<Globs>,
}

#[derive(Debug)]
struct Lists {
    allowed: Option<Globs>,
    denied: Globs,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(AgentToAgent::new(&read(definition)?)?))
}

/// What is wrong, and where.
struct Finding {
    kind: &'static str,
    location: String,
    message: String,
}

fn finding(kind: &'static str, location: &str, message: impl Into<String>) -> Finding {
    Finding {
        kind,
        location: location.to_owned(),
        message: message.into(),
    }
}

impl AgentToAgent {
    fn new(definition: &Definition) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let d = definition;
        let mut lists = |who: &str, allowed: Option<&Vec<String>>, denied: &[String]| Lists {
            allowed: allowed.map(|list| {
                Globs::compile(&format!("/allowed_{who}"), list, Case::Exact, &mut problems)
            }),
            denied: Globs::compile(
                &format!("/denied_{who}"),
                denied,
                Case::Ignored,
                &mut problems,
            ),
        };
        let callers = lists("callers", d.allowed_callers.as_ref(), &d.denied_callers);
        let targets = lists("targets", d.allowed_targets.as_ref(), &d.denied_targets);
        let scopes = d.allowed_scopes.as_ref();
        let allowed_scopes =
            scopes.map(|list| Globs::compile("/allowed_scopes", list, Case::Exact, &mut problems));
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            max_depth: d.max_depth,
            callers,
            targets,
            require_verified: d.require_verified,
            allow_cycles: d.allow_cycles,
            require_narrowing: d.require_narrowing,
            allowed_scopes,
        })
    }

    fn judge_delegation(&self, context: &Context<'_>, depth: usize, out: &mut Vec<Finding>) {
        if let Some(max) = self.max_depth.filter(|max| depth > *max) {
            let message = format!("work is handed on {depth} times, at most {max} may be");
            out.push(finding("delegation_depth", "delegation.chain", message));
        }
        let Some(delegation) = &context.request.delegation else {
            return;
        };
        if self.require_verified && !delegation.verified {
            let message = "the delegation is only asserted, not proven";
            out.push(finding("unverified", "delegation", message));
        }
        if self.require_narrowing
            && let Some(location) = widened(delegation)
        {
            let message = "a step of the delegation has scopes that the one before it had not";
            out.push(finding("widened_scopes", &location, message));
        }
        if let Some(allowed) = &self.allowed_scopes {
            let subject = context.subject();
            let limited = context.request.effective_scopes().is_some();
            if !limited || !subject.scopes.iter().all(|scope| allowed.matches(scope)) {
                let message = "more scopes are handed on than may be";
                out.push(finding("scope_not_allowed", "delegation.scopes", message));
            }
        }
    }
}

impl Lists {
    fn judge<'a>(
        &self,
        parties: impl Iterator<Item = &'a Party<'a>>,
        who: &str,
        [denied, missing]: [&'static str; 2],
        out: &mut Vec<Finding>,
    ) {
        for party in parties {
            let any = |globs: &Globs| party.names.iter().any(|name| globs.matches(name));
            if any(&self.denied) {
                out.push(finding(
                    denied,
                    &party.location,
                    format!("this agent may not be {who}"),
                ));
            } else if self.allowed.as_ref().is_some_and(|allowed| !any(allowed)) {
                let message = format!("this agent is not on the list of those that may be {who}");
                out.push(finding(missing, &party.location, message));
            }
        }
    }
}

/// The first step whose scopes are not among those of the last step before it that has any.
fn widened(delegation: &Delegation) -> Option<String> {
    let hops = delegation.chain.iter().enumerate();
    let hops = hops.map(|(i, hop)| (format!("delegation.chain[{i}].scopes"), hop.scopes.as_ref()));
    let last = ("delegation.scopes".to_owned(), delegation.scopes.as_ref());
    let mut limit: Option<BTreeSet<&String>> = None;
    for (location, scopes) in hops.chain([last]) {
        let Some(scopes) = scopes else { continue };
        let scopes: BTreeSet<&String> = scopes.iter().collect();
        if limit.as_ref().is_some_and(|limit| !scopes.is_subset(limit)) {
            return Some(location);
        }
        limit = Some(scopes);
    }
    None
}

impl Rule for AgentToAgent {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let parties = Parties::of(context.request);
        if parties.depth() == 0 && context.request.delegation.is_none() {
            return Ok(Verdict::clear("no other agent takes part"));
        }
        let mut found = Vec::new();
        self.judge_delegation(context, parties.depth(), &mut found);
        if !self.allow_cycles
            && let Some(location) = parties.cycle()
        {
            let message = "an agent takes part in its own delegation";
            found.push(finding("cycle", location, message));
        }
        let (callers, targets) = (parties.callers(), parties.targets());
        self.callers.judge(
            callers,
            "a caller",
            ["denied_caller", "caller_not_allowed"],
            &mut found,
        );
        self.targets.judge(
            targets,
            "called",
            ["denied_target", "target_not_allowed"],
            &mut found,
        );
        let Some(first) = found.first() else {
            return Ok(Verdict::clear("the delegation is allowed"));
        };
        let message = format!("{}{}", first.message, and_more(found.len()));
        let evidence = found.into_iter().map(|finding| Evidence {
            kind: finding.kind.to_owned(),
            location: finding.location,
            span: None,
        });
        Ok(Verdict::hit(message, evidence.collect()))
    }
}

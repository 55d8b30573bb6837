//! `access_control`: who may do what, where and when. Lists must all agree; then, of the rules, the
//! most specific one wins: user+tool > user > role+tool > role > tool > default.

mod gates;
mod rules;
mod times;

use std::cmp::Reverse;

use serde::Deserialize;
use serde_json::Value;

use super::names::Name;
use super::{Failure, Rule, Verdict, and_more, read, shown};
use crate::context::Context;
use crate::decision::Evidence;
use crate::schema::Problem;
use gates::Gates;
use rules::{AccessRule, Effect, Fit};

/// Lists, rules and what holds when no rule speaks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(alias = "tools")]
    allowed_tools: Option<Vec<String>>,
    #[serde(default)]
    denied_tools: Vec<String>,
    #[serde(alias = "environments")]
    allowed_environments: Option<Vec<String>>,
    #[serde(default)]
    denied_environments: Vec<String>,
    #[serde(alias = "users")]
    allowed_users: Option<Vec<String>>,
    #[serde(default)]
    denied_users: Vec<String>,
    #[serde(alias = "roles")]
    allowed_roles: Option<Vec<String>>,
    #[serde(default)]
    denied_roles: Vec<String>,
    #[serde(default, alias = "scopes")]
    required_scopes: Vec<String>,
    time_windows: Option<Vec<times::Written>>,
    #[serde(default)]
    rules: Vec<rules::Definition>,
    #[serde(alias = "default")]
    default_effect: Option<Effect>,
    #[serde(default)]
    allow_asserted: bool,
}

#[derive(Debug)]
pub(crate) struct AccessControl {
    gates: Gates,
    rules: Vec<AccessRule>,
    default: Effect,
    /// Whether no rule speaks of acts without a tool.
    only_tools: bool,
    allow_asserted: bool,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(AccessControl::new(read(definition)?)?))
}

/// Why access is refused.
struct Refusal {
    kind: String,
    reason: String,
    /// A rule would have allowed it, were the roles or scopes proven.
    unproven: bool,
}

impl AccessControl {
    fn new(mut definition: Definition) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let written = std::mem::take(&mut definition.rules)
            .into_iter()
            .enumerate();
        let rules: Vec<AccessRule> = written
            .map(|(i, rule)| AccessRule::compile(&format!("/rules/{i}"), rule, &mut problems))
            .collect();
        let some_allow = rules.iter().any(|rule| rule.effect == Effect::Allow);
        let implied = if some_allow {
            Effect::Deny
        } else {
            Effect::Allow
        };
        let rule = Self {
            default: definition.default_effect.unwrap_or(implied),
            only_tools: rules.iter().all(AccessRule::names_tools) && !rules.is_empty(),
            allow_asserted: definition.allow_asserted,
            gates: Gates::compile(definition, &mut problems),
            rules,
        };
        if problems.is_empty() {
            Ok(rule)
        } else {
            Err(problems)
        }
    }

    /// What the rules say about one tool, or about an act that names none.
    fn refusal(&self, context: &Context<'_>, tool: Option<&Name<'_>>) -> Option<Refusal> {
        let (subject, now) = (context.subject(), context.facts.now_ms);
        let mut unproven = false;
        let mut best: Option<(usize, &AccessRule)> = None;
        for (i, rule) in self.rules.iter().enumerate() {
            match rule.fit(subject, tool, now, self.allow_asserted) {
                Fit::No => {}
                Fit::Unproven => unproven = true,
                Fit::Yes => {
                    // Of equals, the one that denies.
                    let weight = |rule: &AccessRule| (rule.rank(), rule.effect == Effect::Deny);
                    if best.is_none_or(|(_, other)| weight(rule) > weight(other)) {
                        best = Some((i, rule));
                    }
                }
            }
        }
        let refused = |kind, reason| {
            Some(Refusal {
                kind,
                reason,
                unproven,
            })
        };
        match best {
            Some((_, rule)) if rule.effect == Effect::Allow => None,
            Some((i, rule)) => {
                let reason = format!("is denied by rules[{i}] ({})", rule.about());
                refused(format!("rules[{i}]"), reason)
            }
            None if self.default == Effect::Allow => None,
            None if tool.is_none() && self.only_tools => None,
            None if self.rules.is_empty() => refused(
                "default_effect".to_owned(),
                "is denied by default".to_owned(),
            ),
            None => refused(
                "default_effect".to_owned(),
                "is allowed by no rule".to_owned(),
            ),
        }
    }

    fn judge_rules(&self, context: &Context<'_>) -> Verdict {
        let tools = context.tools();
        let mut refused: Vec<(Option<usize>, Refusal)> = Vec::new();
        if tools.is_empty() {
            refused.extend(self.refusal(context, None).map(|refusal| (None, refusal)));
        }
        for (i, tool) in tools.iter().enumerate() {
            let refusal = self.refusal(context, Some(tool));
            refused.extend(refusal.map(|refusal| (Some(i), refusal)));
        }
        refused.sort_by_key(|(tool, refusal)| (Reverse(refusal.unproven), *tool));
        let Some((tool, first)) = refused.first() else {
            return Verdict::clear("access is allowed");
        };
        let what = match tool.and_then(|i| tools.get(i)) {
            Some(tool) => format!("tool '{}'", shown(&tool.given)),
            None => "access".to_owned(),
        };
        let note = if first.unproven {
            "; roles or scopes that are only asserted do not widen access"
        } else {
            ""
        };
        let more = and_more(refused.len());
        let message = format!("{what} {}{more}{note}", first.reason);
        let evidence = refused.into_iter().map(|(tool, refusal)| Evidence {
            kind: refusal.kind,
            location: tool.map_or("request".to_owned(), |i| format!("tools[{i}]")),
            span: None,
        });
        Verdict::hit(message, evidence.collect())
    }
}

impl Rule for AccessControl {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let stopped = self.gates.judge(context, self.allow_asserted);
        Ok(stopped.unwrap_or_else(|| self.judge_rules(context)))
    }
}

//! `action_approval`: actions that a human should see before they happen.

use serde::Deserialize;
use serde_json::Value;

use super::names::{Case, Globs, Name};
use super::{Failure, Rule, Verdict, and_more, read, shown};
use crate::context::Context;
use crate::decision::Evidence;
use crate::schema::Problem;

/// Globs over tool names; what is dangerous is also known by what follows a name's last dot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(alias = "tool_patterns", alias = "tools")]
    actions: Option<Vec<String>>,
    #[serde(default)]
    except: Vec<String>,
    environments: Option<Vec<String>>,
}

/// What counts when no list is given: destroying, paying, running, releasing, granting.
const DANGEROUS: &[&str] = &[
    "delete*",
    "*_delete",
    "drop*",
    "destroy*",
    "truncate*",
    "purge*",
    "wipe*",
    "terminate*",
    "shutdown*",
    "pay",
    "pay_*",
    "*payment*",
    "transfer*",
    "refund*",
    "withdraw*",
    "charge*",
    "purchase*",
    "exec",
    "exec_*",
    "execute*",
    "shell*",
    "bash",
    "run_command*",
    "sudo*",
    "deploy*",
    "rollback*",
    "publish*",
    "grant*",
    "revoke*",
    "send_email*",
    "send_money*",
];

#[derive(Debug)]
pub(crate) struct ActionApproval {
    actions: Globs,
    except: Globs,
    environments: Option<Globs>,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(ActionApproval::new(read(definition)?)?))
}

impl ActionApproval {
    fn new(definition: Definition) -> Result<Self, Vec<Problem>> {
        let built_in = || DANGEROUS.iter().map(|glob| (*glob).to_owned()).collect();
        let actions = definition.actions.unwrap_or_else(built_in);
        let mut problems = Vec::new();
        let rule = Self {
            actions: Globs::compile("/actions", &actions, Case::Ignored, &mut problems),
            except: Globs::compile("/except", &definition.except, Case::Exact, &mut problems),
            environments: definition
                .environments
                .map(|list| Globs::compile("/environments", &list, Case::Ignored, &mut problems)),
        };
        if problems.is_empty() {
            Ok(rule)
        } else {
            Err(problems)
        }
    }
}

impl Rule for ActionApproval {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let environment = Name::new(context.request.environment());
        let here = self.environments.as_ref();
        if here.is_some_and(|list| !list.matches(&environment)) {
            return Ok(Verdict::clear("does not count in this environment"));
        }
        let mut evidence = Vec::new();
        let mut first = None;
        for (i, tool) in context.tools().iter().enumerate() {
            let Some(action) = self.actions.find_action(tool) else {
                continue;
            };
            if self.except.matches(tool) {
                continue;
            }
            first.get_or_insert(&tool.given);
            evidence.push(Evidence {
                kind: format!("actions[{action}]"),
                location: format!("tools[{i}]"),
                span: None,
            });
        }
        Ok(match first {
            None if context.tools().is_empty() => Verdict::clear("no tool is named"),
            None => Verdict::clear("no action that needs approval"),
            Some(tool) => {
                let more = and_more(evidence.len());
                let message = format!("action '{}' needs approval{more}", shown(tool));
                Verdict::hit(message, evidence)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PolicyType;

    #[test]
    fn the_built_in_list_is_the_documented_default() {
        let schema: Value = serde_json::from_str(PolicyType::ActionApproval.schema()).unwrap();
        let documented = schema.pointer("/properties/actions/default").unwrap();
        assert_eq!(documented, &Value::from(DANGEROUS));
    }
}

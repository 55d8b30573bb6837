//! `tool_invocation`: which tools may be called. Deny wins over allow.

use serde::Deserialize;
use serde_json::Value;

use super::names::{Case, Globs, Name};
use super::{Failure, Rule, Verdict, and_more, read, shown};
use crate::context::Context;
use crate::decision::Evidence;
use crate::schema::Problem;

/// Globs over tool names as they are given; `allow` and `deny` are accepted aliases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(alias = "allow")]
    allowed_tools: Option<Vec<String>>,
    #[serde(default, alias = "deny")]
    denied_tools: Vec<String>,
}

/// Compiled globs; an absent allow list allows every tool that is not denied.
#[derive(Debug)]
pub(crate) struct ToolInvocation {
    allowed: Option<Globs>,
    denied: Globs,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(ToolInvocation::new(&read(definition)?)?))
}

impl ToolInvocation {
    fn new(definition: &Definition) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let denied = Globs::compile(
            "/denied_tools",
            &definition.denied_tools,
            Case::Ignored,
            &mut problems,
        );
        let allowed = definition
            .allowed_tools
            .as_ref()
            .map(|list| Globs::compile("/allowed_tools", list, Case::Exact, &mut problems));
        if problems.is_empty() {
            Ok(Self { allowed, denied })
        } else {
            Err(problems)
        }
    }

    fn refuses(&self, tool: &Name<'_>) -> Option<&'static str> {
        if self.denied.matches(tool) {
            return Some(DENIED);
        }
        let allowed = self.allowed.as_ref()?;
        (!allowed.matches(tool)).then_some("tool_not_allowed")
    }
}

impl Rule for ToolInvocation {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let mut evidence = Vec::new();
        let mut first = None;
        for (i, tool) in context.tools().iter().enumerate() {
            let Some(kind) = self.refuses(tool) else {
                continue;
            };
            first.get_or_insert((tool, kind));
            evidence.push(Evidence {
                kind: kind.to_owned(),
                location: format!("tools[{i}]"),
                span: None,
            });
        }
        Ok(match first {
            None if context.request.tools.is_empty() => Verdict::clear("no tool is named"),
            None => Verdict::clear("every named tool is allowed"),
            Some((tool, kind)) => {
                let reason = if kind == DENIED {
                    "is denied"
                } else {
                    "is not on the allow list"
                };
                let more = and_more(evidence.len());
                Verdict::hit(
                    format!("tool '{}' {reason}{more}", shown(&tool.given)),
                    evidence,
                )
            }
        })
    }
}

const DENIED: &str = "denied_tool";

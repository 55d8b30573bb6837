//! `tool_invocation`: which tools may be called. Deny wins over allow.

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use serde_json::Value;

use super::{Failure, Rule, Verdict, read, shown};
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
    allowed: Option<Vec<Glob>>,
    denied: Vec<Glob>,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(ToolInvocation::new(&read(definition)?)?))
}

impl ToolInvocation {
    fn new(definition: &Definition) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        // Case may be a disguise, so a denied name is matched without it and an allowed one with it.
        let denied = globs(
            "/denied_tools",
            &definition.denied_tools,
            true,
            &mut problems,
        );
        let allowed = definition
            .allowed_tools
            .as_ref()
            .map(|list| globs("/allowed_tools", list, false, &mut problems));
        if problems.is_empty() {
            Ok(Self { allowed, denied })
        } else {
            Err(problems)
        }
    }

    fn refuses(&self, tool: &str) -> Option<&'static str> {
        let name = tool.trim();
        if self.denied.iter().any(|glob| glob.matches(name)) {
            return Some(DENIED);
        }
        let allowed = self.allowed.as_ref()?;
        (!allowed.iter().any(|glob| glob.matches(tool))).then_some("tool_not_allowed")
    }
}

impl Rule for ToolInvocation {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let mut evidence = Vec::new();
        let mut first = None;
        for (i, tool) in context.request.tools.iter().enumerate() {
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
                let more = match evidence.len() {
                    1 => String::new(),
                    n => format!(" (and {} more)", n - 1),
                };
                Verdict::hit(format!("tool '{}' {reason}{more}", shown(tool)), evidence)
            }
        })
    }
}

const DENIED: &str = "denied_tool";

/// A glob, lowered to a comparison where its shape allows one.
#[derive(Debug)]
enum Glob {
    Any,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Pattern(GlobMatcher),
}

impl Glob {
    fn matches(&self, name: &str) -> bool {
        match self {
            Glob::Any => true,
            Glob::Exact(whole) => name == whole,
            Glob::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Glob::Suffix(suffix) => name.ends_with(suffix.as_str()),
            Glob::Pattern(pattern) => pattern.is_match(name),
        }
    }

    fn compile(source: &str, ignore_case: bool) -> Result<Self, globset::Error> {
        let special = |text: &str| text.contains(['*', '?', '[', ']', '{', '}', '\\', '!']);
        if source == "*" {
            return Ok(Glob::Any);
        }
        if !ignore_case {
            match (source.strip_suffix('*'), source.strip_prefix('*')) {
                (Some(prefix), _) if !special(prefix) => {
                    return Ok(Glob::Prefix(prefix.to_owned()));
                }
                (_, Some(suffix)) if !special(suffix) => {
                    return Ok(Glob::Suffix(suffix.to_owned()));
                }
                _ if !special(source) => return Ok(Glob::Exact(source.to_owned())),
                _ => {}
            }
        }
        let glob = GlobBuilder::new(source)
            .case_insensitive(ignore_case)
            .literal_separator(false)
            .backslash_escape(true)
            .build()?;
        Ok(Glob::Pattern(glob.compile_matcher()))
    }
}

fn globs(path: &str, list: &[String], ignore_case: bool, out: &mut Vec<Problem>) -> Vec<Glob> {
    let mut compiled = Vec::with_capacity(list.len());
    for (i, source) in list.iter().enumerate() {
        match Glob::compile(source, ignore_case) {
            Ok(glob) => compiled.push(glob),
            Err(error) => out.push(Problem::at(format!("{path}/{i}"), error.kind().to_string())),
        }
    }
    compiled
}

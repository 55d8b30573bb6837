//! `tool_integrity`: whether the tools an agent sees now are the ones that were approved, and say
//! nothing to the model that they should not.

mod poison;

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::names::{Case, Globs, Name};
use super::{Failure, Rule, Verdict, and_more, read, shown};
use crate::context::Context;
use crate::decision::Evidence;
use crate::request::ToolDescriptor;
use crate::schema::Problem;

/// Texts of one definition that are looked at; more is an error, as with any other text.
const MAX_TEXTS: usize = 20_000;
/// Bytes of all definitions of a request that are looked at.
const MAX_BYTES: usize = 4 << 20;

/// The documented rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    baseline: Option<Vec<ToolDescriptor>>,
    #[serde(alias = "approved_servers")]
    allowed_servers: Option<Vec<String>>,
    #[serde(default = "yes", alias = "detect_drift")]
    check_drift: bool,
    #[serde(default = "yes", alias = "detect_poisoning")]
    check_poisoning: bool,
    #[serde(default = "yes", alias = "detect_hidden_text")]
    check_hidden_text: bool,
    #[serde(default)]
    require_baseline: bool,
}

fn yes() -> bool {
    true
}

/// The rule with its globs compiled.
#[derive(Debug)]
pub(crate) struct ToolIntegrity {
    definition: Definition,
    /// `None` allows every server.
    servers: Option<Globs>,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    let definition: Definition = read(definition)?;
    let mut problems = Vec::new();
    let servers = definition.allowed_servers.as_ref();
    let servers =
        servers.map(|list| Globs::compile("/allowed_servers", list, Case::Exact, &mut problems));
    if problems.is_empty() {
        Ok(Box::new(ToolIntegrity {
            definition,
            servers,
        }))
    } else {
        Err(problems)
    }
}

impl Rule for ToolIntegrity {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let sent = &context.request.tool_descriptors;
        if sent.is_empty() {
            return Ok(Verdict::clear("no tool definition was sent"));
        }
        let pinned = context.request.agent.pinned_tools.as_deref();
        let baseline = self.definition.baseline.as_deref().or(pinned);
        let mut evidence = Vec::new();
        self.servers(sent, &mut evidence);
        match baseline {
            Some(baseline) if self.definition.check_drift => drift(baseline, sent, &mut evidence),
            None if self.definition.require_baseline => {
                evidence.push(found("no_baseline", "toolDescriptors".to_owned()));
            }
            Some(_) | None => {}
        }
        let cost = self.texts(sent, &mut evidence)?;
        Ok(verdict(&evidence, sent, baseline.is_some()).costing(cost))
    }
}

impl ToolIntegrity {
    fn servers(&self, sent: &[ToolDescriptor], evidence: &mut Vec<Evidence>) {
        let Some(allowed) = &self.servers else {
            return;
        };
        for (at, tool) in sent.iter().enumerate() {
            let local = tool.server.is_empty();
            if !local && !allowed.matches(&Name::new(&tool.server)) {
                evidence.push(found(
                    "server_not_allowed",
                    format!("toolDescriptors[{at}]"),
                ));
            }
        }
    }

    /// Looks at descriptions and schemas; says how many bytes that were.
    fn texts(&self, sent: &[ToolDescriptor], evidence: &mut Vec<Evidence>) -> Result<u64, Failure> {
        if !self.definition.check_poisoning && !self.definition.check_hidden_text {
            return Ok(0);
        }
        let mut bytes = 0_usize;
        for (at, tool) in sent.iter().enumerate() {
            let mut texts = vec![tool.tool.as_str(), tool.description.as_str()];
            let own = texts.len();
            strings(&tool.input_schema, &mut texts)?;
            for (n, text) in texts.into_iter().enumerate() {
                bytes = bytes.saturating_add(text.len());
                if bytes > MAX_BYTES {
                    return Err(Failure::TooMuchText);
                }
                let field = match n {
                    0 => "tool",
                    n if n < own => "description",
                    _ => "inputSchema",
                };
                self.look(text, &format!("toolDescriptors[{at}].{field}"), evidence);
            }
        }
        Ok(bytes as u64)
    }

    fn look(&self, text: &str, location: &str, evidence: &mut Vec<Evidence>) {
        let mut kinds: Vec<String> = Vec::new();
        if self.definition.check_poisoning {
            let orders = poison::orders(text).into_iter();
            kinds.extend(orders.map(|kind| format!("poisoning:{kind}")));
        }
        if self.definition.check_hidden_text {
            let hidden = poison::hidden(text).into_iter();
            kinds.extend(hidden.map(|kind| format!("hidden_text:{kind}")));
        }
        for kind in kinds {
            let found = found(&kind, location.to_owned());
            if !evidence.contains(&found) {
                evidence.push(found);
            }
        }
    }
}

/// Tools that are not in the baseline, or not as they were pinned.
fn drift(baseline: &[ToolDescriptor], sent: &[ToolDescriptor], evidence: &mut Vec<Evidence>) {
    let key = |tool: &ToolDescriptor| (tool.server.clone(), tool.tool.clone());
    let pinned: HashMap<_, _> = baseline.iter().map(|tool| (key(tool), tool)).collect();
    for (at, tool) in sent.iter().enumerate() {
        let kind = match pinned.get(&key(tool)) {
            None => Some("tool_not_in_baseline"),
            Some(pinned) => changed(pinned, tool),
        };
        evidence.extend(kind.map(|kind| found(kind, format!("toolDescriptors[{at}]"))));
    }
}

/// A pinned digest must come back; a client that sends none is compared by what it sends.
fn changed(pinned: &ToolDescriptor, now: &ToolDescriptor) -> Option<&'static str> {
    if !pinned.descriptor_hash.is_empty() {
        let same = pinned
            .descriptor_hash
            .eq_ignore_ascii_case(&now.descriptor_hash);
        return (!same).then_some("descriptor_changed");
    }
    let described = !pinned.description.is_empty() && pinned.description != now.description;
    let shaped = !pinned.input_schema.is_null() && pinned.input_schema != now.input_schema;
    match (described, shaped) {
        (true, _) => Some("description_changed"),
        (false, true) => Some("input_schema_changed"),
        (false, false) => None,
    }
}

/// Every key and string of a schema, without recursion.
fn strings<'a>(schema: &'a Value, out: &mut Vec<&'a str>) -> Result<(), Failure> {
    let mut stack = vec![schema];
    while let Some(value) = stack.pop() {
        if out.len() > MAX_TEXTS || stack.len() > MAX_TEXTS {
            return Err(Failure::TooMuchText);
        }
        match value {
            Value::String(text) => out.push(text),
            Value::Array(items) => stack.extend(items),
            Value::Object(fields) => {
                out.extend(fields.keys().map(String::as_str));
                stack.extend(fields.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    Ok(())
}

fn found(kind: &str, location: String) -> Evidence {
    Evidence {
        kind: kind.to_owned(),
        location,
        span: None,
    }
}

fn verdict(evidence: &[Evidence], sent: &[ToolDescriptor], compared: bool) -> Verdict {
    let Some(first) = evidence.first() else {
        return Verdict::clear(if compared {
            "every tool is as it was pinned"
        } else {
            "no baseline is pinned; nothing is wrong with what was sent"
        });
    };
    let at = first.location.split(['[', ']']).nth(1);
    let tool = at.and_then(|at| sent.get(at.parse::<usize>().ok()?));
    let subject = match tool {
        Some(tool) if tool.server.is_empty() => format!("tool '{}'", shown(&tool.tool)),
        Some(tool) => format!("tool '{}' of '{}'", shown(&tool.tool), shown(&tool.server)),
        None => "the agent's tools".to_owned(),
    };
    let more = and_more(evidence.len());
    Verdict::hit(
        format!("{subject}: {}{more}", words(&first.kind)),
        evidence.to_vec(),
    )
}

fn words(kind: &str) -> String {
    match kind {
        "tool_not_in_baseline" => "is not in the pinned baseline".to_owned(),
        "descriptor_changed" => "is not as it was pinned".to_owned(),
        "description_changed" => "has another description than was pinned".to_owned(),
        "input_schema_changed" => "has another input schema than was pinned".to_owned(),
        "server_not_allowed" => "its server is not allowed".to_owned(),
        "no_baseline" => "no baseline is pinned".to_owned(),
        other => match other.split_once(':') {
            Some(("hidden_text", what)) => format!("its definition hides text ({what})"),
            Some((_, what)) => format!("its definition gives orders ({what})"),
            None => other.to_owned(),
        },
    }
}

//! `tool_output_scan`: what tools bring in, before the model reads it.

use serde::Deserialize;
use serde_json::Value;

use super::names::{Case, Globs, Name};
use super::{Failure, Rule, Verdict, read, shown};
use crate::context::Context;
use crate::decision::Evidence;
use crate::detect::pii::PiiType;
use crate::request::ToolOutput;
use crate::schema::Problem;

/// The documented rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    tools: Option<Vec<String>>,
    #[serde(default = "yes", alias = "injection")]
    scan_injection: bool,
    #[serde(default = "block_level")]
    threshold: f64,
    #[serde(default = "yes", alias = "secrets")]
    scan_secrets: bool,
    #[serde(default)]
    denied_pii_types: Vec<PiiType>,
    #[serde(alias = "max_size")]
    max_output_bytes: Option<usize>,
}

fn yes() -> bool {
    true
}

fn block_level() -> f64 {
    0.5
}

/// The rule with its globs compiled.
#[derive(Debug)]
pub(crate) struct ToolOutputScan {
    /// `None` is every tool.
    tools: Option<Globs>,
    /// Out of 1000; `None` looks for no injection.
    threshold: Option<u16>,
    denied: Vec<PiiType>,
    max_bytes: Option<usize>,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    let definition: Definition = read(definition)?;
    let mut problems = Vec::new();
    let tools = definition.tools.as_ref();
    // Case may be a disguise: a tool is rather scanned once too often.
    let tools = tools.map(|list| Globs::compile("/tools", list, Case::Ignored, &mut problems));
    if !(0.0..=1.0).contains(&definition.threshold) {
        problems.push(Problem::at("/threshold", "must be from 0 to 1"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1 was checked above"
    )]
    let threshold = (definition.threshold * 1000.0).round() as u16;
    let mut denied = definition.denied_pii_types;
    if definition.scan_secrets && !denied.contains(&PiiType::ApiKey) {
        denied.push(PiiType::ApiKey);
    }
    Ok(Box::new(ToolOutputScan {
        tools,
        threshold: definition.scan_injection.then_some(threshold),
        denied,
        max_bytes: definition.max_output_bytes,
    }))
}

impl Rule for ToolOutputScan {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        if context.request.tool_outputs.is_empty() {
            return Ok(Verdict::clear("there is no tool output"));
        }
        if context.texts.truncated() {
            return Err(Failure::TooMuchText);
        }
        let mut evidence = self.too_large(context);
        evidence.extend(self.injections(context));
        evidence.extend(self.secrets(context));
        let cost = context.texts.bytes();
        let Some(first) = evidence.first() else {
            return Ok(Verdict::clear("nothing was found in tool outputs").costing(cost));
        };
        let mut kinds: Vec<&str> = evidence.iter().map(|found| found.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.truncate(5);
        let tool = Self::name_of(context, &first.location);
        let message = format!("the output of tool '{tool}' has {}", kinds.join(", "));
        Ok(Verdict::hit(message, evidence).costing(cost))
    }
}

impl ToolOutputScan {
    fn scans(&self, tool: &ToolOutput) -> bool {
        let tools = self.tools.as_ref();
        tools.is_none_or(|tools| tools.matches(&Name::new(&tool.name)))
    }

    /// Whether a text is part of an answer that is to be scanned.
    fn covers(&self, context: &Context<'_>, text: usize) -> bool {
        let tool = context.texts.tool_output(text);
        let tool = tool.and_then(|at| context.request.tool_outputs.get(at));
        tool.is_some_and(|tool| self.scans(tool))
    }

    fn too_large(&self, context: &Context<'_>) -> Vec<Evidence> {
        let Some(max) = self.max_bytes else {
            return Vec::new();
        };
        let tools = context.request.tool_outputs.iter().enumerate();
        tools
            .filter(|(_, tool)| self.scans(tool) && bytes(&tool.output) > max)
            .map(|(at, _)| found("too_large", format!("toolOutputs[{at}].output")))
            .collect()
    }

    fn injections(&self, context: &Context<'_>) -> Vec<Evidence> {
        let Some(threshold) = self.threshold else {
            return Vec::new();
        };
        let scores = context.signals().scores.iter();
        let over = scores
            .filter(|(text, score)| score.permille >= threshold && self.covers(context, *text));
        over.map(|(text, _)| found("injection", context.texts.location(*text)))
            .collect()
    }

    fn secrets(&self, context: &Context<'_>) -> Vec<Evidence> {
        if self.denied.is_empty() {
            return Vec::new();
        }
        let hits = context
            .pii()
            .iter()
            .filter(|hit| self.denied.contains(&hit.found.kind) && self.covers(context, hit.text));
        hits.map(|hit| Evidence {
            span: Some(hit.found.span),
            ..found(hit.found.kind.as_str(), context.texts.location(hit.text))
        })
        .collect()
    }

    /// The tool that a location such as `toolOutputs[1].output.text` belongs to.
    fn name_of(context: &Context<'_>, location: &str) -> String {
        let at = location.split(['[', ']']).nth(1);
        let at = at.and_then(|at| at.parse::<usize>().ok());
        let tool = at.and_then(|at| context.request.tool_outputs.get(at));
        shown(tool.map_or("", |tool| &tool.name))
    }
}

fn found(kind: &str, location: String) -> Evidence {
    Evidence {
        kind: kind.to_owned(),
        location,
        span: None,
    }
}

/// Bytes of an answer: of a text itself, of anything else as JSON.
fn bytes(output: &Value) -> usize {
    match output {
        Value::Null => 0,
        Value::String(text) => text.len(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            serde_json::to_string(output).map_or(usize::MAX, |json| json.len())
        }
    }
}

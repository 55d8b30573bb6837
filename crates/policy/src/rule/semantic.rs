//! `semantic`: asks a language model inside the deployment whether a text is against an instruction
//! in plain words. Without an answer the injection detector judges instead.

use serde::Deserialize;
use serde_json::Value;

use super::opinion::{self, FailMode};
use super::{Failure, Rule, Verdict, read};
use crate::context::Context;
use crate::decision::Evidence;
use crate::detect::injection;
use crate::outside::{Answer, Question};
use crate::request::Request;
use crate::schema::Problem;
use crate::text::Part;

/// Bytes of text a model is shown; what is longer fails, so that no padding hides the rest.
const MAX_JUDGED: usize = 64 * 1024;

/// The documented rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    instruction: String,
    #[serde(default)]
    model: String,
    #[serde(default = "everything")]
    scope: Vec<Scope>,
    #[serde(default = "more_likely_than_not")]
    min_confidence: f64,
    #[serde(alias = "failMode")]
    fail_mode: Option<FailMode>,
}

/// Which texts a model is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scope {
    Input,
    Output,
    ToolOutputs,
}

fn everything() -> Vec<Scope> {
    vec![Scope::Input, Scope::Output, Scope::ToolOutputs]
}

fn more_likely_than_not() -> f64 {
    0.5
}

/// The rule, ready to ask.
#[derive(Debug)]
pub(crate) struct Semantic {
    instruction: String,
    model: String,
    scope: Vec<Scope>,
    threshold: u16,
    open: bool,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(Semantic::new(read(definition)?)?))
}

impl Semantic {
    fn new(definition: Definition) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if definition.instruction.trim().is_empty() {
            problems.push(Problem::at("/instruction", "must say what must not happen"));
        }
        if !(0.0..=1.0).contains(&definition.min_confidence) {
            problems.push(Problem::at("/min_confidence", "must be from 0 to 1"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 1 was checked above"
        )]
        let threshold = (definition.min_confidence * 1000.0).round() as u16;
        Ok(Self {
            instruction: definition.instruction,
            model: definition.model,
            scope: definition.scope,
            threshold,
            open: definition.fail_mode != Some(FailMode::Closed),
        })
    }

    fn texts(&self, request: &Request) -> Vec<String> {
        let mut texts = Vec::new();
        for scope in &self.scope {
            match scope {
                Scope::Input => texts.push(request.input.clone()),
                Scope::Output => texts.extend(request.output.clone()),
                Scope::ToolOutputs => {
                    texts.extend(request.tool_outputs.iter().map(|tool| shown(&tool.output)));
                }
            }
        }
        texts.retain(|text| !text.trim().is_empty());
        texts
    }

    fn covers(&self, part: Part) -> bool {
        match part {
            Part::Input => self.scope.contains(&Scope::Input),
            Part::Output => self.scope.contains(&Scope::Output),
            Part::ToolOutput => self.scope.contains(&Scope::ToolOutputs),
            Part::Metadata | Part::History => false,
        }
    }

    /// What the injection detector found in the texts the model should have seen.
    fn detected(&self, context: &Context<'_>) -> Vec<Evidence> {
        let mut evidence = Vec::new();
        for (text, score) in &context.signals().scores {
            let part = context.texts.get(*text).map(|text| text.part);
            if score.permille >= injection::BLOCK && part.is_some_and(|part| self.covers(part)) {
                let location = context.texts.location(*text);
                evidence.extend(score.signals.iter().map(|signal| Evidence {
                    kind: (*signal).to_owned(),
                    location: location.clone(),
                    span: None,
                }));
            }
        }
        evidence
    }

    fn degrade(&self, context: &Context<'_>, reason: String) -> Result<Verdict, Failure> {
        let mut evidence = self.detected(context);
        if context.texts.truncated() || evidence.is_empty() {
            let open = self.open && !context.texts.truncated();
            return Err(Failure::Degraded { reason, open });
        }
        evidence.push(opinion::evidence("degraded"));
        let message = format!("no answer from the model ({reason}); prompt injection was detected");
        Ok(Verdict {
            degraded: true,
            ..Verdict::hit(message, evidence)
        })
    }
}

impl Rule for Semantic {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let texts = self.texts(context.request);
        let bytes: usize = texts.iter().map(String::len).sum();
        if bytes > MAX_JUDGED {
            return Err(Failure::TooMuchText);
        }
        if texts.is_empty() {
            return Ok(Verdict::clear("there is no text to be judged"));
        }
        let question = Question::Semantic {
            instruction: self.instruction.clone(),
            model: self.model.clone(),
            threshold: self.threshold,
            texts,
        };
        Ok(Verdict::ask(question).costing(bytes as u64))
    }

    fn answered(&self, context: &Context<'_>, answer: &Answer) -> Result<Verdict, Failure> {
        opinion::of(answer, "the model").or_else(|no| self.degrade(context, no.reason))
    }
}

/// A tool's answer as a text: a text as it is, anything else as JSON.
fn shown(output: &Value) -> String {
    match output {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            output.to_string()
        }
    }
}

//! `output_classification`: which kinds of content may leave in outputs.

mod code;
mod markings;

use serde::Deserialize;
use serde_json::Value;

use super::{Failure, Rule, Verdict, read};
use crate::context::Context;
use crate::decision::{Evidence, Span};
use crate::detect::pii::PiiType;
use crate::schema::Problem;
use crate::text::Part;

/// What an output can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    Public,
    Internal,
    Confidential,
    Restricted,
    #[serde(alias = "source_code")]
    Code,
    #[serde(alias = "secrets")]
    Credentials,
}

impl Class {
    fn as_str(self) -> &'static str {
        match self {
            Class::Public => "public",
            Class::Internal => "internal",
            Class::Confidential => "confidential",
            Class::Restricted => "restricted",
            Class::Code => "code",
            Class::Credentials => "credentials",
        }
    }
}

/// The documented rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(alias = "denied_classifications", alias = "classes")]
    denied_classes: Vec<Class>,
}

/// The rule; nothing needs compiling.
#[derive(Debug)]
pub(crate) struct OutputClassification {
    denied: Vec<Class>,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    let definition: Definition = read(definition)?;
    Ok(Box::new(OutputClassification {
        denied: definition.denied_classes,
    }))
}

impl Rule for OutputClassification {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        if context.texts.truncated() {
            return Err(Failure::TooMuchText);
        }
        let mut found = Vec::new();
        for (index, text) in context.texts.iter().filter(|(i, _)| is_output(context, *i)) {
            markings::find(&text.raw, |class, span| {
                found.push((class, index, Some(span)))
            });
            if self.denied.contains(&Class::Code) && code::is_code(&text.raw) {
                found.push((Class::Code, index, None));
            }
        }
        if self.denied.contains(&Class::Credentials) {
            let secrets = context.pii().iter();
            let secrets = secrets
                .filter(|hit| hit.found.kind == PiiType::ApiKey && is_output(context, hit.text));
            found.extend(secrets.map(|hit| (Class::Credentials, hit.text, Some(hit.found.span))));
        }
        found.retain(|(class, _, _)| self.denied.contains(class));
        found.sort_by_key(|(class, index, span)| (std::cmp::Reverse(*class), *index, *span));
        Ok(verdict(&found, context).costing(context.texts.bytes()))
    }
}

fn is_output(context: &Context<'_>, index: usize) -> bool {
    match context.texts.get(index).map(|text| text.part) {
        Some(Part::Output) => true,
        Some(Part::ToolOutput) => context.texts.tool_output(index).is_some(),
        Some(Part::Input | Part::Metadata | Part::History) | None => false,
    }
}

fn verdict(found: &[(Class, usize, Option<Span>)], context: &Context<'_>) -> Verdict {
    let Some((_, first, _)) = found.first() else {
        return Verdict::clear("no output is of a denied class");
    };
    let mut classes: Vec<&str> = found.iter().map(|(class, _, _)| class.as_str()).collect();
    classes.dedup();
    let message = format!(
        "{} is {}",
        context.texts.location(*first),
        classes.join(", ")
    );
    let evidence = found.iter().map(|(class, index, span)| Evidence {
        kind: class.as_str().to_owned(),
        location: context.texts.location(*index),
        span: *span,
    });
    Verdict::hit(message, evidence.collect())
}

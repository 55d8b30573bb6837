//! `custom_validator`: asks a registered validator what it thinks of the whole request.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::names::{Case, Globs, Name};
use super::opinion::{self, FailMode};
use super::{Failure, Rule, Verdict, read};
use crate::context::Context;
use crate::outside::{Answer, Question};
use crate::schema::Problem;

/// The documented rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(alias = "validatorId")]
    validator_id: String,
    #[serde(default, alias = "onlyTools")]
    only_tools: Vec<String>,
    #[serde(alias = "failMode")]
    fail_mode: Option<FailMode>,
}

/// The rule with its globs compiled.
#[derive(Debug)]
pub(crate) struct CustomValidator {
    validator_id: Uuid,
    /// Empty asks for every act.
    only_tools: Globs,
    /// Stands over the validator's own.
    fail_mode: Option<FailMode>,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(CustomValidator::new(&read(definition)?)?))
}

impl CustomValidator {
    fn new(definition: &Definition) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let text = definition.validator_id.as_str();
        let validator_id = Uuid::try_parse(text.strip_prefix("val_").unwrap_or(text));
        if validator_id.is_err() {
            let example = "expected a validator id, as in \"val_01980c5e7d4b7c2e9f3a5b6c7d8e9f00\"";
            problems.push(Problem::at("/validator_id", example));
        }
        // Case may be a disguise, and asking once too often does no harm.
        let only_tools = Globs::compile(
            "/only_tools",
            &definition.only_tools,
            Case::Ignored,
            &mut problems,
        );
        match validator_id {
            Ok(validator_id) if problems.is_empty() => Ok(Self {
                validator_id,
                only_tools,
                fail_mode: definition.fail_mode,
            }),
            Ok(_) | Err(_) => Err(problems),
        }
    }

    fn concerns(&self, tools: &[Name<'_>]) -> bool {
        self.only_tools.is_empty() || tools.iter().any(|tool| self.only_tools.matches(tool))
    }
}

impl Rule for CustomValidator {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        Ok(if self.concerns(context.tools()) {
            Verdict::ask(Question::Validator {
                validator_id: self.validator_id,
            })
        } else {
            Verdict::clear("no tool is named that the validator is asked about")
        })
    }

    fn answered(&self, _context: &Context<'_>, answer: &Answer) -> Result<Verdict, Failure> {
        opinion::of(answer, "the validator").map_err(|no| Failure::Unanswered {
            reason: no.reason,
            open: self
                .fail_mode
                .map_or(no.fail_open, |mode| mode == FailMode::Open),
        })
    }
}

//! `expression`: a CEL expression over the request; true is a violation.

use serde::Deserialize;
use serde_json::Value;

use super::{Failure, Rule, Verdict, read};
use crate::context::Context;
use crate::expr::Program;
use crate::schema::Problem;

/// The documented rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    expression: String,
    message: Option<String>,
}

/// A lowered expression and the message of its violation.
#[derive(Debug)]
pub(crate) struct Expression {
    program: Program,
    message: String,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(Expression::new(read(definition)?)?))
}

impl Expression {
    fn new(definition: Definition) -> Result<Self, Vec<Problem>> {
        let program = Program::compile(&definition.expression)
            .map_err(|error| vec![Problem::at("/expression", error.to_string())])?;
        let message = definition
            .message
            .unwrap_or_else(|| "the policy's expression is true".to_owned());
        Ok(Self { program, message })
    }
}

impl Rule for Expression {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let (hit, steps) = self.program.evaluate(context)?;
        let verdict = if hit {
            Verdict::hit(self.message.clone(), Vec::new())
        } else {
            Verdict::clear("the expression is false")
        };
        Ok(verdict.costing(steps))
    }
}

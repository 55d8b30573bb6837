//! CEL behind a fence: crate `cel` parses what a cheap scan has found harmless, the tree is lowered
//! to our own typed form, and that form is evaluated with fuel.
//!
//! Differences from the CEL specification, all on the strict or the convenient side: integers and
//! doubles mix in arithmetic (the result is a double); unsigned literals are integers; map, message
//! and bytes literals, `type()` and optional syntax are refused; patterns of `matches` must be
//! literals; a program must be boolean by its types, not only by luck.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "an operator takes a few kinds of values and refuses all others alike"
)]

mod cost;
mod evaluator;
mod fence;
mod functions;
mod lower;
mod node;
mod ops;
mod time;
mod value;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use evaluator::EvalError;

use crate::context::Context;
use node::{Node, Type};

/// Why an expression is refused when it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CompileError {
    #[error("{0}")]
    Fence(#[from] fence::Refusal),
    #[error("cannot be parsed: {0}")]
    Syntax(String),
    #[error("{0}")]
    Lower(#[from] lower::Refusal),
    #[error("must be true or false, but is {0}")]
    NotBoolean(&'static str),
    #[error("may cost {0} steps on a large request; at most {max} are allowed", max = cost::MAX)]
    TooCostly(u64),
}

/// An expression ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Program {
    root: Node,
}

impl Program {
    /// Parses, checks and lowers an expression.
    pub(crate) fn compile(source: &str) -> Result<Self, CompileError> {
        fence::check(source)?;
        let tree = parse(source)?;
        let (root, result) = lower::lower(&tree)?;
        if result == Type::Dyn {
            return Err(CompileError::NotBoolean(
                "of unknown type (compare it, as in `x == true`)",
            ));
        }
        if result != Type::Bool {
            return Err(CompileError::NotBoolean(result.name()));
        }
        let cost = cost::of(&root);
        if cost > cost::MAX {
            return Err(CompileError::TooCostly(cost));
        }
        Ok(Self { root })
    }

    /// Evaluates; true is a violation. Also the steps it took.
    pub(crate) fn evaluate(&self, context: &Context<'_>) -> Result<(bool, u64), EvalError> {
        evaluator::evaluate(&self.root, context)
    }
}

/// The environment without macros: calls such as `all` arrive as they were written.
fn parse(source: &str) -> Result<cel::IdedExpr, CompileError> {
    // The parser is not ours: a panic in it is a refusal, not an outage.
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        cel::Env::default().parser().parse(source)
    }));
    match parsed {
        Ok(Ok(tree)) => Ok(tree),
        Ok(Err(errors)) => {
            let first = errors
                .errors
                .first()
                .map(|e| e.msg.clone())
                .unwrap_or_default();
            Err(CompileError::Syntax(first.chars().take(200).collect()))
        }
        Err(_) => Err(CompileError::Syntax("the parser gave up".to_owned())),
    }
}

//! Checks a rule definition before it is stored: shape by JSON Schema, meaning by compiling it.

use std::sync::LazyLock;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde::Serialize;
use serde_json::Value;

use crate::model::PolicyType;
use crate::rule;

/// One thing that is wrong with a rule definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Problem {
    /// JSON Pointer into the rule definition; empty is the definition itself.
    pub path: String,
    /// What is wrong, in words for the author of the policy.
    pub message: String,
}

impl Problem {
    pub(crate) fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// The JSON Schema (2020-12) of a policy type's rule definition.
#[must_use]
pub fn source(policy_type: PolicyType) -> &'static str {
    match policy_type {
        PolicyType::InjectionScan => include_str!("../../../schemas/policy/injection_scan.v1.json"),
        PolicyType::PiiAccess => include_str!("../../../schemas/policy/pii_access.v1.json"),
        PolicyType::CostLimit => include_str!("../../../schemas/policy/cost_limit.v1.json"),
        PolicyType::ToolInvocation => {
            include_str!("../../../schemas/policy/tool_invocation.v1.json")
        }
        PolicyType::Expression => include_str!("../../../schemas/policy/expression.v1.json"),
    }
}

static VALIDATORS: LazyLock<Vec<(PolicyType, Option<Validator>)>> = LazyLock::new(|| {
    let compile = |t: &PolicyType| {
        let schema = serde_json::from_str::<Value>(source(*t)).ok()?;
        jsonschema::draft202012::new(&schema).ok()
    };
    PolicyType::ALL.iter().map(|t| (*t, compile(t))).collect()
});

/// Checks a rule definition as completely as it can be before it meets a request.
///
/// # Errors
/// Every problem found: first the shape; when that is right, patterns, globs and expressions.
pub fn validate(policy_type: PolicyType, definition: &Value) -> Result<(), Vec<Problem>> {
    let shape = shape_problems(policy_type, definition);
    if !shape.is_empty() {
        return Err(shape);
    }
    rule::compile(policy_type, definition).map(|_| ())
}

fn shape_problems(policy_type: PolicyType, definition: &Value) -> Vec<Problem> {
    let validator = VALIDATORS.iter().find(|(t, _)| *t == policy_type);
    let Some((_, Some(validator))) = validator else {
        return vec![Problem::at(
            "",
            "the schema of this policy type is not usable",
        )];
    };
    validator
        .iter_errors(definition)
        .flat_map(|error| problems_of(&error))
        .take(50)
        .collect()
}

fn problems_of(error: &jsonschema::ValidationError<'_>) -> Vec<Problem> {
    let path = error.instance_path().to_string();
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        let problem = |name: &String| Problem::at(&path, format!("unknown field '{}'", cut(name)));
        return unexpected.iter().map(problem).collect();
    }
    vec![Problem::at(path, cut(&error.to_string()))]
}

fn cut(text: &str) -> String {
    text.chars().take(300).collect()
}

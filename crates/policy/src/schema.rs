//! Checks a rule definition before it is stored: shape by JSON Schema, meaning by compiling it.

use std::sync::LazyLock;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde::Serialize;
use serde_json::Value;

use crate::model::PolicyType;

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

static VALIDATORS: LazyLock<Vec<(PolicyType, Option<Validator>)>> = LazyLock::new(|| {
    let compile = |t: &PolicyType| {
        let schema = serde_json::from_str::<Value>(t.schema()).ok()?;
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
    policy_type.compile(definition).map(|_| ())
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
        .flat_map(|error| problems_of(policy_type, &error))
        .take(50)
        .collect()
}

fn problems_of(policy_type: PolicyType, error: &jsonschema::ValidationError<'_>) -> Vec<Problem> {
    let path = error.instance_path().to_string();
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        let problem = |name: &String| Problem::at(&path, format!("unknown field '{}'", cut(name)));
        return unexpected.iter().map(problem).collect();
    }
    let words = in_words(policy_type, error.kind());
    // The value is the author's own and may be long: the path says which one it is.
    let message = words.unwrap_or_else(|| error.masked_with("the value").to_string());
    vec![Problem::at(path, cut(&message))]
}

/// The validator's own text names keywords of JSON Schema and cuts lists short.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds read well as the validator words them"
)]
fn in_words(policy_type: PolicyType, kind: &ValidationErrorKind) -> Option<String> {
    match kind {
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array()?.iter().map(word).collect::<Vec<_>>();
            Some(format!("must be one of {}", options.join(", ")))
        }
        ValidationErrorKind::AnyOf { .. } => {
            let schema = serde_json::from_str::<Value>(policy_type.schema()).ok()?;
            let branches = schema.get("anyOf")?.as_array()?.iter().map(required);
            let fields = branches.collect::<Option<Vec<_>>>()?.concat();
            Some(format!("needs at least one of {}", fields.join(", ")))
        }
        ValidationErrorKind::MinProperties { .. } => {
            let schema = serde_json::from_str::<Value>(policy_type.schema()).ok()?;
            let fields = schema.get("properties")?.as_object()?.keys().cloned();
            let fields = fields.collect::<Vec<_>>();
            Some(format!("needs at least one of {}", fields.join(", ")))
        }
        ValidationErrorKind::Not { schema } => {
            let fields = required(schema)?.join("' and '");
            Some(format!("'{fields}' cannot be given together"))
        }
        _ => None,
    }
}

fn required(schema: &Value) -> Option<Vec<String>> {
    let names = schema.get("required")?.as_array()?;
    Some(names.iter().map(word).collect())
}

fn word(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn cut(text: &str) -> String {
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(policy_type: PolicyType, definition: &Value) -> String {
        let problems = validate(policy_type, definition).unwrap_err();
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        texts.join("; ")
    }

    #[test]
    fn problems_are_worded_for_the_author_of_the_policy() {
        let kinds = problem(
            PolicyType::PiiAccess,
            &json!({"denied_pii_types": ["shoe_size"]}),
        );
        assert!(kinds.starts_with("/denied_pii_types/0: must be one of email, ssn, "));
        assert!(kinds.contains("credit_card") && !kinds.contains("candidates"));
        assert_eq!(
            problem(PolicyType::CostLimit, &json!({})),
            ": needs at least one of max_cost_per_execution, daily_budget"
        );
        let tools = problem(PolicyType::ToolInvocation, &json!({}));
        assert!(tools.starts_with(": needs at least one of ") && tools.contains("denied_tools"));
        assert_eq!(
            problem(
                PolicyType::ToolInvocation,
                &json!({"denied_tools": [], "deny": []})
            ),
            ": 'denied_tools' and 'deny' cannot be given together"
        );
        assert_eq!(
            problem(PolicyType::CostLimit, &json!({"daily_budget": "a"})),
            "/daily_budget: the value is not of type \"number\""
        );
    }

    #[test]
    fn a_long_value_is_not_said_back() {
        let long = problem(
            PolicyType::Expression,
            &json!({"expression": "a".repeat(5_000)}),
        );
        assert!(long.len() < 100 && long.contains("4096"), "{long}");
    }
}

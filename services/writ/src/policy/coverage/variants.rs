//! The conditions of a rule, each with valid rules that do not have it.

use serde_json::{Map, Number, Value};
use writ_policy::{PolicyType, schema};

/// Fields that only say what people read.
const WORDS: &[&str] = &["message", "description"];

/// Each condition's place in the rule and the rules without it; one that every valid rule has is
/// left out.
pub(super) fn of(kind: PolicyType, rule: &Value) -> Vec<(String, Vec<Value>)> {
    let schema: Value = serde_json::from_str(kind.schema()).unwrap_or_default();
    let mut found = Vec::new();
    let root = Shape {
        schema: &schema,
        root: &schema,
    };
    vary(rule, root, "", &mut |path, variants| {
        let valid = |variant: &Value| schema::validate(kind, variant).is_ok();
        let variants: Vec<Value> = variants.into_iter().filter(valid).collect();
        if !variants.is_empty() {
            found.push((path.to_owned(), variants));
        }
    });
    found
}

/// What a schema says of one value.
#[derive(Clone, Copy)]
struct Shape<'a> {
    schema: &'a Value,
    root: &'a Value,
}

impl<'a> Shape<'a> {
    fn get(self, pointer: &str) -> Self {
        let schema = self.schema.pointer(pointer).unwrap_or(&Value::Null);
        let referred = schema.get("$ref").and_then(Value::as_str);
        let referred = referred.and_then(|it| self.root.pointer(it.strip_prefix('#')?));
        Self {
            schema: referred.unwrap_or(schema),
            root: self.root,
        }
    }

    /// The other words that are allowed here.
    fn others(self, word: &str) -> Vec<Value> {
        let words = self.schema.get("enum").and_then(Value::as_array);
        let others = words.into_iter().flatten().filter(|it| *it != word);
        others.cloned().collect()
    }
}

type Found<'f> = &'f mut dyn FnMut(&str, Vec<Value>);

/// Calls back with every condition below a value, and with what the value may be without it.
fn vary(value: &Value, shape: Shape<'_>, path: &str, found: Found<'_>) {
    match value {
        Value::Array(items) => vary_items(items, shape, path, found),
        Value::Object(fields) => vary_fields(fields, shape, path, found),
        Value::Bool(yes) => found(path, vec![Value::Bool(!yes)]),
        Value::Number(number) => found(path, other_numbers(number)),
        Value::String(word) => found(path, shape.others(word)),
        Value::Null => {}
    }
}

/// An entry of a list can be missing; one that has fields has conditions of its own.
fn vary_items(items: &[Value], shape: Shape<'_>, path: &str, found: Found<'_>) {
    for (index, item) in items.iter().enumerate() {
        let mut rest = items.to_vec();
        rest.remove(index);
        let path = format!("{path}[{index}]");
        let name = match item.as_str() {
            Some(text) => format!("{path} {text}"),
            None => path.clone(),
        };
        found(&name, vec![Value::Array(rest)]);
        if let Value::Object(fields) = item {
            vary_fields(fields, shape.get("/items"), &path, &mut |path, variants| {
                let with = |variant| {
                    let mut items = items.to_vec();
                    if let Some(item) = items.get_mut(index) {
                        *item = variant;
                    }
                    Value::Array(items)
                };
                found(path, variants.into_iter().map(with).collect());
            });
        }
    }
}

fn vary_fields(fields: &Map<String, Value>, shape: Shape<'_>, path: &str, found: Found<'_>) {
    let told = fields
        .iter()
        .filter(|(name, _)| !WORDS.contains(&name.as_str()));
    for (name, field) in told {
        let path = match path {
            "" => name.clone(),
            _ => format!("{path}.{name}"),
        };
        let shape = shape.get(&format!("/properties/{name}"));
        vary(field, shape, &path, &mut |path, variants| {
            let with = |variant| {
                let mut fields = fields.clone();
                fields.insert(name.clone(), variant);
                Value::Object(fields)
            };
            let mut variants: Vec<Value> = variants.into_iter().map(with).collect();
            // The last entry may have to go together with its list.
            if field.is_string() || field.as_array().is_some_and(|items| items.len() == 1) {
                let mut without = fields.clone();
                without.remove(name);
                variants.push(Value::Object(without));
            }
            found(path, variants);
        });
    }
}

fn other_numbers(number: &Number) -> Vec<Value> {
    match (number.as_i64(), number.as_f64()) {
        (Some(n), _) => vec![0.into(), (n / 2).into(), n.saturating_mul(1_000).into()],
        (None, Some(n)) => vec![0.into(), (n / 2.0).into(), 1.into(), (n * 1_000.0).into()],
        (None, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(kind: PolicyType, rule: &Value) -> Vec<String> {
        of(kind, rule).into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn entries_numbers_switches_and_words_are_conditions() {
        let rule = json!({"denied_pii_types": ["ssn", "iban"], "mask_output": true});
        assert_eq!(
            paths(PolicyType::PiiAccess, &rule),
            [
                "denied_pii_types[0] ssn",
                "denied_pii_types[1] iban",
                "mask_output"
            ]
        );
        let rule = json!({"max_cost_per_execution": 1.5});
        assert_eq!(
            paths(PolicyType::CostLimit, &rule),
            ["max_cost_per_execution"]
        );
        // No valid rule is without its expression, and its message decides nothing.
        let rule = json!({"expression": "cost > 1.0", "message": "too dear"});
        assert_eq!(paths(PolicyType::Expression, &rule), [""; 0]);
    }

    #[test]
    fn entries_with_fields_have_conditions_of_their_own() {
        let rule = json!({"rules": [
            {"effect": "deny", "tools": ["a", "b"], "time_windows": [{"hours": "08:00-18:00"}]},
        ]});
        assert_eq!(
            paths(PolicyType::AccessControl, &rule),
            [
                "rules[0]",
                "rules[0].effect",
                "rules[0].time_windows[0]",
                "rules[0].time_windows[0].hours",
                "rules[0].tools[0] a",
                "rules[0].tools[1] b",
            ]
        );
    }
}

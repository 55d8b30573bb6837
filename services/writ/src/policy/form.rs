//! Policies in one plain form, so that what a file says and what a server has can be compared.

use serde_json::{Map, Number, Value, json};
use uuid::Uuid;
use writ_policy::{Mode, Policy};

/// Fields as the API names them, without those that say nothing. Prerequisites are names.
pub(super) type Form = Map<String, Value>;

/// Fields a new policy cannot do without, whatever they say.
const ALWAYS: &[&str] = &["name", "policyType", "enforcementMode", "ruleDefinition"];

/// A field that is not the same.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// `ruleDefinition.daily_budget`
    pub(super) field: String,
    /// What the server has.
    pub(super) from: Value,
    /// What the file says.
    pub(super) to: Value,
}

/// The plain form of a policy that applies to these agents after these policies.
pub(super) fn of(policy: &Policy, agents: &[Uuid], prerequisites: Vec<String>) -> Form {
    let sorted = |mut words: Vec<String>| {
        words.sort();
        words.dedup();
        Value::from(words)
    };
    let mut form = fields(policy);
    let agents = agents.iter().map(Uuid::to_string).collect();
    form.insert("appliesToAgents".to_owned(), sorted(agents));
    form.insert("prerequisites".to_owned(), sorted(prerequisites));
    if policy.on_error == Some(policy.mode.default_on_error()) {
        form.remove("onError");
    }
    form.retain(|name, value| ALWAYS.contains(&name.as_str()) || !says_nothing(value));
    form
}

fn fields(policy: &Policy) -> Form {
    let mut fields = match serde_json::to_value(policy) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    };
    fields.remove("id");
    fields.remove("version");
    fields.values_mut().for_each(plain);
    fields
}

/// A store may write 5.0 as 5.
fn plain(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *value = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::Object(fields) => fields.values_mut().for_each(plain),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only when nothing is lost")]
fn whole(number: &Number) -> Option<i64> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    (float.fract() == 0.0 && float.abs() < 9.0e15).then_some(float as i64)
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Leaves out what is so anyway.
pub(super) fn without_defaults(form: &Form, policy: &Policy) -> Form {
    let smallest = json!({
        "id": Uuid::nil(),
        "name": policy.name,
        "policyType": policy.policy_type,
        "enforcementMode": policy.mode,
        "ruleDefinition": {},
    });
    let default = serde_json::from_value::<Policy>(smallest);
    let default = default.map(|it| of(&it, &[], Vec::new()));
    let default = default.unwrap_or_default();
    let kept = form.iter().filter(|(name, value)| {
        ALWAYS.contains(&name.as_str()) || default.get(*name) != Some(value)
    });
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Every difference, the innermost fields of rules named.
pub(super) fn changes(from: &Form, to: &Form) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", from, to, &mut found);
    found
}

fn compare(path: &str, from: &Form, to: &Form, found: &mut Vec<Change>) {
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let field = match path {
            "" => name.clone(),
            _ => format!("{path}.{name}"),
        };
        match (from.get(name), to.get(name)) {
            (Some(Value::Object(from)), Some(Value::Object(to))) => {
                compare(&field, from, to, found);
            }
            (from, to) if from == to => {}
            (from, to) => found.push(Change {
                field,
                from: from.cloned().unwrap_or_default(),
                to: to.cloned().unwrap_or_default(),
            }),
        }
    }
}

/// The body of a PATCH: each field that differs, whole. What the file does not say any more is
/// emptied.
pub(super) fn patch(from: &Form, to: &Form) -> Form {
    let mut body = Form::new();
    for (name, value) in to {
        if from.get(name) != Some(value) {
            body.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in from.iter().filter(|(name, _)| !to.contains_key(*name)) {
        body.insert(name.clone(), empty(name, value, to));
    }
    body
}

fn empty(name: &str, value: &Value, to: &Form) -> Value {
    let mode = to.get("enforcementMode").and_then(Value::as_str);
    match value {
        Value::String(_) if name == "onError" => mode
            .and_then(|word| word.parse::<Mode>().ok())
            .map_or(Value::Null, |mode| mode.default_on_error().as_str().into()),
        Value::String(_) => "".into(),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
        Value::Null | Value::Bool(_) | Value::Number(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(extra: Value) -> Policy {
        let mut fields = json!({
            "id": Uuid::nil(), "name": "a", "policyType": "cost_limit",
            "enforcementMode": "block", "ruleDefinition": {"daily_budget": 5},
        });
        let (fields_, extra) = (fields.as_object_mut().unwrap(), extra);
        fields_.extend(extra.as_object().unwrap().clone());
        serde_json::from_value(fields).unwrap()
    }

    fn form(extra: Value) -> Form {
        of(&policy(extra), &[], Vec::new())
    }

    #[test]
    fn what_says_the_same_in_other_words_is_no_change() {
        let explicit = json!({
            "onError": "deny", "isActive": true, "severity": "medium", "evaluationOrder": 100,
            "enforcementMode": "hard_block", "ruleDefinition": {"daily_budget": 5.0},
        });
        assert_eq!(changes(&form(json!({})), &form(explicit)), []);
    }

    #[test]
    fn a_change_names_the_innermost_field() {
        let to = form(json!({"ruleDefinition": {"daily_budget": 6}, "severity": "high"}));
        let found = changes(&form(json!({})), &to);
        let fields: Vec<_> = found.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["ruleDefinition.daily_budget", "severity"]);
        assert_eq!((&found[0].from, &found[0].to), (&json!(5), &json!(6)));
    }

    #[test]
    fn a_patch_carries_whole_fields_and_empties_what_is_gone() {
        let agent = Uuid::from_u128(1);
        let from = of(&policy(json!({})), &[agent], Vec::new());
        let to = form(json!({"ruleDefinition": {"daily_budget": 6}, "onError": "allow"}));
        let body = Value::Object(patch(&from, &to));
        let expected = json!({
            "ruleDefinition": {"daily_budget": 6}, "onError": "allow", "appliesToAgents": [],
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn an_error_behaviour_that_is_gone_becomes_the_modes_own() {
        let from = form(json!({"onError": "allow"}));
        let body = patch(&from, &form(json!({})));
        assert_eq!(Value::Object(body), json!({"onError": "deny"}));
    }

    #[test]
    fn defaults_are_left_out_of_what_is_written() {
        let policy = policy(json!({"onError": "deny", "severity": "high"}));
        let written = without_defaults(&of(&policy, &[], Vec::new()), &policy);
        let names: Vec<_> = written.keys().map(String::as_str).collect();
        let expected = [
            "enforcementMode",
            "name",
            "policyType",
            "ruleDefinition",
            "severity",
        ];
        assert_eq!(names, expected);
    }
}

//! Every change of one value somewhere in a document.

use serde_json::{Value, json};

/// Pointers to all that is in a value, itself but the root.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, it)| (name.clone(), it)).collect(),
        Value::Array(items) => (0..)
            .zip(items)
            .map(|(n, it)| (format!("{n}"), it))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (name, member) in members {
        let place = format!("{at}/{name}");
        places(member, &place, found);
        found.push(place);
    }
}

/// Other values in the place of one.
fn others(value: &Value) -> Vec<Value> {
    let mut others = vec![Value::Null, json!("x"), json!(-1), json!([]), json!({})];
    match value {
        Value::Bool(flag) => others.push(json!(!flag)),
        Value::Number(number) => {
            let number = number.as_i64().unwrap();
            others.extend([json!(number + 1), json!(0), json!(u64::MAX), json!("1")]);
        }
        Value::String(text) => {
            others.push(json!(""));
            others.push(json!(format!("{text} ")));
            others.push(json!(text.to_uppercase()));
            let (at, old) = text.char_indices().nth(text.chars().count() / 2).unwrap();
            let new = if old == 'A' { "B" } else { "A" };
            let mut changed = text.clone();
            changed.replace_range(at..at + old.len_utf8(), new);
            others.push(json!(changed));
        }
        Value::Array(items) => {
            others.push(items.iter().rev().cloned().collect());
            others.push(items.iter().skip(1).cloned().collect());
            others.push(items.iter().chain(items.first()).cloned().collect());
        }
        Value::Null | Value::Object(_) => {}
    }
    others.retain(|other| other != value);
    others
}

/// Every field with other values, without it, and with one more beside it.
pub(crate) fn tampered(honest: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    places(honest, "", &mut found);
    let mut changed = Vec::new();
    for place in found {
        for other in others(honest.pointer(&place).unwrap()) {
            let mut value = honest.clone();
            let name = format!("{place} = {other}");
            *value.pointer_mut(&place).unwrap() = other;
            changed.push((name, value));
        }
        let (parent, field) = place.rsplit_once('/').unwrap();
        for name in [field, "another"] {
            let mut value = honest.clone();
            let Some(fields) = value.pointer_mut(parent).unwrap().as_object_mut() else {
                continue;
            };
            if fields.remove(name).is_none() {
                fields.insert(name.to_owned(), json!(1));
            }
            changed.push((format!("{parent}: {name} taken out or put in"), value));
        }
    }
    changed
}

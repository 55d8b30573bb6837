//! Which fields of a merged configuration nobody knows.

use figment::value::{Dict, Value};

/// The paths in `merged` that `known` (the serialised defaults) does not have. An empty map among
/// the defaults is a map with free keys.
pub(super) fn unknown_fields(known: &Dict, merged: &Dict) -> Vec<String> {
    let mut found = Vec::new();
    walk(known, merged, "", &mut found);
    found
}

fn walk(known: &Dict, merged: &Dict, path: &str, found: &mut Vec<String>) {
    for (key, value) in merged {
        let here = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (known.get(key), value) {
            (None, _) => found.push(here),
            (Some(Value::Dict(_, inner)), Value::Dict(_, given)) if !inner.is_empty() => {
                walk(inner, given, &here, found);
            }
            (Some(_), _) => {}
        }
    }
}

/// Every leaf with its path.
pub(super) fn leaves(dict: &Dict) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    collect(dict, "", &mut found);
    found
}

fn collect(dict: &Dict, path: &str, found: &mut Vec<(String, Value)>) {
    for (key, value) in dict {
        let here = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if let Value::Dict(_, inner) = value
            && !inner.is_empty()
        {
            collect(inner, &here, found);
        } else {
            found.push((here, value.clone()));
        }
    }
}

//! Which data an act touches, as far as its fields say so.

use serde_json::Value;

use crate::request::Request;
use crate::rule::names::Name;

/// Data sources and classifications, with the field each was found in.
#[derive(Debug, Default)]
pub(crate) struct DataNames {
    pub(crate) sources: Vec<Source>,
    pub(crate) classes: Vec<(Name<'static>, String)>,
}

/// A data source.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Name<'static>,
    pub(crate) location: String,
    /// Named as a data source, not only as a database, a table or the like within one.
    pub(crate) certain: bool,
}

/// What a field's name says about its value.
#[derive(Clone, Copy)]
enum Kind {
    Source { certain: bool },
    Class,
}

/// Names of fields, without case, `_` and `-`.
fn kind_of(field: &str) -> Option<Kind> {
    if field.len() > 32 {
        return None;
    }
    match plain(field).as_str() {
        "datasource" | "datasources" => Some(Kind::Source { certain: true }),
        "dataset" | "datasets" | "database" | "databases" | "table" | "tables" | "collection"
        | "collections" | "bucket" | "buckets" => Some(Kind::Source { certain: false }),
        "classification" | "classifications" | "dataclassification" | "dataclassifications" => {
            Some(Kind::Class)
        }
        _ => None,
    }
}

/// Fields of `metadata` that hold a tool's arguments.
fn holds_arguments(field: &str) -> bool {
    matches!(
        plain(field).as_str(),
        "toolinput" | "toolarguments" | "toolargs" | "arguments"
    )
}

fn plain(field: &str) -> String {
    let letters = field.chars().filter(|c| !matches!(c, '_' | '-'));
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

impl DataNames {
    /// Reads `metadata`, the arguments in it, and what tools were asked and answered.
    pub(super) fn of(request: &Request) -> Self {
        let mut names = Self::default();
        if let Some(Value::Object(metadata)) = &request.metadata {
            for (field, value) in metadata {
                if holds_arguments(field) {
                    names.arguments(value, &format!("metadata.{field}"));
                } else if let Some(kind) = kind_of(field) {
                    names.add(kind, value, &format!("metadata.{field}"));
                }
            }
        }
        for (i, tool) in request.tool_outputs.iter().enumerate() {
            names.arguments(&tool.input, &format!("toolOutputs[{i}].input"));
            names.walk(&tool.output, &format!("toolOutputs[{i}].output"), true);
        }
        names
    }

    /// Arguments are an object or, from some frameworks, the text of one.
    fn arguments(&mut self, value: &Value, location: &str) {
        let parsed = value
            .as_str()
            .and_then(|text| serde_json::from_str::<Value>(text).ok());
        self.walk(parsed.as_ref().unwrap_or(value), location, false);
    }

    /// Without recursion, so that depth costs heap and not stack. An answer is data and names no
    /// source that the act is about to touch.
    fn walk(&mut self, root: &Value, location: &str, answer: bool) {
        let mut stack = vec![root];
        while let Some(value) = stack.pop() {
            match value {
                Value::Array(items) => stack.extend(items.iter().rev()),
                Value::Object(fields) => {
                    for (field, value) in fields {
                        match kind_of(field) {
                            Some(Kind::Source { .. }) if answer => stack.push(value),
                            Some(kind) => self.add(kind, value, location),
                            None => stack.push(value),
                        }
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }

    /// A text, a list of them, or objects with a name; anything else is a name that fits no list.
    fn add(&mut self, kind: Kind, value: &Value, location: &str) {
        let values = match value {
            Value::Null => return,
            Value::Array(items) => items.as_slice(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                std::slice::from_ref(value)
            }
        };
        for value in values {
            let named = value.get("name").or(value.get("id")).unwrap_or(value);
            let name = Name::new(named.as_str().unwrap_or_default().to_owned());
            let location = location.to_owned();
            match kind {
                Kind::Source { certain } => self.sources.push(Source {
                    name,
                    location,
                    certain,
                }),
                Kind::Class => self.classes.push((name, location)),
            }
        }
    }
}

//! `kind: Policy`: one policy of a file.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use uuid::Uuid;
use writ_contract::PolicyId;
use writ_policy::model::MAX_PREREQUISITES;
use writ_policy::{Policy, PolicyType, schema};

use super::limits::{self, AGENTS, NAME};
use super::problem::{Place, Problem, below};

/// Fields of the engine's policy that a file says elsewhere, or does not say.
const NOT_IN_SPEC: &[&str] = &["id", "version", "name", "mode"];
const REQUIRED: &[&str] = &["policyType", "enforcementMode", "ruleDefinition"];
const APPLIES_TO: &str = "appliesToAgents";
const PREREQUISITES: &str = "prerequisites";

/// A policy as a file says it. Names of agents and policies become ids where they are known.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Everything that names nothing else; its id is nil.
    pub(super) policy: Policy,
    /// The id it has on the server, when the file says one.
    pub(super) id: Option<Uuid>,
    /// UUIDs or the applications' own ids.
    pub(super) agents: Vec<String>,
    /// Names or ids of policies.
    pub(super) prerequisites: Vec<String>,
    /// Where it stands.
    pub(super) file: String,
    pub(super) folder: PathBuf,
    pub(super) line: usize,
    /// The line that names its prerequisites.
    pub(super) chain_line: usize,
}

impl Entry {
    /// Reads a document; every problem is added to the list.
    pub(super) fn read(place: Place<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let before = problems.len();
        let document = &place.document.value;
        let nothing = Map::new();
        let part = |name: &str| document.get(name).and_then(Value::as_object);
        for name in ["metadata", "spec"] {
            if part(name).is_none() {
                problems.push(place.problem(&below("", name), "must be there, with fields"));
            }
        }
        let (metadata, spec) = (
            part("metadata").unwrap_or(&nothing),
            part("spec").unwrap_or(&nothing),
        );
        let name = read_name(place, metadata, problems);
        let id = read_id(place, metadata, problems);
        let agents = words(place, spec, APPLIES_TO, AGENTS, problems);
        let prerequisites = words(place, spec, PREREQUISITES, MAX_PREREQUISITES, problems);
        let policy = read_spec(place, &name, spec, problems);
        check_rule(place, spec, problems);
        (problems.len() == before).then_some(())?;
        Some(Self {
            policy: policy?,
            id,
            agents,
            prerequisites,
            file: place.text.name.clone(),
            folder: place.text.folder.clone(),
            line: place.document.line("/metadata/name"),
            chain_line: place.document.line("/spec/prerequisites"),
        })
    }

    /// A problem of the policy as a whole.
    pub(super) fn problem(&self, path: &str, line: usize, message: String) -> Problem {
        Problem {
            file: self.file.clone(),
            line,
            path: path.to_owned(),
            message,
        }
    }
}

fn read_name(
    place: Place<'_>,
    metadata: &Map<String, Value>,
    problems: &mut Vec<Problem>,
) -> String {
    for field in metadata.keys() {
        if !matches!(field.as_str(), "name" | "id") {
            let pointer = below("/metadata", field);
            problems.push(place.problem(&pointer, format!("unknown field '{field}'")));
        }
    }
    let name = metadata.get("name").and_then(Value::as_str);
    let name = name.map(str::trim).unwrap_or_default();
    let wrong = match name.chars().count() {
        0 if !metadata.is_empty() => Some("must be text, and not empty".to_owned()),
        length if length > NAME => Some(format!("at most {NAME} characters, not {length}")),
        _ => None,
    };
    problems.extend(wrong.map(|wrong| place.problem("/metadata/name", wrong)));
    name.to_owned()
}

fn read_id(
    place: Place<'_>,
    metadata: &Map<String, Value>,
    problems: &mut Vec<Problem>,
) -> Option<Uuid> {
    let given = metadata.get("id")?;
    let id = given
        .as_str()
        .and_then(|text| text.parse::<PolicyId>().ok());
    if id.is_none() {
        problems.push(place.problem("/metadata/id", "not a policy id; it looks like pol_…"));
    }
    id.map(|id| id.0)
}

/// A list of names.
fn words(
    place: Place<'_>,
    spec: &Map<String, Value>,
    field: &str,
    most: usize,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let pointer = below("/spec", field);
    let items = match spec.get(field) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => {
            problems.push(place.problem(&pointer, "must be a list"));
            return Vec::new();
        }
    };
    if items.len() > most {
        problems.push(place.problem(&pointer, format!("at most {most}, not {}", items.len())));
    }
    let mut words = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item.as_str().map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => words.push(text.to_owned()),
            None => {
                let pointer = below(&pointer, &index.to_string());
                problems.push(place.problem(&pointer, "must be text, and not empty"));
            }
        }
    }
    words
}

/// Reads each field alone, so that one that is wrong does not hide the next, then all together.
fn read_spec(
    place: Place<'_>,
    name: &str,
    spec: &Map<String, Value>,
    problems: &mut Vec<Problem>,
) -> Option<Policy> {
    let before = problems.len();
    let missing = REQUIRED.iter().filter(|it| !spec.contains_key(**it));
    problems.extend(missing.map(|it| place.problem(&below("/spec", it), "is required")));
    let mut all = smallest(name);
    let named_elsewhere = [APPLIES_TO, PREREQUISITES];
    for (field, value) in spec {
        if named_elsewhere.contains(&field.as_str()) {
            continue;
        }
        if let Some((path, message)) = wrong_with(field, value) {
            problems.push(place.problem(&path, message));
        } else if !value.is_null() {
            all.insert(field.clone(), value.clone());
        }
    }
    (problems.len() == before).then_some(())?;
    serde_json::from_value(Value::Object(all))
        .map_err(|error| problems.push(place.problem("/spec", error.to_string())))
        .ok()
}

/// The fields a policy cannot be without.
fn smallest(name: &str) -> Map<String, Value> {
    let mut policy = json!({
        "id": Uuid::nil(),
        "name": name,
        "policyType": "injection_scan",
        "enforcementMode": "monitor",
        "ruleDefinition": {},
    });
    let fields = policy.as_object_mut().map(std::mem::take);
    fields.unwrap_or_default()
}

/// What is wrong with a field, and where.
fn wrong_with(field: &str, value: &Value) -> Option<(String, String)> {
    let pointer = below("/spec", field);
    if NOT_IN_SPEC.contains(&field) {
        return Some((pointer, format!("unknown field '{field}'")));
    }
    if value.is_null() && !REQUIRED.contains(&field) {
        return None;
    }
    let mut policy = smallest("-");
    policy.insert(field.to_owned(), value.clone());
    let mut unknown = None;
    let read: Result<Policy, _> = serde_ignored::deserialize(Value::Object(policy), |path| {
        unknown = Some(path.to_string().replace(".?", ""));
    });
    match (read, unknown) {
        (Err(error), _) => Some((pointer, error.to_string())),
        (Ok(_), Some(path)) => {
            let last = path.rsplit('.').next().unwrap_or(field);
            let pointer = format!("/spec/{}", path.replace('.', "/"));
            Some((pointer, format!("unknown field '{last}'")))
        }
        (Ok(policy), None) => limits::exceeded(field, &policy).map(|message| (pointer, message)),
    }
}

/// The rule as the server will check it: shape, patterns, expressions.
fn check_rule(place: Place<'_>, spec: &Map<String, Value>, problems: &mut Vec<Problem>) {
    let kind = spec.get("policyType").and_then(Value::as_str);
    let kind = kind.and_then(|word| word.parse::<PolicyType>().ok());
    let (Some(kind), Some(rule)) = (kind, spec.get("ruleDefinition")) else {
        return;
    };
    for wrong in schema::validate(kind, rule).err().unwrap_or_default() {
        let pointer = format!("/spec/ruleDefinition{}", wrong.path);
        problems.push(place.problem(&pointer, wrong.message));
    }
}

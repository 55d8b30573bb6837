//! The policies of a server.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use uuid::Uuid;
use writ_contract::PolicyId;
use writ_policy::Policy;

use super::entry::Entry;
use super::form::{self, Form};
use super::policy_id;
use crate::api::Api;
use crate::failure::Failure;
use crate::list;

/// A policy as the server has it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) policy: Policy,
    pub(super) form: Form,
}

impl Stored {
    /// Its id on the wire.
    pub(super) fn id(&self) -> String {
        PolicyId(self.policy.id).to_string()
    }
}

/// All policies of the organisation, in the order they were created.
pub(super) async fn policies(api: &Api) -> Result<Vec<Stored>, Failure> {
    let items = list::all(api, &["policies"]).await?;
    let policies = items.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let names = unique_names(&policies);
    let stored = policies.into_iter().map(|policy| {
        let form = form_of(&policy, &names);
        Stored { policy, form }
    });
    Ok(stored.collect())
}

/// The policy in the answer to a write.
pub(super) fn answered(answer: Value, names: &HashMap<Uuid, String>) -> Result<Stored, Failure> {
    let policy = read(&list::data(answer))?;
    let form = form_of(&policy, names);
    Ok(Stored { policy, form })
}

/// What policies can be called: the names that only one has.
pub(super) fn unique_names(policies: &[Policy]) -> HashMap<Uuid, String> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for policy in policies {
        *times.entry(&policy.name).or_default() += 1;
    }
    let unique = policies
        .iter()
        .filter(|it| times.get(it.name.as_str()) == Some(&1));
    unique.map(|it| (it.id, it.name.clone())).collect()
}

fn form_of(policy: &Policy, names: &HashMap<Uuid, String>) -> Form {
    let prerequisites = policy.prerequisites.iter().map(|id| {
        let name = names.get(id).cloned();
        name.unwrap_or_else(|| PolicyId(*id).to_string())
    });
    form::of(policy, &policy.applies_to_agents, prerequisites.collect())
}

/// The API's form as the engine's: ids without prefix, nothing that is null.
fn read(item: &Value) -> Result<Policy, Failure> {
    let mut fields = item.as_object().cloned().unwrap_or_default();
    fields.retain(|_, value| !value.is_null());
    for field in ["id", "prerequisites"] {
        if let Some(value) = fields.get_mut(field) {
            bare(value);
        }
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| {
        let id = item.get("id").unwrap_or(&Value::Null);
        Failure::Unavailable(format!(
            "cannot read policy {id} of the server: {error}; is this writ older than the server?"
        ))
    })
}

fn bare(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(id) = policy_id(text) {
                *value = id.to_string().into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(bare),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
}

/// The UUIDs of the agents that files name by the applications' own ids.
pub(super) async fn agents(
    api: &Api,
    entries: &[Entry],
) -> Result<BTreeMap<String, Uuid>, Failure> {
    let mut known = BTreeMap::new();
    for name in entries.iter().flat_map(|it| &it.agents) {
        if known.contains_key(name) {
            continue;
        }
        let id = match Uuid::try_parse(name) {
            Ok(id) => id,
            Err(_) => agent(api, name).await?,
        };
        known.insert(name.clone(), id);
    }
    Ok(known)
}

async fn agent(api: &Api, name: &str) -> Result<Uuid, Failure> {
    let found = match api.get(&["agents", name], &[]).await {
        Err(Failure::NotFound(why)) => {
            let why = format!("appliesToAgents: no agent '{name}': {why}");
            return Err(Failure::NotFound(why));
        }
        found => found?,
    };
    let id = list::data(found);
    let id = id.get("id").and_then(Value::as_str);
    let id = id.and_then(|text| Uuid::try_parse(text).ok());
    id.ok_or_else(|| Failure::Unavailable(format!("agent '{name}' has no id")))
}

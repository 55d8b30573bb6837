//! The organisations of a development stack. Their ids and keys are chosen here, once: the
//! broker's accounts name them before anything runs, and `control` creates them at start.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;
use writ_access::{ApiKey, Prefix, Role};
use writ_contract::OrgId;

use crate::layout::write_private;

/// Names and quotas of traces: the demo, another to keep apart from it, one that has none left.
const ORGS: [(&str, Option<u64>); 3] = [("Demo", None), ("Other", None), ("Quota spent", Some(0))];

/// One organisation and what its people hold.
#[derive(Clone, Serialize, Deserialize)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// What its owner holds.
    pub owner: Holder,
    /// What a developer holds.
    pub developer: Holder,
    /// Password of its outside publisher on NATS.
    pub publisher_password: String,
    /// Traces a month; absent is unlimited.
    pub max_traces_per_month: Option<u64>,
}

/// A person with a key.
#[derive(Clone, Serialize, Deserialize)]
pub struct Holder {
    key_id: Uuid,
    person: Uuid,
    /// The key's text.
    pub key: String,
}

impl std::fmt::Debug for Org {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Org")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holder")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Reads the organisations and makes those that are missing.
///
/// # Errors
/// When the file cannot be read or written.
pub fn load_or_create(path: &Path) -> anyhow::Result<Vec<Org>> {
    let mut orgs: Vec<Org> = match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| path.display().to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let known = orgs.len();
    // A folder of an earlier version may have fewer of them.
    for (name, max_traces_per_month) in ORGS.into_iter().skip(known) {
        orgs.push(Org {
            max_traces_per_month,
            ..Org::new(name)?
        });
    }
    if orgs.len() > known {
        write_private(path, &serde_json::to_string_pretty(&orgs)?)?;
    }
    Ok(orgs)
}

/// The seed file of `control`: what it creates at start when it is missing.
#[must_use]
pub fn seed(orgs: &[Org]) -> serde_json::Value {
    let organizations: Vec<_> = orgs
        .iter()
        .map(|org| {
            let key = |what: &str, role: Role, holder: &Holder| {
                json!({
                    "id": holder.key_id,
                    "person": holder.person,
                    "name": format!("{} {what}", org.name),
                    "role": role,
                    "key": holder.key,
                })
            };
            json!({
                "id": org.id.0,
                "name": org.name,
                "max_traces_per_month": org.max_traces_per_month,
                "on_plan_limit": if org.max_traces_per_month.is_some() { "refuse" } else { "govern" },
                "keys": [
                    key("owner", Role::Owner, &org.owner),
                    key("developer", Role::Developer, &org.developer),
                ],
            })
        })
        .collect();
    json!({ "organizations": organizations })
}

impl Org {
    fn new(name: &str) -> anyhow::Result<Self> {
        Ok(Self {
            id: OrgId(Uuid::now_v7()),
            name: name.to_owned(),
            owner: Holder::new()?,
            developer: Holder::new()?,
            publisher_password: hex::encode(random()?),
            max_traces_per_month: None,
        })
    }
}

impl Holder {
    fn new() -> anyhow::Result<Self> {
        let key = ApiKey::generate(Prefix::Live, random()?)
            .expose()
            .to_owned();
        Ok(Self {
            key_id: Uuid::now_v7(),
            person: Uuid::now_v7(),
            key,
        })
    }
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

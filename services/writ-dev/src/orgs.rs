//! The organisations of a development stack. Their ids are chosen here, once, so that the broker's
//! accounts can name them before anything runs.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_access::{ApiKey, Prefix};
use writ_contract::OrgId;

use crate::layout::write_private;

/// One organisation and what its people hold.
#[derive(Clone, Serialize, Deserialize)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Key of its owner.
    pub owner_key: String,
    /// Key of a developer.
    pub developer_key: String,
    /// Password of its outside publisher on NATS.
    pub publisher_password: String,
}

impl std::fmt::Debug for Org {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Org")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Reads the two organisations, or makes them.
///
/// # Errors
/// When the file cannot be read or written.
pub fn load_or_create(path: &Path) -> anyhow::Result<Vec<Org>> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let orgs = vec![Org::new("Demo")?, Org::new("Other")?];
            write_private(path, &serde_json::to_string_pretty(&orgs)?)?;
            Ok(orgs)
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

impl Org {
    fn new(name: &str) -> anyhow::Result<Self> {
        let key = || {
            anyhow::Ok(
                ApiKey::generate(Prefix::Live, random()?)
                    .expose()
                    .to_owned(),
            )
        };
        Ok(Self {
            id: OrgId(Uuid::now_v7()),
            name: name.to_owned(),
            owner_key: key()?,
            developer_key: key()?,
            publisher_password: hex::encode(random()?),
        })
    }
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

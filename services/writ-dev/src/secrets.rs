//! The secrets of a development stack: made once, kept in its folder, readable by its owner only.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use writ_contract::Service;
use writ_eventlog::{LogConfig, Signer};

use crate::layout::write_private;

/// Everything secret, by name: 32 random bytes each, in hexadecimal.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secrets(BTreeMap<String, String>);

/// Names of the secrets that are not one per service or role.
const NAMES: [&str; 13] = [
    "key_pepper",
    "digest_key",
    "checkpoint_seed",
    "certificate_seed",
    "witness_seed",
    "export_seed",
    "seal_key",
    "validator_key",
    "nats_operator",
    "postgres_superuser",
    "postgres_writ_owner",
    "clickhouse_owner",
    "clickhouse_ingest",
];

/// The login roles of `infra/postgres/roles.sql`, beside the owner.
pub const ROLES: [&str; 10] = [
    "control_api",
    "control_writer",
    "ledger_api",
    "ledger_writer",
    "anomaly_api",
    "anomaly_writer",
    "approval_api",
    "approval_writer",
    "notifier_api",
    "notifier_writer",
];

impl Secrets {
    /// Reads the file and adds what it lacks.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn load_or_create(path: &Path) -> anyhow::Result<Self> {
        let mut secrets: Self = match std::fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| path.display().to_string())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let services = Service::ALL
            .iter()
            .flat_map(|s| [format!("nats_{s}"), format!("log_{s}")]);
        let roles = ROLES.iter().map(|role| format!("postgres_{role}"));
        for name in NAMES
            .iter()
            .map(ToString::to_string)
            .chain(services)
            .chain(roles)
        {
            if let std::collections::btree_map::Entry::Vacant(place) = secrets.0.entry(name) {
                place.insert(random()?);
            }
        }
        write_private(path, &serde_json::to_string_pretty(&secrets)?)?;
        Ok(secrets)
    }

    /// A secret by its name; empty when there is none, which nothing accepts.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// SHA-256 of a secret's text, in hexadecimal.
    #[must_use]
    pub fn hash_of(&self, name: &str) -> String {
        hex::encode(Sha256::digest(self.get(name)))
    }

    /// What `service` signs with and everybody's public keys.
    ///
    /// # Errors
    /// When the file was edited by hand.
    pub fn log_config(&self, service: Service) -> anyhow::Result<LogConfig> {
        let mut owner_keys = BTreeMap::new();
        for owner in Service::ALL {
            let mut seed = [0; 32];
            hex::decode_to_slice(self.get(&format!("log_{owner}")), &mut seed)?;
            let public = Signer::new(owner, seed).public_key();
            owner_keys.insert(owner.name().to_owned(), hex::encode(public));
        }
        let signing_seed = self.get(&format!("log_{service}")).to_owned();
        Ok(LogConfig {
            signing_seed,
            owner_keys,
        })
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn secrets_are_kept_private_and_stay_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.json");
        let first = Secrets::load_or_create(&path).unwrap();
        let second = Secrets::load_or_create(&path).unwrap();
        assert_eq!(first.0, second.0);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(first.get("key_pepper").len(), 64);
        assert!(!format!("{first:?}").contains(first.get("key_pepper")));
    }

    #[test]
    fn every_service_knows_the_public_key_of_every_other() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::load_or_create(&dir.path().join("s.json")).unwrap();
        let config = secrets.log_config(Service::Ingest).unwrap();
        assert_eq!(config.owner_keys.len(), 7);
        assert!(config.keys(Service::Ingest).is_ok());
    }
}

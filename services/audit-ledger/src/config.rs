//! Settings; `config.default.toml` is their manual.

use serde::{Deserialize, Serialize};
use writ_chain::keys::NamedSigner;
use writ_contract::Service;
use writ_eventlog::LogConfig;
use writ_pg::PgConfig;
use writ_service_kit::config::{HumanDuration, Secret, Validate};
use writ_service_kit::process::{HostConfig, ServiceConfig};
use writ_service_kit::routes::AccessConfig;

/// All settings of the service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The process.
    pub host: HostConfig,
    /// Postgres, schema `ledger`.
    pub store: PgConfig,
    /// Keys facts are signed and checked with.
    pub log: LogConfig,
    /// Who may call.
    pub access: AccessConfig,
    /// How entries are sealed.
    pub ledger: LedgerConfig,
}

/// How entries are sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LedgerConfig {
    /// Name of the checkpoint key; every log's origin begins with it.
    pub key_name: String,
    /// Seed of the Ed25519 checkpoint key: 64 hexadecimal digits.
    pub signing_seed: Secret,
    /// Longest time between two checkpoints of a log that grows.
    pub seal_every: HumanDuration,
    /// Entries in one transaction.
    pub batch: usize,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            key_name: "writ.local/ledger".to_owned(),
            signing_seed: Secret::default(),
            seal_every: HumanDuration::from_millis(500),
            batch: 500,
        }
    }
}

impl LedgerConfig {
    /// The checkpoint key.
    ///
    /// # Errors
    /// Which setting is wrong.
    pub fn signer(&self) -> Result<NamedSigner, String> {
        let mut seed = [0; 32];
        hex::decode_to_slice(self.signing_seed.expose(), &mut seed)
            .map_err(|_| "ledger.signing_seed: must be 64 hexadecimal digits".to_owned())?;
        NamedSigner::from_seed(&self.key_name, &seed)
            .map_err(|wrong| format!("ledger.key_name: {wrong}"))
    }

    fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.signer().err().into_iter().collect();
        let every = self.seal_every.get();
        if every.is_zero() || every > std::time::Duration::from_secs(1) {
            problems.push("ledger.seal_every: must be over 0 and at most 1s".to_owned());
        }
        if !(1..=5_000).contains(&self.batch) {
            problems.push("ledger.batch: must be between 1 and 5000".to_owned());
        }
        problems
    }
}

impl ServiceConfig for Config {
    fn host(&self) -> &HostConfig {
        &self.host
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<String> {
        let mut problems = self.host.validate();
        problems.extend(self.store.problems("store"));
        let keys = self.log.keys(Service::AuditLedger);
        problems.extend(keys.err().map(|wrong| wrong.to_string()));
        problems.extend(self.access.problems());
        problems.extend(self.ledger.problems());
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_shows_the_defaults() {
        let manual: Config = toml::from_str(include_str!("../config.default.toml")).unwrap();
        let shown = |config: &Config| toml::to_string(config).unwrap();
        assert_eq!(shown(&manual), shown(&Config::default()));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let mut config = Config::default();
        config.ledger.seal_every = HumanDuration::from_secs(2);
        config.ledger.batch = 0;
        config.access.trusted_hops = vec!["here".to_owned()];
        let problems = config.validate().join("\n");
        for field in [
            "store.api_url",
            "log.signing_seed",
            "key_pepper",
            "trusted_hops",
            "ledger.signing_seed",
            "seal_every",
            "batch",
        ] {
            assert!(
                problems.contains(field),
                "{field} is missing in:\n{problems}"
            );
        }
    }
}

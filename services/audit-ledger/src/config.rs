//! Settings; `config.default.toml` is their manual.

use serde::{Deserialize, Serialize};
use writ_chain::cosignature::WitnessKey;
use writ_chain::keys::{NamedSigner, Vkey};
use writ_contract::Service;
use writ_eventlog::LogConfig;
use writ_pg::PgConfig;
use writ_service_kit::config::{HumanDuration, Secret, Validate};
use writ_service_kit::process::{HostConfig, ServiceConfig};
use writ_service_kit::routes::AccessConfig;

use crate::keys::{Keys, Published, RsaSigner, Use};

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
    /// Seed of the checkpoint key before, under the same name. While it is given, checkpoints carry
    /// both signatures.
    pub previous_seed: Secret,
    /// Name of the key for receipts, coverage and exports.
    pub export_key_name: String,
    /// Its seed: 64 hexadecimal digits.
    pub export_seed: Secret,
    /// An RSA key under the same name that signs exports beside it: PEM, or empty for none.
    pub export_rsa_key: Secret,
    /// Public keys, `name+id+key`, that earlier checkpoints and statements were signed with.
    pub retired_checkpoint_keys: Vec<String>,
    /// The same for receipts, coverage and exports.
    pub retired_export_keys: Vec<String>,
    /// Public keys the approval service signs, or signed, certificates with.
    pub certificate_keys: Vec<String>,
    /// Public keys of other witnesses whose cosignatures a reader may meet.
    pub witness_keys: Vec<String>,
    /// Witnesses that are sent each new head of the global log.
    pub witnesses: Vec<WitnessConfig>,
    /// Longest time between two checkpoints of a log that grows.
    pub seal_every: HumanDuration,
    /// Entries in one transaction.
    pub batch: usize,
}

/// A witness (C2SP tlog-witness).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Its submission prefix: `add-checkpoint` is below it.
    pub url: String,
    /// Its public key, `name+id+key`.
    pub key: String,
}

impl WitnessConfig {
    /// # Errors
    /// What is wrong with the key.
    pub(crate) fn key(&self) -> Result<WitnessKey, String> {
        let key = WitnessKey::parse(&self.key);
        key.map_err(|wrong| format!("ledger.witnesses: `{}`: {wrong}", self.key))
    }

    /// # Errors
    /// When the URL has none.
    pub(crate) fn host(&self) -> Result<String, String> {
        let url: Option<http::Uri> = self.url.parse().ok();
        let host = url.as_ref().and_then(http::Uri::host).map(str::to_owned);
        host.ok_or_else(|| format!("ledger.witnesses: `{}` is no URL", self.url))
    }
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            key_name: "writ.local/ledger".to_owned(),
            signing_seed: Secret::default(),
            previous_seed: Secret::default(),
            export_key_name: "writ.local/export".to_owned(),
            export_seed: Secret::default(),
            export_rsa_key: Secret::default(),
            retired_checkpoint_keys: Vec::new(),
            retired_export_keys: Vec::new(),
            certificate_keys: Vec::new(),
            witness_keys: Vec::new(),
            witnesses: Vec::new(),
            seal_every: HumanDuration::from_millis(500),
            batch: 500,
        }
    }
}

impl LedgerConfig {
    /// Every key that is used or named.
    ///
    /// # Errors
    /// Which setting is wrong.
    pub(crate) fn keys(&self) -> Result<Keys, String> {
        let previous = !self.previous_seed.expose().is_empty();
        let keys = Keys {
            checkpoint: self.checkpoint_key()?,
            previous: previous
                .then(|| signer("previous_seed", &self.previous_seed, &self.key_name))
                .transpose()?,
            export: self.export_key()?,
            export_rsa: self.export_rsa()?,
            others: self.others()?,
        };
        keys.trusted().map_err(|wrong| format!("ledger: {wrong}"))?;
        Ok(keys)
    }

    fn checkpoint_key(&self) -> Result<NamedSigner, String> {
        signer("signing_seed", &self.signing_seed, &self.key_name)
    }

    fn export_key(&self) -> Result<NamedSigner, String> {
        if self.export_seed.expose() == self.signing_seed.expose() {
            return Err("ledger.export_seed: must not be that of the checkpoint key".to_owned());
        }
        signer("export_seed", &self.export_seed, &self.export_key_name)
    }

    fn export_rsa(&self) -> Result<Option<RsaSigner>, String> {
        let pem = self.export_rsa_key.expose();
        let signer = (!pem.is_empty()).then(|| RsaSigner::from_pem(&self.export_key_name, pem));
        let signer = signer.transpose();
        signer.map_err(|wrong| format!("ledger.export_rsa_key: {wrong}"))
    }

    fn others(&self) -> Result<Vec<Published>, String> {
        let lists = [
            ("retired_checkpoint_keys", Use::Checkpoint, false),
            ("retired_export_keys", Use::Export, false),
            ("certificate_keys", Use::Certificate, true),
            ("witness_keys", Use::Witness, true),
        ];
        let texts = [
            &self.retired_checkpoint_keys,
            &self.retired_export_keys,
            &self.certificate_keys,
            &self.witness_keys,
        ];
        let mut others = Vec::new();
        for witness in &self.witnesses {
            let key = witness.key()?.vkey().clone();
            others.push(Published {
                usage: Use::Witness,
                active: true,
                key,
            });
        }
        for ((field, usage, active), texts) in lists.into_iter().zip(texts) {
            for text in texts {
                let key = Vkey::parse(text);
                let key = key.map_err(|wrong| format!("ledger.{field}: `{text}`: {wrong}"))?;
                others.push(Published { usage, active, key });
            }
        }
        Ok(others)
    }

    fn problems(&self) -> Vec<String> {
        let keys = [
            self.checkpoint_key().err(),
            self.export_key().err(),
            self.others().err(),
        ];
        let mut problems: Vec<String> = keys.into_iter().flatten().collect();
        if problems.is_empty() {
            problems.extend(self.keys().err());
        }
        for witness in &self.witnesses {
            problems.extend(witness.host().err());
        }
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

fn signer(field: &str, seed: &Secret, name: &str) -> Result<NamedSigner, String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(seed.expose(), &mut bytes)
        .map_err(|_| format!("ledger.{field}: must be 64 hexadecimal digits"))?;
    NamedSigner::from_seed(name, &bytes).map_err(|wrong| format!("ledger, name of a key: {wrong}"))
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
            "ledger.export_seed",
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

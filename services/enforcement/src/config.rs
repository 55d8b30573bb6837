//! Settings of the enforcement service. `config.default.toml` is their manual.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use writ_contract::Service;
use writ_contract::digest::DigestKey;
use writ_eventlog::LogConfig;
use writ_seal::SealingConfig;
use writ_service_kit::config::{HumanDuration, Secret, Validate};
use writ_service_kit::process::{HostConfig, ServiceConfig};
use writ_service_kit::routes::AccessConfig;

use crate::outside::config::{SemanticConfig, ValidatorsConfig};

/// Settings; every field has a default except the keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Listener, logs, broker.
    pub host: HostConfig,
    /// Signing key and the other services' public keys.
    pub log: LogConfig,
    /// Who may call, and how often.
    pub access: AccessConfig,
    /// Secret that digests in facts are keyed with: 64 hexadecimal digits.
    pub digest_key: Secret,
    /// Keys that open the secrets of validators.
    pub sealing: SealingConfig,
    /// Which validators may be asked.
    pub validators: ValidatorsConfig,
    /// Which language models may be asked.
    pub semantic: SemanticConfig,
    /// How REST answers a refusal that is Writ's own.
    pub refusals: Refusals,
    /// Where denials are kept while the log is away.
    pub spool_dir: PathBuf,
    /// Within which a decision must be recorded to be answered as allowed or held.
    pub record_within: HumanDuration,
    /// Within which the approval service must have taken a held decision.
    pub approval_within: HumanDuration,
    /// After which a reservation without a decision is given back: its caller died. Longer than a
    /// decision can be on its way to the log (one minute).
    pub unclaimed_after: HumanDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: HostConfig::default(),
            log: LogConfig::default(),
            access: AccessConfig::default(),
            digest_key: Secret::default(),
            sealing: SealingConfig::default(),
            validators: ValidatorsConfig::default(),
            semantic: SemanticConfig::default(),
            refusals: Refusals::default(),
            spool_dir: PathBuf::from("spool"),
            record_within: HumanDuration::from_secs(1),
            approval_within: HumanDuration::from_secs(3),
            unclaimed_after: HumanDuration::from_secs(90),
        }
    }
}

/// The status of a refusal that is Writ's own, not a policy's: a bad key, an unknown agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refusals {
    /// 403 that says `"allowed": false`: the SDK's adapters run the tool after any other 4xx.
    #[default]
    Sdk,
    /// The plain code of HTTP (401, 404, …), with the same body; for other clients only.
    Http,
}

impl Config {
    /// The digest key.
    pub(crate) fn digest_key(&self) -> Option<DigestKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(self.digest_key.expose(), &mut bytes).ok()?;
        Some(DigestKey::new(bytes))
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<String> {
        let mut problems = self.host.validate();
        if let Err(error) = self.log.keys(Service::Enforcement) {
            problems.push(error.to_string());
        }
        problems.extend(self.access.problems());
        if self.digest_key().is_none() {
            problems.push("digest_key: must be 64 hexadecimal digits".to_owned());
        }
        problems.extend(self.sealing.problem());
        problems.extend(self.semantic.problems());
        if self.record_within.get().is_zero() {
            problems.push("record_within: must be longer than zero".to_owned());
        }
        if self.unclaimed_after.get().is_zero() {
            problems.push("unclaimed_after: must be longer than zero".to_owned());
        }
        problems
    }
}

impl ServiceConfig for Config {
    fn host(&self) -> &HostConfig {
        &self.host
    }
}

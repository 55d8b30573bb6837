//! Settings; `config.default.toml` is their manual.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use writ_chain::keys::NamedSigner;
use writ_contract::Service;
use writ_contract::digest::DigestKey;
use writ_eventlog::LogConfig;
use writ_pg::PgConfig;
use writ_service_kit::config::{HumanDuration, Secret, Validate};
use writ_service_kit::process::{HostConfig, ServiceConfig};
use writ_service_kit::routes::AccessConfig;

/// The loops share half of the store's connections, and one of theirs holds the lead for good.
const CONNECTIONS: u32 = 8;

/// All settings of the service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The process.
    pub host: HostConfig,
    /// Postgres, schema `approval`.
    pub store: PgConfig,
    /// Keys facts are signed and checked with.
    pub log: LogConfig,
    /// Who may call.
    pub access: AccessConfig,
    /// Requests and certificates.
    pub approvals: ApprovalsConfig,
}

/// How long requests and certificates live, and what certificates are made with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalsConfig {
    /// The deployment's digest key: 64 hexadecimal digits, the same for every service.
    pub digest_key: Secret,
    /// Name of the key that signs certificates.
    pub certificate_name: String,
    /// Seed of that key (Ed25519): 64 hexadecimal digits.
    pub certificate_seed: Secret,
    /// How long a request waits for a decision; the client gives up after 30 minutes.
    pub request_life: HumanDuration,
    /// How long a prompt waits to be approved; no client waits for it.
    pub prompt_life: HumanDuration,
    /// How long a certificate is good, counted from the seal.
    pub certificate_life: HumanDuration,
    /// How often requests past their life are looked for.
    pub sweep_every: HumanDuration,
}

impl Default for ApprovalsConfig {
    fn default() -> Self {
        Self {
            digest_key: Secret::default(),
            certificate_name: "writ/approvals".to_owned(),
            certificate_seed: Secret::default(),
            request_life: HumanDuration::from_secs(25 * 60),
            prompt_life: HumanDuration::from_secs(7 * 24 * 3600),
            certificate_life: HumanDuration::from_secs(5 * 60),
            sweep_every: HumanDuration::from_secs(1),
        }
    }
}

impl ApprovalsConfig {
    /// The deployment's digest key.
    ///
    /// # Errors
    /// When it is not 32 bytes in hexadecimal.
    pub fn digest_key(&self) -> Result<DigestKey, String> {
        bytes("approvals.digest_key", &self.digest_key).map(DigestKey::new)
    }

    /// The key that signs certificates.
    ///
    /// # Errors
    /// When the seed is not 32 bytes in hexadecimal or the name is not one word.
    pub fn signer(&self) -> Result<NamedSigner, String> {
        let seed = bytes("approvals.certificate_seed", &self.certificate_seed)?;
        NamedSigner::from_seed(&self.certificate_name, &seed)
            .map_err(|wrong| format!("approvals.certificate_name: {wrong}"))
    }

    pub(crate) fn lives(&self) -> Lives {
        let delta = |life: HumanDuration| TimeDelta::from_std(life.get()).unwrap_or(TimeDelta::MAX);
        Lives {
            request: delta(self.request_life),
            prompt: delta(self.prompt_life),
            certificate: delta(self.certificate_life),
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = [self.digest_key().err(), self.signer().err()]
            .into_iter()
            .flatten()
            .collect();
        let lives = [
            ("request_life", self.request_life),
            ("prompt_life", self.prompt_life),
            ("certificate_life", self.certificate_life),
            ("sweep_every", self.sweep_every),
        ];
        for (name, life) in lives {
            if life.get().is_zero() {
                problems.push(format!("approvals.{name}: must be over 0"));
            }
        }
        problems
    }
}

/// The lives as the domain takes them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lives {
    pub(crate) request: TimeDelta,
    pub(crate) prompt: TimeDelta,
    pub(crate) certificate: TimeDelta,
}

fn bytes(field: &str, secret: &Secret) -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(secret.expose(), &mut bytes)
        .map(|()| bytes)
        .map_err(|_| format!("{field}: must be 64 hexadecimal digits"))
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
        if self.store.connections < CONNECTIONS {
            problems.push(format!("store.connections: must be at least {CONNECTIONS}"));
        }
        let keys = self.log.keys(Service::Approval);
        problems.extend(keys.err().map(|wrong| wrong.to_string()));
        problems.extend(self.access.problems());
        problems.extend(self.approvals.problems());
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
        config.approvals.request_life = HumanDuration::from_secs(0);
        let problems = config.validate().join("\n");
        for field in [
            "store.api_url",
            "signing_seed",
            "key_pepper",
            "digest_key",
            "certificate_seed",
            "request_life",
        ] {
            assert!(
                problems.contains(field),
                "{field} is missing in:\n{problems}"
            );
        }
    }
}

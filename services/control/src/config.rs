//! Settings; `config.default.toml` is their manual.

use serde::{Deserialize, Serialize};
use writ_contract::Service;
use writ_contract::digest::DigestKey;
use writ_egress::Rules;
use writ_eventlog::LogConfig;
use writ_pg::PgConfig;
use writ_seal::SealingConfig;
use writ_service_kit::config::{HumanDuration, Secret, Validate};
use writ_service_kit::process::{HostConfig, ServiceConfig};
use writ_service_kit::routes::AccessConfig;

use crate::signing::SigningConfig;

/// All settings of the service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The process.
    pub host: HostConfig,
    /// Postgres, schema `control`.
    pub store: PgConfig,
    /// Keys facts are signed and checked with.
    pub log: LogConfig,
    /// Who may call.
    pub access: AccessConfig,
    /// Key of digests, the same for every service: 64 hexadecimal digits.
    pub digest_key: Secret,
    /// How keys are issued.
    pub keys: KeysConfig,
    /// Keys the secrets of validators are sealed with.
    pub sealing: SealingConfig,
    /// What agent credentials and delegations are signed with.
    pub signing: SigningConfig,
    /// Which validators may be registered.
    pub validators: ValidatorsConfig,
    /// Identity providers of organisations.
    pub oidc: OidcConfig,
    /// Owners set their organisation's plan and limits; otherwise only a seed does.
    pub owner_sets_plan: bool,
    /// How long a write waits for the replicas that decide.
    pub applied_within: HumanDuration,
    /// How often heartbeats are written down.
    pub heartbeat_every: HumanDuration,
    /// How often it becomes a fact that an agent was heard of.
    pub presence_every: HumanDuration,
    /// A JSON file of organisations and keys to create at start if they are missing; empty for
    /// none. For development and first installations.
    pub seed_file: String,
}

/// How keys are issued.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeysConfig {
    /// bcrypt cost of the stored hash, 4 to 16.
    pub bcrypt_cost: u32,
}

/// Which validators may be registered; enforcement has the same settings for asking them.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidatorsConfig {
    /// Accept `http` URLs: development only.
    pub allow_http: bool,
    /// Accept loopback and private networks: development only.
    pub allow_internal: bool,
}

/// How identity providers are asked for their keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// Hosts inside the deployment that may be issuers, also over `http`. All others have to be
    /// public, over `https`.
    pub internal_hosts: Vec<String>,
    /// How often keys are read again.
    pub reread_every: HumanDuration,
    /// How long keys are believed of an issuer that does not answer any more.
    pub believed_for: HumanDuration,
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            internal_hosts: Vec::new(),
            reread_every: HumanDuration::from_secs(300),
            believed_for: HumanDuration::from_secs(24 * 3_600),
        }
    }
}

impl ValidatorsConfig {
    /// Which URLs may be registered.
    #[must_use]
    pub fn rules(self) -> Rules {
        Rules {
            allow_http: self.allow_http,
            allow_internal: self.allow_internal,
            ..Rules::public()
        }
    }
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self { bcrypt_cost: 10 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: HostConfig::default(),
            store: PgConfig::default(),
            log: LogConfig::default(),
            access: AccessConfig::default(),
            digest_key: Secret::default(),
            keys: KeysConfig::default(),
            sealing: SealingConfig::default(),
            signing: SigningConfig::default(),
            validators: ValidatorsConfig::default(),
            oidc: OidcConfig::default(),
            owner_sets_plan: true,
            applied_within: HumanDuration::from_millis(250),
            heartbeat_every: HumanDuration::from_secs(10),
            presence_every: HumanDuration::from_secs(300),
            seed_file: String::new(),
        }
    }
}

impl Config {
    /// The digest key.
    pub(crate) fn digest_key(&self) -> Result<DigestKey, String> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(self.digest_key.expose(), &mut bytes)
            .map_err(|_| "digest_key: must be 64 hexadecimal digits".to_owned())?;
        Ok(DigestKey::new(bytes))
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
        problems.extend(
            self.log
                .keys(Service::Control)
                .err()
                .map(|wrong| wrong.to_string()),
        );
        problems.extend(self.access.problems());
        problems.extend(self.digest_key().err());
        problems.extend(self.sealing.problem());
        problems.extend(self.signing.problems());
        if !(4..=16).contains(&self.keys.bcrypt_cost) {
            problems.push("keys.bcrypt_cost: must be 4 to 16".to_owned());
        }
        let (every, believed) = (self.oidc.reread_every.get(), self.oidc.believed_for.get());
        if every.is_zero() || believed < every * 3 {
            problems
                .push("oidc: believed_for has to be at least three times reread_every".to_owned());
        }
        if self.heartbeat_every.get().is_zero() {
            problems.push("heartbeat_every: must be longer than nothing".to_owned());
        }
        if self.presence_every.get() < HumanDuration::from_secs(1).get() {
            problems.push("presence_every: must be a second or longer".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_says_what_the_code_does() {
        let manual: toml::Value = toml::from_str(include_str!("../config.default.toml")).unwrap();
        assert_eq!(manual, toml::Value::try_from(Config::default()).unwrap());
    }

    #[test]
    fn all_that_is_missing_is_said_at_once() {
        let problems = Config::default().validate().join("\n");
        for field in [
            "store.api_url",
            "store.writer_url",
            "log.",
            "access.key_pepper",
            "sealing",
            "digest_key",
        ] {
            assert!(problems.contains(field), "{field} in {problems}");
        }
    }
}

//! Settings; `config.default.toml` is their manual.

use serde::{Deserialize, Serialize};
use writ_contract::Service;
use writ_egress::Rules;
use writ_eventlog::LogConfig;
use writ_pg::PgConfig;
use writ_seal::SealingConfig;
use writ_service_kit::config::Validate;
use writ_service_kit::process::{HostConfig, ServiceConfig};
use writ_service_kit::routes::AccessConfig;

/// All settings of the service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The process.
    pub host: HostConfig,
    /// Postgres, schema `notifier`.
    pub store: PgConfig,
    /// Keys facts are signed and checked with.
    pub log: LogConfig,
    /// Who may call.
    pub access: AccessConfig,
    /// Keys signing secrets are stored under.
    pub sealing: SealingConfig,
    /// How endpoints are called.
    pub delivery: DeliveryConfig,
}

/// How endpoints are called.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryConfig {
    /// Calls at the same time.
    pub concurrency: u32,
    /// Of them to one endpoint; an endpoint that is failing gets one.
    pub per_endpoint: u32,
    /// Accept `http` URLs: development only.
    pub allow_http: bool,
    /// Call loopback and private networks: development only.
    pub allow_internal: bool,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            concurrency: 128,
            per_endpoint: 4,
            allow_http: false,
            allow_internal: false,
        }
    }
}

impl DeliveryConfig {
    /// Which URLs may be called.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let Self {
            allow_http,
            allow_internal,
            ..
        } = *self;
        Rules {
            allow_http,
            allow_internal,
            ..Rules::public()
        }
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
                .keys(Service::Notifier)
                .err()
                .map(|wrong| wrong.to_string()),
        );
        problems.extend(self.access.problems());
        problems.extend(self.sealing.problem());
        if self.delivery.concurrency == 0 || self.delivery.per_endpoint == 0 {
            problems.push("delivery: concurrency and per_endpoint must be at least 1".to_owned());
        }
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
        config.delivery.concurrency = 0;
        config.access.trusted_hops = vec!["here".to_owned()];
        let problems = config.validate().join("\n");
        for field in [
            "store.api_url",
            "signing_seed",
            "key_pepper",
            "trusted_hops",
            "sealing",
            "delivery",
        ] {
            assert!(
                problems.contains(field),
                "{field} is missing in:\n{problems}"
            );
        }
    }
}

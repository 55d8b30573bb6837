//! Settings; `config.default.toml` is their manual.

use serde::{Deserialize, Serialize};
use writ_contract::Service;
use writ_eventlog::LogConfig;
use writ_pg::PgConfig;
use writ_service_kit::config::Validate;
use writ_service_kit::process::{HostConfig, ServiceConfig};
use writ_service_kit::routes::AccessConfig;

use crate::domain::Settings;

/// All settings of the service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The process.
    pub host: HostConfig,
    /// Postgres, schema `anomaly`.
    pub store: PgConfig,
    /// Keys facts are signed and checked with.
    pub log: LogConfig,
    /// Who may call.
    pub access: AccessConfig,
    /// How windows are judged.
    pub detector: DetectorConfig,
}

/// How windows are judged.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectorConfig {
    /// Weight of a new window in the averages, over 0 and at most 1.
    pub weight: f64,
    /// Windows before a metric is judged.
    pub warm_up: u32,
    /// Standard deviations at which a finding begins.
    pub threshold: f64,
}

impl Default for DetectorConfig {
    fn default() -> Self {
        Self {
            weight: 0.1,
            warm_up: 20,
            threshold: 4.0,
        }
    }
}

impl DetectorConfig {
    /// As the domain takes it.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            weight: self.weight,
            warm_up: self.warm_up,
            threshold: self.threshold,
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
                .keys(Service::Anomaly)
                .err()
                .map(|wrong| wrong.to_string()),
        );
        problems.extend(self.access.problems());
        let DetectorConfig {
            weight, threshold, ..
        } = self.detector;
        if !(weight > 0.0 && weight <= 1.0) {
            problems.push("detector.weight: must be over 0 and at most 1".to_owned());
        }
        if !(threshold >= 1.0 && threshold.is_finite()) {
            problems.push("detector.threshold: must be at least 1".to_owned());
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
        config.detector.weight = 0.0;
        config.detector.threshold = f64::NAN;
        config.access.trusted_hops = vec!["here".to_owned()];
        let problems = config.validate().join("\n");
        for field in [
            "store.api_url",
            "signing_seed",
            "key_pepper",
            "trusted_hops",
            "weight",
            "threshold",
        ] {
            assert!(
                problems.contains(field),
                "{field} is missing in:\n{problems}"
            );
        }
    }
}

//! Settings; `config.default.toml` is their manual.

use std::time::Duration;

use clickhouse::Client;
use serde::{Deserialize, Serialize};
use writ_contract::Service;
use writ_contract::digest::DigestKey;
use writ_eventlog::LogConfig;
use writ_service_kit::config::{HumanDuration, HumanSize, Secret, Validate};
use writ_service_kit::process::{HostConfig, ServiceConfig};
use writ_service_kit::routes::AccessConfig;

use crate::store::{Patience, Store};

/// Messages are held this long before a batch says that it works on them, which has to be well
/// within the 10 s after which they come again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// All settings of the service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The process.
    pub host: HostConfig,
    /// ClickHouse.
    pub clickhouse: ClickHouseConfig,
    /// Keys facts are signed and checked with.
    pub log: LogConfig,
    /// Who may call.
    pub access: AccessConfig,
    /// Secret that digests in facts are keyed with: 64 hexadecimal digits, enforcement's.
    pub digest_key: Secret,
    /// What is taken in.
    pub intake: IntakeConfig,
    /// How rows are written.
    pub batch: BatchConfig,
}

/// How to reach ClickHouse.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClickHouseConfig {
    /// HTTP interface, without credentials.
    pub url: String,
    /// Database of the tables.
    pub database: String,
    /// Who inserts and reads.
    pub user: String,
    /// Password of that user.
    pub password: Secret,
    /// Who makes tables; empty when a job has made them.
    pub owner_user: String,
    /// Password of that user.
    pub owner_password: Secret,
    /// How long one statement may take.
    pub timeout: HumanDuration,
    /// How long somebody who reads is kept waiting.
    pub read_timeout: HumanDuration,
}

/// What is taken in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntakeConfig {
    /// Largest body of a REST call.
    pub max_body: HumanSize,
    /// Largest trace.
    pub max_trace: HumanSize,
    /// Largest message of an outside NATS publisher.
    pub max_message: HumanSize,
    /// How much may wait for the log at one time.
    pub max_waiting: HumanSize,
    /// How long the log is asked again before a request fails.
    pub log_timeout: HumanDuration,
    /// Length of the windows that sums are published for.
    pub meter_window: HumanDuration,
    /// How often the month's counts are taken over from the table.
    pub usage_refresh: HumanDuration,
    /// How often rows whose time is over are deleted.
    pub retention_check: HumanDuration,
    /// Whether outside publishers are served.
    pub publishers: bool,
}

/// When a batch of rows is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// At this many rows,
    pub rows: usize,
    /// this many bytes,
    pub size: HumanSize,
    /// or this long after its first pull.
    pub wait: HumanDuration,
}

impl Default for ClickHouseConfig {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8123".to_owned(),
            database: "writ".to_owned(),
            user: "writ_ingest".to_owned(),
            password: Secret::default(),
            owner_user: String::new(),
            owner_password: Secret::default(),
            timeout: HumanDuration::from_secs(60),
            read_timeout: HumanDuration::from_secs(10),
        }
    }
}

impl Default for IntakeConfig {
    fn default() -> Self {
        Self {
            max_body: HumanSize::mebibytes(10),
            max_trace: HumanSize::mebibytes(1),
            max_message: HumanSize::mebibytes(1),
            max_waiting: HumanSize::mebibytes(128),
            log_timeout: HumanDuration::from_secs(5),
            meter_window: HumanDuration::from_secs(60),
            usage_refresh: HumanDuration::from_secs(60),
            retention_check: HumanDuration::from_secs(3_600),
            publishers: true,
        }
    }
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            rows: 100_000,
            size: HumanSize::mebibytes(64),
            wait: HumanDuration::from_secs(1),
        }
    }
}

impl ClickHouseConfig {
    /// The store over these settings.
    #[must_use]
    pub(crate) fn store(&self) -> Store {
        let client = |user: &str, password: &Secret| {
            Client::default()
                .with_url(&self.url)
                .with_database(&self.database)
                .with_user(user)
                .with_password(password.expose())
        };
        let owner =
            (!self.owner_user.is_empty()).then(|| client(&self.owner_user, &self.owner_password));
        let patience = Patience {
            any: self.timeout.get(),
            reader: self.read_timeout.get(),
        };
        Store::new(client(&self.user, &self.password), owner, patience)
    }
}

impl Config {
    /// The digest key.
    pub(crate) fn digest_key(&self) -> Option<DigestKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(self.digest_key.expose(), &mut bytes).ok()?;
        Some(DigestKey::new(bytes))
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
        problems.extend(
            self.log
                .keys(Service::Ingest)
                .err()
                .map(|wrong| wrong.to_string()),
        );
        problems.extend(self.access.problems());
        if self.digest_key().is_none() {
            problems.push("digest_key: must be 64 hexadecimal digits".to_owned());
        }
        if !self.clickhouse.url.starts_with("http://") {
            problems.push("clickhouse.url: must begin with http://".to_owned());
        }
        if self.intake.max_waiting < self.intake.max_body {
            problems.push("intake.max_waiting: must be at least intake.max_body".to_owned());
        }
        if self.intake.meter_window.get().is_zero() {
            problems.push("intake.meter_window: must be over 0".to_owned());
        }
        if self.batch.rows == 0 {
            problems.push("batch.rows: must be over 0".to_owned());
        }
        if self.batch.wait.get() > LONGEST_WAIT {
            problems.push("batch.wait: must be at most 5s".to_owned());
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
        config.access.trusted_hops = vec!["here".to_owned()];
        config.clickhouse.url = "https://store".to_owned();
        config.batch.rows = 0;
        config.batch.wait = HumanDuration::from_secs(6);
        let problems = config.validate().join("\n");
        for field in [
            "signing_seed",
            "key_pepper",
            "digest_key",
            "trusted_hops",
            "clickhouse.url",
            "batch.rows",
            "batch.wait",
        ] {
            assert!(
                problems.contains(field),
                "{field} is missing in:\n{problems}"
            );
        }
    }
}

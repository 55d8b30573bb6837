//! Settings; `config.default.toml` is their manual.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use writ_chain::cosignature::WitnessSigner;
use writ_chain::keys::NamedVerifier;
use writ_service_kit::config::{Secret, Validate};
use writ_service_kit::telemetry::TelemetryConfig;

use crate::domain::Witness;

/// All settings of the witness.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where HTTP is served; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The folder in which it keeps what it saw last.
    pub data_dir: PathBuf,
    /// Name of its key.
    pub name: String,
    /// Seed of the Ed25519 key: 64 hexadecimal digits.
    pub signing_seed: Secret,
    /// Log output.
    pub telemetry: TelemetryConfig,
    /// The logs it witnesses by origin, and the keys (`name+id+key`) that may sign their
    /// checkpoints.
    pub logs: BTreeMap<String, Vec<String>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir: PathBuf::new(),
            name: "writ.local/witness".to_owned(),
            signing_seed: Secret::default(),
            telemetry: TelemetryConfig::default(),
            logs: BTreeMap::new(),
        }
    }
}

impl Config {
    /// The key and the logs.
    ///
    /// # Errors
    /// Which setting is wrong.
    pub(crate) fn witness(&self) -> Result<Witness, String> {
        Ok(Witness {
            signer: self.signer()?,
            logs: self.keys()?,
        })
    }

    fn signer(&self) -> Result<WitnessSigner, String> {
        let mut seed = [0; 32];
        hex::decode_to_slice(self.signing_seed.expose(), &mut seed)
            .map_err(|_| "signing_seed: must be 64 hexadecimal digits".to_owned())?;
        WitnessSigner::from_seed(&self.name, &seed).map_err(|wrong| format!("name: {wrong}"))
    }

    fn keys(&self) -> Result<BTreeMap<String, Vec<NamedVerifier>>, String> {
        let read = |text: &String| {
            NamedVerifier::parse(text).map_err(|wrong| format!("logs: `{text}`: {wrong}"))
        };
        let log = |(origin, keys): (&String, &Vec<String>)| {
            let keys = keys.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            Ok((origin.clone(), keys))
        };
        self.logs.iter().map(log).collect()
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.signer().err().into_iter().collect();
        problems.extend(self.keys().err());
        if self.data_dir.as_os_str().is_empty() {
            problems.push("data_dir: must name a folder".to_owned());
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
        let config = Config {
            logs: BTreeMap::from([("a/global".to_owned(), vec!["key".to_owned()])]),
            ..Config::default()
        };
        let problems = config.validate().join("\n");
        for field in ["signing_seed", "logs", "data_dir"] {
            assert!(
                problems.contains(field),
                "{field} is missing in:\n{problems}"
            );
        }
    }
}

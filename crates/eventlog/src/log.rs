//! The handle on the log that everything else is built from.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_nats::jetstream;
use serde::{Deserialize, Serialize, Serializer};
use writ_contract::{Service, Stream, Topology};

use crate::signing::{Owners, Signer};

/// The part of a service's configuration that the log needs.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Seed of this service's Ed25519 signing key: 64 hexadecimal digits. Secret: it is read as it
    /// is, but serialised only as whether it is set.
    #[serde(serialize_with = "redacted")]
    pub signing_seed: String,
    /// Public key of each service: name → 64 hexadecimal digits.
    pub owner_keys: BTreeMap<String, String>,
}

impl fmt::Debug for LogConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogConfig")
            .field("owner_keys", &self.owner_keys)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a [`LogConfig`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogConfigError {
    /// Not 32 bytes in hexadecimal.
    #[error("log.{0} must be 64 hexadecimal digits")]
    NotAKey(String),
    /// A name that is none of the seven services.
    #[error("log.owner_keys.{0}: no such service")]
    NoSuchService(String),
}

impl LogConfig {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`LogConfigError`] names the first field that cannot be read.
    pub fn keys(&self, service: Service) -> Result<(Signer, Owners), LogConfigError> {
        let seed = key("signing_seed", &self.signing_seed)?;
        let owner = |(name, hex): (&String, &String)| {
            let service = Service::ALL
                .into_iter()
                .find(|s| s.name() == name)
                .ok_or_else(|| LogConfigError::NoSuchService(name.clone()))?;
            Ok((service, key(&format!("owner_keys.{name}"), hex)?))
        };
        let owners = self
            .owner_keys
            .iter()
            .map(owner)
            .collect::<Result<Vec<_>, _>>()?;
        Ok((Signer::new(service, seed), Owners::new(owners)))
    }
}

fn redacted<S: Serializer>(secret: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.is_empty() { "" } else { "[redacted]" })
}

fn key(field: &str, hex: &str) -> Result<[u8; 32], LogConfigError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hex, &mut bytes)
        .map_err(|_| LogConfigError::NotAKey(field.to_owned()))
        .map(|()| bytes)
}

/// The log as one service sees it. Cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    pub(crate) client: async_nats::Client,
    pub(crate) js: jetstream::Context,
    pub(crate) topology: Topology,
    pub(crate) signer: Signer,
    pub(crate) owners: Owners,
}

impl EventLog {
    /// The log over a connection. Nothing is sent yet.
    #[must_use]
    pub fn new(
        client: async_nats::Client,
        topology: Topology,
        signer: Signer,
        owners: Owners,
    ) -> Self {
        let js = jetstream::context::ContextBuilder::new()
            .timeout(Duration::from_secs(2))
            .max_ack_inflight(20_000)
            .build(client.clone());
        Self {
            client,
            js,
            topology,
            signer,
            owners,
        }
    }

    /// Names and subjects.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Which service this is.
    #[must_use]
    pub fn service(&self) -> Service {
        self.signer.service()
    }

    /// The connection, for core NATS.
    #[must_use]
    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// Whether the connection is up at this moment.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    pub(crate) async fn stream(
        &self,
        stream: Stream,
    ) -> Result<jetstream::stream::Stream, jetstream::context::GetStreamError> {
        self.js.get_stream(self.topology.stream_name(stream)).await
    }
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLog")
            .field("prefix", &self.topology.prefix())
            .field("service", &self.service())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_is_read_but_never_written() {
        let seed = "5e".repeat(32);
        let read: LogConfig = toml::from_str(&format!("signing_seed = \"{seed}\"")).unwrap();
        assert_eq!(read.signing_seed, seed);
        let written = toml::to_string(&read).unwrap();
        assert!(
            written.contains("signing_seed = \"[redacted]\""),
            "{written}"
        );
        assert!(!written.contains(&seed) && !format!("{read:?}").contains(&seed));
        let unset = toml::to_string(&LogConfig::default()).unwrap();
        assert!(unset.contains("signing_seed = \"\""), "{unset}");
    }

    #[test]
    fn what_was_written_is_no_seed() {
        let config = LogConfig {
            signing_seed: "[redacted]".into(),
            ..LogConfig::default()
        };
        let refused = config.keys(Service::Control).unwrap_err();
        assert_eq!(refused, LogConfigError::NotAKey("signing_seed".into()));
    }
}

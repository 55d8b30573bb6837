//! Asserting the streams of the contract's table. A job does this before services start; a service
//! only looks. Nothing here ever deletes a stream.

use async_nats::jetstream::consumer::AckPolicy;
use async_nats::jetstream::consumer::pull::Config as PullConfig;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use std::time::Duration;
use writ_contract::topology::{DURABLES, StreamSpec};
use writ_contract::{Stream, Topology};

/// What differs between deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSettings {
    /// Copies of each stream: 1 on one server, 3 in a cluster.
    pub replicas: usize,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self { replicas: 1 }
    }
}

/// A stream that cannot be used, or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StreamProblem {
    /// The existing stream would lose or refuse what Writ promises to keep.
    #[error("stream {name} is unsafe: {why}; change it on the server, Writ deletes no stream")]
    Unsafe {
        /// The stream's name.
        name: String,
        /// The predicate that does not hold.
        why: String,
    },
    /// The server refused or did not answer.
    #[error("stream {name}: {why}")]
    Server {
        /// The stream's or consumer's name.
        name: String,
        /// What the client said.
        why: String,
    },
    /// The server is older than Writ can trust.
    #[error("nats-server {found} is too old: 2.14 or newer is needed")]
    OldServer {
        /// The version it reported.
        found: String,
    },
}

/// Creates the missing streams and durable consumers and checks the others. Returns what differs
/// without being unsafe, one line each.
///
/// # Errors
/// [`StreamProblem`], at the first stream that is unsafe or cannot be made.
pub async fn assert_streams(
    client: &async_nats::Client,
    topology: &Topology,
    settings: StreamSettings,
) -> Result<Vec<String>, StreamProblem> {
    let version = client.server_info().version;
    if !new_enough(&version) {
        return Err(StreamProblem::OldServer { found: version });
    }
    let js = async_nats::jetstream::new(client.clone());
    let mut differences = Vec::new();
    for stream in Stream::ALL {
        let spec = topology.spec(stream);
        let server = |why: String| StreamProblem::Server {
            name: spec.name.clone(),
            why,
        };
        let wanted = config(&spec, settings);
        let found = js
            .get_or_create_stream(wanted.clone())
            .await
            .map_err(|e| server(e.to_string()))?;
        differences.extend(compare(&wanted, &found.cached_info().config)?);
    }
    for durable in DURABLES {
        let stream = topology.stream_name(durable.stream);
        let server = |why: String| StreamProblem::Server {
            name: durable.name.into(),
            why,
        };
        let handle = js
            .get_stream(&stream)
            .await
            .map_err(|e| server(e.to_string()))?;
        let made = handle
            .get_or_create_consumer(durable.name, pull(durable.name))
            .await;
        made.map_err(|e| server(e.to_string()))?;
    }
    Ok(differences)
}

fn new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(2), Some(14))
}

fn config(spec: &StreamSpec, settings: StreamSettings) -> Config {
    Config {
        name: spec.name.clone(),
        subjects: spec.subjects.clone(),
        retention: RetentionPolicy::Limits,
        // The server takes no counters with "new"; without a size limit nothing is discarded.
        discard: if spec.counter {
            DiscardPolicy::Old
        } else {
            DiscardPolicy::New
        },
        max_age: spec.max_age.unwrap_or_default(),
        max_message_size: spec.max_message,
        storage: StorageType::File,
        num_replicas: settings.replicas,
        duplicate_window: spec.dedup_window,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_message_counter: spec.counter,
        ..Config::default()
    }
}

fn pull(name: &str) -> PullConfig {
    PullConfig {
        durable_name: Some(name.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(10),
        max_ack_pending: 20_000,
        ..PullConfig::default()
    }
}

/// Refuses what would lose data, lists the rest.
fn compare(wanted: &Config, found: &Config) -> Result<Vec<String>, StreamProblem> {
    let unsafe_because = |why: &str| {
        Err(StreamProblem::Unsafe {
            name: wanted.name.clone(),
            why: why.to_owned(),
        })
    };
    if let Some(missing) = wanted.subjects.iter().find(|s| !found.subjects.contains(s)) {
        return unsafe_because(&format!("it does not hold {missing}"));
    }
    if found.retention != wanted.retention {
        return unsafe_because("its retention is not \"limits\"");
    }
    if found.num_replicas < wanted.num_replicas {
        return unsafe_because("it has fewer replicas than configured");
    }
    if found.allow_message_counter != wanted.allow_message_counter {
        return unsafe_because("its counter setting differs");
    }
    if !found.max_age.is_zero() && (wanted.max_age.is_zero() || found.max_age < wanted.max_age) {
        return unsafe_because("it forgets earlier than the design promises");
    }
    let mut lines = Vec::new();
    let mut note = |field: &str, differs: bool| {
        if differs {
            lines.push(format!("{}: {field} differs from the design", wanted.name));
        }
    };
    note("discard", found.discard != wanted.discard);
    note("max_age", found.max_age != wanted.max_age);
    note(
        "duplicate_window",
        found.duplicate_window != wanted.duplicate_window,
    );
    note("deny_delete", !found.deny_delete);
    note("deny_purge", !found.deny_purge);
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_before_2_14_are_refused() {
        assert!(new_enough("2.14.0") && new_enough("2.15.1") && new_enough("3.0.0"));
        assert!(!new_enough("2.9.10") && !new_enough("2.13.9") && !new_enough("?"));
    }

    #[test]
    fn a_stream_that_forgets_early_is_unsafe_and_a_longer_one_only_differs() {
        let spec = Topology::default().spec(Stream::Gate);
        let wanted = config(&spec, StreamSettings::default());
        let short = Config {
            max_age: Duration::from_secs(60),
            ..wanted.clone()
        };
        assert!(matches!(
            compare(&wanted, &short),
            Err(StreamProblem::Unsafe { .. })
        ));
        let long = Config {
            max_age: wanted.max_age * 2,
            ..wanted.clone()
        };
        assert_eq!(
            compare(&wanted, &long).map(|lines| lines.len()).ok(),
            Some(1)
        );
    }
}

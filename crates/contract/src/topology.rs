//! The one table of streams and subjects: who publishes, who reads, how long it is kept. Streams,
//! NATS permissions and the drawing in the README come from it.

use std::fmt;
use std::time::Duration;

use crate::fact::Fact;
use crate::ids::OrgId;
use crate::shard::Shard;
use crate::wire;

mod permissions;
mod service;
mod table;

pub use permissions::Permissions;
pub use service::Service;
pub use table::{DURABLES, Durable, StreamSpec};

/// The streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Facts of `control`.
    Control,
    /// Pauses, decisions and used certificates, in one order for each shard.
    Gate,
    /// Facts of `approval`.
    Approval,
    /// Facts of the ledger.
    Audit,
    /// Facts of `anomaly`.
    Anomaly,
    /// Facts of `notifier`.
    Notifier,
    /// Facts of `ingest`.
    Ingest,
    /// That agents were heard of; by `control`.
    Presence,
    /// Accepted traces.
    InTrace,
    /// Bodies that facts refer to.
    InBody,
    /// What could not be handled.
    Dlq,
    /// JetStream's own advisories about messages given up.
    Advisory,
    /// Counters of budgets and rates.
    Counters,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Control,
        Self::Gate,
        Self::Approval,
        Self::Audit,
        Self::Anomaly,
        Self::Notifier,
        Self::Ingest,
        Self::Presence,
        Self::InTrace,
        Self::InBody,
        Self::Dlq,
        Self::Advisory,
        Self::Counters,
    ];

    /// Its name without a namespace.
    #[must_use]
    pub fn base_name(self) -> &'static str {
        match self {
            Self::Control => "EVT_CONTROL",
            Self::Gate => "EVT_GATE",
            Self::Approval => "EVT_APPROVAL",
            Self::Audit => "EVT_AUDIT",
            Self::Anomaly => "EVT_ANOMALY",
            Self::Notifier => "EVT_NOTIFIER",
            Self::Ingest => "EVT_INGEST",
            Self::Presence => "EVT_PRESENCE",
            Self::InTrace => "IN_TRACE",
            Self::InBody => "IN_BODY",
            Self::Dlq => "DLQ",
            Self::Advisory => "ADVISORY",
            Self::Counters => "COUNTERS",
        }
    }
}

/// Names and subjects under one prefix: `writ` in production, a namespace of its own in a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    prefix: String,
}

impl Default for Topology {
    fn default() -> Self {
        Self {
            prefix: "writ".to_owned(),
        }
    }
}

/// A prefix that cannot be the first token of a subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" cannot be a subject prefix: use 1 to 32 of a-z, 0-9 and _")]
pub struct InvalidPrefix(String);

impl Topology {
    /// The topology under a prefix.
    ///
    /// # Errors
    /// [`InvalidPrefix`] unless it is 1 to 32 of `a-z`, `0-9` and `_`.
    pub fn new(prefix: &str) -> Result<Self, InvalidPrefix> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if prefix.is_empty() || prefix.len() > 32 || !prefix.bytes().all(plain) {
            return Err(InvalidPrefix(prefix.to_owned()));
        }
        Ok(Self {
            prefix: prefix.to_owned(),
        })
    }

    /// The first token of every subject.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A stream's name: `EVT_GATE`, or `<PREFIX>_EVT_GATE` under another prefix than `writ`.
    #[must_use]
    pub fn stream_name(&self, stream: Stream) -> String {
        if self.prefix == "writ" {
            stream.base_name().to_owned()
        } else {
            format!("{}_{}", self.prefix.to_uppercase(), stream.base_name())
        }
    }

    /// What a stream holds, for how long, from whom and for whom.
    #[must_use]
    pub fn spec(&self, stream: Stream) -> StreamSpec {
        table::spec(self, stream)
    }

    /// The stream that a fact's subject belongs to.
    #[must_use]
    pub fn stream_of(&self, subject: &str) -> Option<Stream> {
        let rest = subject.strip_prefix(&self.prefix)?.strip_prefix(".evt.")?;
        match rest.split('.').next()? {
            "control" => Some(Stream::Control),
            "gate" => Some(Stream::Gate),
            "approval" => Some(Stream::Approval),
            "audit" => Some(Stream::Audit),
            "anomaly" => Some(Stream::Anomaly),
            "notifier" => Some(Stream::Notifier),
            "ingest" => Some(Stream::Ingest),
            "presence" => Some(Stream::Presence),
            _ => None,
        }
    }

    /// What a service may publish and subscribe to.
    #[must_use]
    pub fn permissions(&self, service: Service) -> Permissions {
        permissions::of(self, service)
    }

    /// Whether `service` is an owner of `subject`: the one service that may publish there.
    #[must_use]
    pub fn owns(&self, service: Service, subject: &str) -> bool {
        let mut tokens = subject
            .strip_prefix(&self.prefix)
            .unwrap_or_default()
            .split('.')
            .skip(1);
        match (
            tokens.next(),
            tokens.next(),
            tokens.next(),
            tokens.next(),
            tokens.next(),
        ) {
            (Some("evt"), Some("gate"), Some(_), Some(leaf), None) => match leaf {
                "kill" => service == Service::Control,
                "decision" => service == Service::Enforcement,
                "consumed" => service == Service::Approval,
                _ => false,
            },
            (Some("evt"), Some("presence"), Some(_), _, _) => service == Service::Control,
            (Some("evt"), Some(owner), Some(_), _, _) => owner == service.token(),
            (Some("in"), Some("trace"), Some(_), None, _) => service == Service::Ingest,
            (Some("in"), Some("body"), Some(_), None, _) => {
                matches!(service, Service::Ingest | Service::Enforcement)
            }
            _ => false,
        }
    }

    /// The subject of a single fact: `writ.evt.<owner>.<aggregate>.<org>.<key>`.
    #[must_use]
    pub fn fact<F: Fact>(&self, org: OrgId, key: &str) -> String {
        format!(
            "{}.evt.{}.{}.{org}.{}",
            self.prefix,
            F::OWNER.token(),
            F::AGGREGATE,
            token(key)
        )
    }

    /// Every fact of an aggregate: `writ.evt.<owner>.<aggregate>.>`.
    #[must_use]
    pub fn facts<F: Fact>(&self) -> String {
        format!(
            "{}.evt.{}.{}.>",
            self.prefix,
            F::OWNER.token(),
            F::AGGREGATE
        )
    }

    /// That an agent was heard of. Not among the facts of its owner: those are kept for ever.
    #[must_use]
    pub fn presence(&self, org: OrgId, agent: &str) -> String {
        format!("{}.evt.presence.heard.{org}.{}", self.prefix, token(agent))
    }

    /// Pauses of a shard.
    #[must_use]
    pub fn kill(&self, shard: Shard) -> String {
        format!("{}.evt.gate.{shard}.{}", self.prefix, GateLeaf::Kill)
    }

    /// Decisions of a shard.
    #[must_use]
    pub fn decision(&self, shard: Shard) -> String {
        format!("{}.evt.gate.{shard}.{}", self.prefix, GateLeaf::Decision)
    }

    /// Used certificates of a shard.
    #[must_use]
    pub fn consumed(&self, shard: Shard) -> String {
        format!("{}.evt.gate.{shard}.{}", self.prefix, GateLeaf::Consumed)
    }

    /// One kind of gate record of every shard, as a filter.
    #[must_use]
    pub fn gate(&self, leaf: GateLeaf) -> String {
        format!("{}.evt.gate.*.{leaf}", self.prefix)
    }

    /// Accepted traces of a shard.
    #[must_use]
    pub fn trace(&self, shard: Shard) -> String {
        format!("{}.in.trace.{shard}", self.prefix)
    }

    /// Where an outside publisher requests: `writ.in.trace.<org>`. No stream holds it.
    #[must_use]
    pub fn trace_request(&self, org: OrgId) -> String {
        format!("{}.in.trace.{org}", self.prefix)
    }

    /// Bodies of a shard.
    #[must_use]
    pub fn body(&self, shard: Shard) -> String {
        format!("{}.in.body.{shard}", self.prefix)
    }

    /// Where a consumer puts what it could not handle.
    #[must_use]
    pub fn dead_letter(&self, service: Service, consumer: &str, key: &str) -> String {
        format!(
            "{}.dlq.{service}.{}.{}",
            self.prefix,
            token(consumer),
            token(key)
        )
    }

    /// A counter of an organisation.
    #[must_use]
    pub fn counter(&self, org: OrgId, key: &str) -> String {
        format!("{}.cnt.{org}.{}", self.prefix, token(key))
    }

    /// Where the replicas of a service announce what they have applied (core NATS, not kept).
    #[must_use]
    pub fn announcements(&self, service: Service) -> String {
        format!("{}.live.{service}", self.prefix)
    }

    /// The table as text: `schemas/topology.txt`.
    #[must_use]
    pub fn describe(&self) -> String {
        table::describe(self)
    }
}

/// The kinds of records on the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateLeaf {
    /// A pause or resume; by `control`.
    Kill,
    /// Packed decisions; by `enforcement`.
    Decision,
    /// A used certificate; by `approval`.
    Consumed,
}

impl fmt::Display for GateLeaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => wire::Kill::AGGREGATE,
            Self::Decision => wire::Decision::AGGREGATE,
            Self::Consumed => "consumed",
        })
    }
}

/// A text as one subject token: what NATS would read as structure becomes `_`.
fn token(text: &str) -> String {
    let safe = |c: char| {
        if c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>') {
            '_'
        } else {
            c
        }
    };
    if text.is_empty() {
        "_".to_owned()
    } else {
        text.chars().map(safe).collect()
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn shards(subject: impl Fn(Shard) -> String) -> Vec<String> {
    Shard::all().map(subject).collect()
}

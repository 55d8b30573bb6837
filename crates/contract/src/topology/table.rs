//! The rows of the table.

use std::time::Duration;

use super::{DAY, HOUR, Service, Stream, Topology, shards};
use crate::shard::Shard;

/// One row: a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSpec {
    /// Its name on the server.
    pub name: String,
    /// The subjects it holds.
    pub subjects: Vec<String>,
    /// How long a message is kept; `None` for ever.
    pub max_age: Option<Duration>,
    /// How long a repeated `Nats-Msg-Id` is known.
    pub dedup_window: Duration,
    /// Largest message, in bytes.
    pub max_message: i32,
    /// Messages are increments and the last one is the total.
    pub counter: bool,
    /// Who may publish what.
    pub owners: Vec<(Service, Vec<String>)>,
    /// Who reads it.
    pub readers: Vec<Service>,
}

/// A durable consumer: work shared by the replicas of a service. Made by the job that asserts
/// streams, never by a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// Its name.
    pub name: &'static str,
    /// Who pulls from it.
    pub service: Service,
    /// Of which stream.
    pub stream: Stream,
}

/// Every durable consumer.
pub const DURABLES: &[Durable] = &[
    Durable {
        name: "ingest_traces",
        service: Service::Ingest,
        stream: Stream::InTrace,
    },
    Durable {
        name: "ingest_decisions",
        service: Service::Ingest,
        stream: Stream::Gate,
    },
];

const FACT_BYTES: i32 = 256 * 1024;
const BODY_BYTES: i32 = 8 * 1024 * 1024;

pub(super) fn spec(topology: &Topology, stream: Stream) -> StreamSpec {
    use Service::{Anomaly, Approval, AuditLedger, Control, Enforcement, Ingest, Notifier};
    let t = Row { topology, stream };
    match stream {
        Stream::Control => t.facts(Control, None, &Service::ALL),
        Stream::Gate => t.gate(),
        Stream::Approval => {
            let readers = [Enforcement, AuditLedger, Ingest, Control, Anomaly];
            t.facts(Approval, None, &readers)
        }
        Stream::Audit => t.facts(AuditLedger, Some(30 * DAY), &[Approval]),
        Stream::Anomaly => t.facts(Anomaly, Some(30 * DAY), &[AuditLedger, Notifier]),
        Stream::Notifier => t.facts(Notifier, Some(30 * DAY), &[AuditLedger]),
        Stream::Ingest => {
            let readers = [Enforcement, AuditLedger, Anomaly, Control];
            t.facts(Ingest, Some(7 * DAY), &readers)
        }
        Stream::Presence => {
            let subjects = vec![format!("{}.evt.presence.>", topology.prefix())];
            let owners = vec![(Control, subjects.clone())];
            t.row(subjects, Some(7 * DAY), owners, &[AuditLedger])
        }
        Stream::InTrace => t.payloads(|s| topology.trace(s), &[Ingest], &[Ingest, Enforcement]),
        Stream::InBody => t.payloads(
            |s| topology.body(s),
            &[Ingest, Enforcement],
            &[Approval, Ingest],
        ),
        Stream::Dlq => t.dead_letters(),
        Stream::Advisory => t.row(advisories(topology), Some(30 * DAY), Vec::new(), &[]),
        Stream::Counters => t.counters(),
    }
}

/// Builds one row.
struct Row<'a> {
    topology: &'a Topology,
    stream: Stream,
}

impl Row<'_> {
    fn row(
        &self,
        subjects: Vec<String>,
        max_age: Option<Duration>,
        owners: Vec<(Service, Vec<String>)>,
        readers: &[Service],
    ) -> StreamSpec {
        StreamSpec {
            name: self.topology.stream_name(self.stream),
            subjects,
            max_age,
            dedup_window: Duration::from_secs(120),
            max_message: FACT_BYTES + 64 * 1024,
            counter: false,
            owners,
            readers: readers.to_vec(),
        }
    }

    fn facts(&self, owner: Service, age: Option<Duration>, readers: &[Service]) -> StreamSpec {
        let subjects = vec![format!(
            "{}.evt.{}.>",
            self.topology.prefix(),
            owner.token()
        )];
        self.row(subjects.clone(), age, vec![(owner, subjects)], readers)
    }

    fn gate(&self) -> StreamSpec {
        let owners = vec![
            (Service::Control, shards(|s| self.topology.kill(s))),
            (Service::Enforcement, shards(|s| self.topology.decision(s))),
            (Service::Approval, shards(|s| self.topology.consumed(s))),
        ];
        let subjects = vec![format!("{}.evt.gate.*.*", self.topology.prefix())];
        self.row(subjects, Some(7 * DAY), owners, &Service::ALL)
    }

    fn payloads(
        &self,
        subject: impl Fn(Shard) -> String,
        owners: &[Service],
        readers: &[Service],
    ) -> StreamSpec {
        let subjects = shards(subject);
        let owners = owners
            .iter()
            .map(|owner| (*owner, subjects.clone()))
            .collect();
        let row = self.row(subjects, Some(48 * HOUR), owners, readers);
        StreamSpec {
            max_message: BODY_BYTES,
            ..row
        }
    }

    fn dead_letters(&self) -> StreamSpec {
        let under = |s: Service| vec![format!("{}.dlq.{s}.>", self.topology.prefix())];
        let owners = Service::ALL.iter().map(|s| (*s, under(*s))).collect();
        let subjects = vec![format!("{}.dlq.>", self.topology.prefix())];
        StreamSpec {
            max_message: BODY_BYTES,
            ..self.row(subjects, Some(30 * DAY), owners, &[])
        }
    }

    fn counters(&self) -> StreamSpec {
        let subjects = vec![format!("{}.cnt.>", self.topology.prefix())];
        let owners = vec![(Service::Enforcement, subjects.clone())];
        let row = self.row(subjects, Some(62 * DAY), owners, &[Service::Enforcement]);
        StreamSpec {
            counter: true,
            ..row
        }
    }
}

/// Advisories about messages given up, of the durables' streams only: streams of two namespaces on
/// one server must not overlap.
fn advisories(topology: &Topology) -> Vec<String> {
    let mut subjects: Vec<String> = DURABLES
        .iter()
        .flat_map(|d| {
            let stream = topology.stream_name(d.stream);
            ["MAX_DELIVERIES", "MSG_TERMINATED"]
                .map(|what| format!("$JS.EVENT.ADVISORY.CONSUMER.{what}.{stream}.>"))
        })
        .collect();
    subjects.dedup();
    subjects
}

pub(super) fn describe(topology: &Topology) -> String {
    Stream::ALL
        .map(|stream| paragraph(&topology.spec(stream)))
        .concat()
}

fn paragraph(spec: &StreamSpec) -> String {
    let age = spec.max_age.map_or("for ever".to_owned(), |a| {
        format!("{} h", a.as_secs() / 3600)
    });
    let mut lines = vec![
        format!("{}  kept {age}", spec.name),
        format!("  subjects  {}", abridge(&spec.subjects)),
    ];
    let published = |(owner, subjects): &(Service, Vec<String>)| {
        format!("  published by {owner}: {}", abridge(subjects))
    };
    lines.extend(spec.owners.iter().map(published));
    let readers: Vec<&str> = spec.readers.iter().map(|s| s.name()).collect();
    lines.push(format!("  read by   {}\n", readers.join(", ")));
    lines.join("\n")
}

fn abridge(subjects: &[String]) -> String {
    match subjects {
        [first, .., last] => format!("{first} … {last} ({})", subjects.len()),
        _ => subjects.join(", "),
    }
}

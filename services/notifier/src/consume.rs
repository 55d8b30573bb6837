//! Facts → deliveries.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use writ_contract::topology::GateLeaf;
use writ_contract::{Envelope, Stream, wire};
use writ_eventlog::{Content, Delivered, EventLog, Reader, Start};
use writ_pg::{Fence, Position, WriterPool};
use writ_service_kit::{Clock, Requirement};

use crate::domain::Notice;
use crate::domain::announce::announce;
use crate::error::Error;
use crate::{metrics, store};

/// Messages applied in one transaction.
const BATCH: usize = 200;
/// How long a batch waits for more.
const LINGER: Duration = Duration::from_millis(200);
/// How often a replica that does not lead asks again.
const STANDBY: Duration = Duration::from_secs(1);

/// One stream whose facts become deliveries.
#[derive(Debug)]
pub(crate) struct Projection {
    pub(crate) source: Source,
    pub(crate) log: EventLog,
    pub(crate) pool: WriterPool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) due: Arc<Notify>,
    pub(crate) caught_up: Requirement,
}

/// The streams that are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// Decisions and pauses.
    Gate,
    /// Findings.
    Anomaly,
}

impl Source {
    pub(crate) const ALL: [Self; 2] = [Self::Gate, Self::Anomaly];

    /// Its name: of the loop, the requirement and, after `deliveries.`, the resume point.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Anomaly => "anomaly",
        }
    }

    const fn stream(self) -> Stream {
        match self {
            Self::Gate => Stream::Gate,
            Self::Anomaly => Stream::Anomaly,
        }
    }

    fn filters(self, log: &EventLog) -> Vec<String> {
        let topology = log.topology();
        match self {
            Self::Gate => vec![
                topology.gate(GateLeaf::Kill),
                topology.gate(GateLeaf::Decision),
            ],
            Self::Anomaly => vec![topology.facts::<wire::Finding>()],
        }
    }
}

impl Projection {
    /// Waits until this replica leads, then applies facts until something goes wrong.
    pub(crate) async fn run(self: Arc<Self>) -> Result<(), Error> {
        let projection = format!("deliveries.{}", self.source.name());
        let _leading = loop {
            match store::lead(&self.pool, &projection).await? {
                Some(leading) => break leading,
                None => {
                    self.caught_up.met();
                    tokio::time::sleep(STANDBY).await;
                }
            }
        };
        let (fence, resume) = Fence::acquire(&self.pool, &projection, 0).await?;
        let (mut reader, behind) = self.resume(resume).await?;
        if behind == 0 {
            self.caught_up.met();
        }
        loop {
            let batch = gather(&mut reader).await?;
            let behind = batch.last().map_or(0, |last| last.pending);
            if let Some(position) = reached(&reader, batch.last()) {
                self.apply(&fence, &position, batch).await?;
            }
            metrics::lag(self.source.name(), behind);
            if behind == 0 {
                self.caught_up.met();
            }
        }
    }

    /// Opens the log where the projection stands. When the resume point does not fit the log any
    /// more it is read from its start: an event that was told is not told again. Beside the reader:
    /// how many messages are there to apply.
    async fn resume(&self, position: Option<Position>) -> Result<(Reader, u64), Error> {
        let Some(position) = position else {
            return self.opened(Start::First).await;
        };
        let mut reader = self.open(Start::At(position.seq)).await?;
        let (name, created_us) = reader.identity();
        if position.stream == name && position.created.timestamp_micros() == created_us {
            if reader.behind() > 0 {
                // The message at the resume point comes first; if it has aged out, a later one
                // does, and has not been applied.
                let first = reader.next().await?;
                if first.sequence > position.seq {
                    return self.opened(Start::At(first.sequence)).await;
                }
                if identity(&first.content) == position.event_id {
                    return Ok((reader, first.pending));
                }
            } else if self.open(Start::First).await?.behind() == 0 {
                return Ok((reader, 0));
            }
        }
        tracing::warn!(
            stream = position.stream,
            "resume point does not fit: reading anew"
        );
        self.opened(Start::First).await
    }

    async fn opened(&self, start: Start) -> Result<(Reader, u64), Error> {
        let reader = self.open(start).await?;
        let behind = reader.behind();
        Ok((reader, behind))
    }

    async fn open(&self, start: Start) -> Result<Reader, Error> {
        let filters = self.source.filters(&self.log);
        Ok(self.log.read(self.source.stream(), filters, start).await?)
    }

    /// Commits a batch's deliveries and the resume point together.
    async fn apply(
        &self,
        fence: &Fence,
        position: &Position,
        batch: Vec<Delivered>,
    ) -> Result<(), Error> {
        let notices: Vec<Notice> = batch.iter().flat_map(notices).collect();
        let mut tx = self.pool.begin().await?;
        let made = store::insert_deliveries(&mut tx, &notices, self.clock.now()).await?;
        fence.save(&mut tx, position).await?;
        tx.commit().await?;
        if made > 0 {
            metrics::notices(made);
            self.due.notify_one();
        }
        Ok(())
    }
}

/// Waits for one message and takes what is there behind it.
async fn gather(reader: &mut Reader) -> Result<Vec<Delivered>, Error> {
    let mut batch = vec![reader.next().await?];
    while batch.len() < BATCH && batch.last().is_some_and(|last| last.pending > 0) {
        // What is pending may be passed over for its signature, and nothing come of it.
        match tokio::time::timeout(LINGER, reader.next()).await {
            Ok(next) => batch.push(next?),
            Err(_) => break,
        }
    }
    Ok(batch)
}

fn reached(reader: &Reader, last: Option<&Delivered>) -> Option<Position> {
    let last = last?;
    let (stream, created_us) = reader.identity();
    Some(Position {
        stream: stream.to_owned(),
        created: time(created_us),
        seq: last.sequence,
        event_id: identity(&last.content),
    })
}

/// What tells a message from another under the same sequence.
fn identity(content: &Content) -> String {
    match content {
        Content::Fact(envelope) => envelope.event_id.to_string(),
        Content::Packed(packed) => packed.records.first().map_or_else(
            || packed.incarnation.to_string(),
            |record| record.event_id.to_string(),
        ),
        Content::Unreadable(_) => String::new(),
    }
}

/// What a message has to tell; what cannot be read is counted and left out.
fn notices(delivered: &Delivered) -> Vec<Notice> {
    let told = match &delivered.content {
        Content::Fact(envelope) => vec![announce(envelope)],
        Content::Packed(packed) => packed
            .records
            .iter()
            .map(|record| Envelope::decode(&record.envelope).and_then(|fact| announce(&fact)))
            .collect(),
        Content::Unreadable(why) => vec![Err(why.clone())],
    };
    let read = |result: Result<Vec<Notice>, _>| {
        result.unwrap_or_else(|error| {
            metrics::unreadable();
            tracing::warn!(subject = delivered.subject, %error, "fact not readable");
            Vec::new()
        })
    };
    told.into_iter().flat_map(read).collect()
}

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

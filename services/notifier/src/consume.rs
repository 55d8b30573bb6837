//! Facts → deliveries.

use std::sync::Arc;

use tokio::sync::Notify;
use writ_contract::topology::GateLeaf;
use writ_contract::{Envelope, Stream, wire};
use writ_eventlog::{Content, Delivered, EventLog, Position};
use writ_pg::{Fence, WriterPool};
use writ_service_kit::{Clock, Requirement};

use crate::domain::Notice;
use crate::domain::announce::announce;
use crate::error::Error;
use crate::{metrics, store};

/// Messages applied in one transaction.
const BATCH: usize = 200;

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
    /// Requests of data subjects.
    Privacy,
}

impl Source {
    pub(crate) const ALL: [Self; 3] = [Self::Gate, Self::Anomaly, Self::Privacy];

    /// Its name: of the loop, the requirement and, after `deliveries.`, the resume point.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Anomaly => "anomaly",
            Self::Privacy => "privacy",
        }
    }

    const fn stream(self) -> Stream {
        match self {
            Self::Gate => Stream::Gate,
            Self::Anomaly => Stream::Anomaly,
            Self::Privacy => Stream::Control,
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
            Self::Privacy => vec![topology.facts::<wire::PrivacyRequest>()],
        }
    }
}

impl Projection {
    /// Waits until this replica leads, then applies facts until something goes wrong.
    pub(crate) async fn run(self: Arc<Self>) -> Result<(), Error> {
        let projection = format!("deliveries.{}", self.source.name());
        let standby = || self.caught_up.met();
        let leading = self
            .pool
            .lead_eventually(store::SCHEMA, &projection, standby);
        let _leading = leading.await?;
        let (fence, position) = Fence::acquire(&self.pool, &projection, 0).await?;
        let (stream, filters) = (self.source.stream(), self.source.filters(&self.log));
        let resumed = self.log.resume(stream, filters, position).await?;
        // An event that was told is not told again, wherever reading starts.
        let mut reader = resumed.into_reader();
        loop {
            metrics::lag(self.source.name(), reader.behind());
            if reader.behind() == 0 {
                self.caught_up.met();
            }
            let batch = reader.batch(BATCH).await?;
            if let Some(last) = batch.last() {
                let position = reader.position(last);
                self.apply(&fence, &position, &batch).await?;
            }
        }
    }

    /// Commits a batch's deliveries and the resume point together.
    async fn apply(
        &self,
        fence: &Fence,
        position: &Position,
        batch: &[Delivered],
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

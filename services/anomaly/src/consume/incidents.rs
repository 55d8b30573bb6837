//! Decisions, bypasses, mismatches, forgeries and leaks → incidents.

use std::collections::BTreeMap;

use chrono::DateTime;
use uuid::Uuid;
use writ_contract::topology::GateLeaf;
use writ_contract::{IncidentId, Stream, Topology, wire};
use writ_eventlog::{Delivered, EventLog, Position, Reader, Resumed};
use writ_pg::{Fence, NewEvent, Outbox, WriterPool, WriterTx};
use writ_service_kit::Requirement;

use super::signals::signals;
use crate::domain::incident::{Incident, Signal, What};
use crate::error::Error;
use crate::{facts, store};

/// Messages applied in one transaction.
const BATCH: usize = 200;
const PROJECTION: &str = "incidents";

/// A log that incidents come from; its place in the list is its partition, for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    Gate,
    Ingest,
    Approval,
    Control,
}

impl Source {
    pub(crate) const ALL: [Self; 4] = [Self::Gate, Self::Ingest, Self::Approval, Self::Control];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gate => "incidents_of_decisions",
            Self::Ingest => "incidents_of_bypasses",
            Self::Approval => "incidents_of_approvals",
            Self::Control => "incidents_of_keys",
        }
    }

    const fn partition(self) -> i32 {
        match self {
            Self::Gate => 0,
            Self::Ingest => 1,
            Self::Approval => 2,
            Self::Control => 3,
        }
    }

    const fn kinds(self) -> &'static [What] {
        match self {
            Self::Gate => &[What::Policy, What::Refusal],
            Self::Ingest => &[What::Bypass, What::Forgery],
            Self::Approval => &[What::Certificate],
            Self::Control => &[What::Leak],
        }
    }

    fn stream(self, topology: &Topology) -> (Stream, Vec<String>) {
        match self {
            Self::Gate => (Stream::Gate, vec![topology.gate(GateLeaf::Decision)]),
            Self::Ingest => (
                Stream::Ingest,
                vec![
                    topology.facts::<wire::BypassWindow>(),
                    topology.facts::<wire::BypassDrop>(),
                    topology.facts::<wire::ForgedCredential>(),
                ],
            ),
            Self::Approval => (Stream::Approval, vec![topology.facts::<wire::Approval>()]),
            Self::Control => (Stream::Control, vec![topology.facts::<wire::ApiKey>()]),
        }
    }
}

/// Follows one of the logs.
#[derive(Debug)]
pub(crate) struct Incidents {
    pub(crate) source: Source,
    pub(crate) log: EventLog,
    pub(crate) pool: WriterPool,
    pub(crate) outbox: Outbox,
    pub(crate) caught_up: Requirement,
}

impl Incidents {
    /// Another replica leads: nothing is waited for.
    pub(crate) fn stand_by(&self) {
        self.caught_up.met();
    }

    /// Applies facts until something goes wrong.
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let (fence, position) =
            Fence::acquire(&self.pool, PROJECTION, self.source.partition()).await?;
        let (stream, filters) = self.source.stream(self.log.topology());
        let resumed = self.log.resume(stream, filters, position).await?;
        let mut anew = matches!(resumed, Resumed::Anew(_));
        let mut reader: Reader = resumed.into_reader();
        loop {
            if reader.behind() == 0 {
                self.caught_up.met();
            }
            let batch = reader.batch(BATCH).await?;
            if let Some(last) = batch.last() {
                let position = reader.position(last);
                anew = self.apply(&fence, &position, &batch, anew).await?;
            }
        }
    }

    /// Commits incidents, their facts and the resume point together. Of a log that is read anew, what
    /// it holds is counted again from its first hour on; whether that is still to be done.
    async fn apply(
        &self,
        fence: &Fence,
        position: &Position,
        batch: &[Delivered],
        anew: bool,
    ) -> Result<bool, Error> {
        let found: Vec<Signal> = batch.iter().flat_map(signals).collect();
        let first = found.iter().map(Signal::hour_us).min();
        let mut tx = self.pool.begin().await?;
        if let (true, Some(first)) = (anew, first) {
            let since = DateTime::from_timestamp_micros(first).unwrap_or_default();
            store::recount(&mut tx, self.source.kinds(), since).await?;
        }
        let events = raise(&mut tx, self.log.topology(), &found).await?;
        fence.save(&mut tx, position).await?;
        commit(&self.outbox, tx, &events).await?;
        Ok(anew && first.is_none())
    }
}

/// Counts signals and appends what is told of them.
pub(crate) async fn raise(
    tx: &mut WriterTx,
    topology: &Topology,
    signals: &[Signal],
) -> Result<Vec<NewEvent>, Error> {
    let mut ids: Vec<Uuid> = signals.iter().map(|signal| signal.incident().0).collect();
    ids.sort_unstable();
    ids.dedup();
    let known = store::lock_incidents(tx, &ids).await?;
    let mut known: BTreeMap<IncidentId, Incident> = known
        .into_iter()
        .map(|incident| (incident.id, incident))
        .collect();
    let mut events = Vec::new();
    for signal in signals {
        let id = signal.incident();
        let (incident, change) = Incident::after(known.remove(&id), signal);
        events.extend(
            change.map(|change| facts::counted(topology, &incident, change, &signal.traceparent)),
        );
        known.insert(id, incident);
    }
    for incident in known.values() {
        store::save_incident(tx, incident).await?;
    }
    writ_pg::append(tx, &events).await?;
    Ok(events)
}

/// Ends a transaction of the loops; events go out at once.
pub(crate) async fn commit(
    outbox: &Outbox,
    tx: WriterTx,
    events: &[NewEvent],
) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(tx.commit().await?);
    }
    let ids: Vec<Uuid> = events
        .iter()
        .map(|event| event.envelope.event_id.0)
        .collect();
    outbox.commit_writer(tx, &ids).await.map(drop)?;
    Ok(())
}

//! Metered facts → baselines and findings.

mod incidents;
mod signals;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use writ_contract::{Audit, Envelope, EventId, Fact, FindingId, Kind, OrgId, Stream, wire};
use writ_eventlog::{Content, Delivered, EventLog, Position, Reader, Resumed};
use writ_pg::{Fence, NewEvent, Outbox, WriterPool};
use writ_service_kit::Requirement;

use crate::domain::incident::{Gravity, Group, Signal, What};
use crate::domain::{Baseline, Deviation, Settings, Summary};
use crate::error::Error;
use crate::{metrics, store};

pub(crate) use incidents::{Incidents, Source};
use incidents::{commit, raise};

/// Facts applied in one transaction.
const BATCH: usize = 500;

/// The projection `agent_baseline`.
#[derive(Debug)]
pub(crate) struct Projection {
    pub(crate) log: EventLog,
    pub(crate) pool: WriterPool,
    pub(crate) outbox: Outbox,
    pub(crate) settings: Settings,
    pub(crate) caught_up: Requirement,
    pub(crate) incidents: [Incidents; 4],
}

/// Whose baseline.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Subject {
    pub(crate) org: OrgId,
    pub(crate) agent: String,
    pub(crate) environment: String,
}

/// One metered fact, read.
#[derive(Debug)]
struct Window {
    subject: Subject,
    source: EventId,
    summary: Summary,
}

/// A finding with whose it is and when.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) id: FindingId,
    pub(crate) subject: Subject,
    pub(crate) source: EventId,
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
    pub(crate) deviation: Deviation,
}

impl Projection {
    /// Waits until this replica leads, then applies facts of every log until something goes wrong.
    /// One right for all of them: each that is held takes a connection.
    pub(crate) async fn run(self: Arc<Self>) -> Result<(), Error> {
        let standby = || {
            self.caught_up.met();
            self.incidents.iter().for_each(Incidents::stand_by);
        };
        let leading = self
            .pool
            .lead_eventually(store::SCHEMA, store::PROJECTION, standby);
        let _leading = leading.await?;
        let [decisions, bypasses, approvals, keys] = &self.incidents;
        tokio::try_join!(
            self.baselines(),
            decisions.run(),
            bypasses.run(),
            approvals.run(),
            keys.run(),
        )?;
        Ok(())
    }

    async fn baselines(&self) -> Result<(), Error> {
        let (fence, position) = Fence::acquire(&self.pool, store::PROJECTION, 0).await?;
        let mut reader = self.resume(&fence, position).await?;
        loop {
            metrics::lag(reader.behind());
            if reader.behind() == 0 {
                self.caught_up.met();
            }
            let batch = reader.batch(BATCH).await?;
            if let Some(last) = batch.last() {
                let position = reader.position(last);
                self.apply(&fence, &position, batch).await?;
            }
        }
    }

    /// Opens the log where the projection stands. When all of it is read, the projection is emptied
    /// first: a window counts once.
    async fn resume(&self, fence: &Fence, position: Option<Position>) -> Result<Reader, Error> {
        let filters = vec![self.log.topology().facts::<wire::Metered>()];
        match self.log.resume(Stream::Ingest, filters, position).await? {
            Resumed::After(reader) => Ok(reader),
            Resumed::Anew(reader) => {
                let mut tx = self.pool.begin().await?;
                store::forget_baselines(&mut tx).await?;
                fence.reset(&mut tx).await?;
                tx.commit().await?;
                Ok(reader)
            }
        }
    }

    /// Judges a batch in order and commits baselines, findings, their facts and the resume point
    /// together.
    async fn apply(
        &self,
        fence: &Fence,
        position: &Position,
        batch: Vec<Delivered>,
    ) -> Result<(), Error> {
        let windows: Vec<Window> = batch.into_iter().filter_map(read).collect();
        let mut tx = self.pool.begin().await?;
        let mut baselines = store::load(&mut tx, windows.iter().map(|w| &w.subject)).await?;
        let findings = judge(&mut baselines, &windows, &self.settings);
        let (mut events, mut found) = (Vec::new(), Vec::new());
        for finding in &findings {
            if store::insert_finding(&mut tx, finding).await? {
                metrics::finding(finding.deviation.metric);
                events.push(event(&self.log, finding));
                found.push(signal(finding));
            }
        }
        let last_end = windows
            .iter()
            .map(|w| w.summary.end_us())
            .max()
            .unwrap_or_default();
        store::save(&mut tx, &baselines, time(last_end)).await?;
        writ_pg::append(&mut tx, &events).await?;
        events.extend(raise(&mut tx, self.log.topology(), &found).await?);
        fence.save(&mut tx, position).await?;
        commit(&self.outbox, tx, &events).await?;
        metrics::windows(windows.len());
        Ok(())
    }
}

/// A fact as a window; one that cannot be read is counted and left out.
fn read(delivered: Delivered) -> Option<Window> {
    let window = match delivered.content {
        Content::Fact(envelope) => window(&envelope),
        Content::Packed(_) | Content::Unreadable(_) => None,
    };
    if window.is_none() {
        metrics::unreadable();
        tracing::warn!(subject = delivered.subject, "metered fact not readable");
    }
    window
}

fn window(envelope: &Envelope) -> Option<Window> {
    let metered: wire::Metered = envelope.open().ok()?;
    let length_us = u64::try_from(metered.window_end_us.checked_sub(metered.window_start_us)?);
    Some(Window {
        source: envelope.event_id,
        summary: Summary {
            start_us: metered.window_start_us,
            length_us: length_us.ok()?,
            traces: metered.traces,
            errors: metered.errors,
            cost_micros: metered.cost_micros,
            duration_ms_sum: metered.duration_ms_sum,
        },
        subject: Subject {
            org: envelope.org,
            agent: metered.external_agent_id,
            environment: metered.environment,
        },
    })
}

fn judge(
    baselines: &mut HashMap<Subject, Baseline>,
    windows: &[Window],
    settings: &Settings,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for window in windows {
        let baseline = baselines.entry(window.subject.clone()).or_default();
        let (next, found) = std::mem::take(baseline).observe(&window.summary, settings);
        *baseline = next;
        findings.extend(found.into_iter().map(|deviation| Finding {
            id: FindingId(derived(window.source, deviation.metric.as_str())),
            subject: window.subject.clone(),
            source: window.source,
            start: time(deviation.window.start_us),
            end: time(deviation.window.end_us()),
            deviation,
        }));
    }
    findings
}

fn signal(finding: &Finding) -> Signal {
    let severity = finding.deviation.severity.as_str();
    Signal {
        group: Group {
            org: finding.subject.org,
            what: What::Finding,
            agent: finding.subject.agent.clone(),
            environment: finding.subject.environment.clone(),
            policy: None,
            subject: finding.deviation.metric.as_str().to_owned(),
        },
        agent_uuid: None,
        decision: None,
        gravity: severity.parse().unwrap_or(Gravity::Medium),
        at_us: finding.end.timestamp_micros(),
        count: 1,
        // A finding is about a window of many traces.
        traceparent: String::new(),
    }
}

fn event(log: &EventLog, finding: &Finding) -> NewEvent {
    let Finding {
        id,
        subject,
        deviation,
        ..
    } = finding;
    let fact = wire::Finding {
        finding_id: id.to_bytes(),
        external_agent_id: subject.agent.clone(),
        environment: subject.environment.clone(),
        metric: deviation.metric.as_str().to_owned(),
        value: deviation.value,
        expected: deviation.expected,
        score: deviation.score,
        severity: deviation.severity.as_str().to_owned(),
        window_start_us: finding.start.timestamp_micros(),
        window_end_us: finding.end.timestamp_micros(),
    };
    let envelope = Envelope {
        event_id: EventId(derived(finding.source, &format!("{id}.found"))),
        kind: Kind::of::<wire::Finding>("found"),
        org: subject.org,
        aggregate_id: id.to_string(),
        version: 1,
        occurred_at_us: finding.end.timestamp_micros(),
        audit: Audit {
            actor: format!("system:{}", crate::NAME),
            action: "finding.report".to_owned(),
            target: format!("finding:{id}"),
            on_behalf_of: Vec::new(),
            outcome: "succeeded".to_owned(),
            reason_code: String::new(),
        },
        fact: prost::Message::encode_to_vec(&fact),
        traceparent: String::new(),
    };
    let subject = log
        .topology()
        .fact::<wire::Finding>(subject.org, &id.to_string());
    debug_assert_eq!(wire::Finding::OWNER, log.service());
    NewEvent { subject, envelope }
}

/// An id that follows from the fact it came of (UUIDv8): a rebuild finds the same findings.
fn derived(source: EventId, what: &str) -> Uuid {
    let digest = Sha256::new()
        .chain_update(source.0.as_bytes())
        .chain_update(what)
        .finalize();
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(digest) {
        *byte = from;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

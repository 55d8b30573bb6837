//! Facts out: manifests of written batches, sums of what agents did, and what callers report.

mod bypass;
mod resolution;

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use sha2::{Digest as _, Sha256};
use uuid::Builder;
use writ_chain::merkle::Frontier;
use writ_contract::{
    AgentId, Audit, Envelope, EventId, Fact, KeyId, Kind, OrgId, PrivacyRequestId, Shard, wire,
};
use writ_eventlog::{EventLog, PublishError};
use writ_service_kit::Clock;
use writ_service_kit::ids::new_v7;

use crate::domain::{COUNTED, Forged, Month, Seen, Spent, Sum, TRACES, Window};
use crate::store::Erased;

const WITHIN: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(1);
/// Manifests on their way at a time.
const AT_ONCE: usize = 64;
const ACTOR: &str = "system:ingest";

/// States what callers report; every method returns once that is stored.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) log: EventLog,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long the log is asked again.
    pub(crate) within: Duration,
}

/// What one batch wrote for one organisation.
#[derive(Debug)]
pub(crate) struct Manifest {
    org: OrgId,
    token: String,
    first: u64,
    last: u64,
    tree: Frontier,
}

impl Manifest {
    pub(crate) fn new(org: OrgId, token: &str) -> Self {
        Self {
            org,
            token: token.to_owned(),
            first: u64::MAX,
            last: 0,
            tree: Frontier::default(),
        }
    }

    /// Adds a row, in stream order.
    pub(crate) fn add(&mut self, stream_seq: u64, leaf: writ_chain::Hash) {
        self.first = self.first.min(stream_seq);
        self.last = self.last.max(stream_seq);
        self.tree.append(leaf);
    }

    /// How many rows it is about.
    pub(crate) fn rows(&self) -> u64 {
        self.tree.size()
    }

    fn fact(&self) -> wire::BatchWritten {
        wire::BatchWritten {
            shard: Shard::of(self.org).number().into(),
            first_stream_seq: self.first,
            last_stream_seq: self.last,
            token: self.token.clone(),
            rows: self.rows(),
            root: self.tree.root().to_vec(),
        }
    }
}

/// States what a batch wrote into `table`; returned = stored. A batch written again states the same
/// facts under the same ids.
pub(crate) async fn publish_manifests(
    log: &EventLog,
    clock: &Arc<dyn Clock>,
    table: &'static str,
    manifests: Vec<Manifest>,
) {
    let publish = |manifest: Manifest| {
        let (log, clock) = (log.clone(), clock.clone());
        async move { publish_manifest(&log, clock.as_ref(), table, &manifest).await }.boxed()
    };
    let each: Vec<_> = manifests.into_iter().map(publish).collect();
    futures::stream::iter(each)
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
}

async fn publish_manifest(log: &EventLog, clock: &dyn Clock, table: &str, manifest: &Manifest) {
    let id = derived_id(&[manifest.token.as_bytes(), manifest.org.0.as_bytes()]);
    let fact = manifest.fact();
    let envelope = envelope(clock, id, manifest.org, &manifest.token, "written", &fact);
    let subject = log
        .topology()
        .fact::<wire::BatchWritten>(manifest.org, table);
    while let Err(error) = log.publish_fact(&subject, &envelope, None, WITHIN).await {
        tracing::warn!(%error, "manifest not stored yet");
        tokio::time::sleep(RETRY).await;
    }
}

/// States what an agent did in a window.
///
/// # Errors
/// [`PublishError`]; the same call again states the same fact.
pub(crate) async fn publish_sum(
    log: &EventLog,
    clock: &dyn Clock,
    id: EventId,
    (window, sum): (&Window, &Sum),
    length_us: i64,
) -> Result<(), PublishError> {
    let fact = wire::Metered {
        external_agent_id: window.agent_id.clone(),
        environment: window.environment.clone(),
        window_start_us: window.start_us,
        window_end_us: window.start_us + length_us,
        traces: sum.traces,
        errors: sum.errors,
        cost_micros: sum.cost_nanos.div_ceil(1000),
        total_tokens: sum.tokens,
        duration_ms_sum: sum.duration_ms_sum,
        duration_ms_max: sum.duration_ms_max,
    };
    let key = format!("{}@{}", window.agent_id, window.environment);
    let aggregate = format!("{key}@{}", window.start_us);
    let envelope = envelope(clock, id, window.org, &aggregate, "summed", &fact);
    let subject = log.topology().fact::<wire::Metered>(window.org, &key);
    log.publish_fact(&subject, &envelope, None, WITHIN)
        .await
        .map(drop)
}

/// States that an organisation's traces of a month are used up.
///
/// # Errors
/// [`PublishError`]; stating it again does no harm.
pub(crate) async fn publish_spent(
    log: &EventLog,
    clock: &dyn Clock,
    org: OrgId,
    month: Month,
    spent: Spent,
) -> Result<(), PublishError> {
    publish_quota(log, clock, org, (TRACES, "spent"), month, spent.current).await
}

/// States how many traces of a month were counted. Its subject is another than a spent limit's: a
/// replica that knows less must not hide that from who reads the last fact only.
///
/// # Errors
/// [`PublishError`]; stating it again does no harm.
pub(crate) async fn publish_counted(
    log: &EventLog,
    clock: &dyn Clock,
    org: OrgId,
    month: Month,
    used: u64,
) -> Result<(), PublishError> {
    publish_quota(log, clock, org, (COUNTED, "counted"), month, used).await
}

async fn publish_quota(
    log: &EventLog,
    clock: &dyn Clock,
    org: OrgId,
    (resource, verb): (&str, &str),
    month: Month,
    used: u64,
) -> Result<(), PublishError> {
    let fact = wire::Quota {
        resource: resource.to_owned(),
        month_start_us: month.start_us(),
        month_end_us: month.next().start_us(),
        used,
    };
    let id = EventId(new_v7(clock));
    let envelope = envelope(clock, id, org, resource, verb, &fact);
    let subject = log.topology().fact::<wire::Quota>(org, resource);
    log.publish_fact(&subject, &envelope, None, WITHIN)
        .await
        .map(drop)
}

/// States that somebody sends traces of an agent with credentials that are not its own.
///
/// # Errors
/// [`PublishError`]; trying again may state it twice.
pub(crate) async fn publish_forged(
    log: &EventLog,
    clock: &dyn Clock,
    forged: &Forged,
    seen: Seen,
) -> Result<(), PublishError> {
    let fact = wire::ForgedCredential {
        external_agent_id: forged.agent.clone(),
        agent_id: forged.agent_id.map(AgentId::to_bytes).unwrap_or_default(),
        environment: forged.environment.clone(),
        key_id: forged
            .key
            .map(|key| KeyId(key).to_bytes())
            .unwrap_or_default(),
        traces: seen.traces,
        first_at_us: seen.first_us,
        last_at_us: seen.last_us,
    };
    let id = EventId(new_v7(clock));
    let key = id.to_string();
    let envelope = envelope(clock, id, forged.org, &key, "found", &fact);
    let subject = log
        .topology()
        .fact::<wire::ForgedCredential>(forged.org, &key);
    log.publish_fact(&subject, &envelope, None, WITHIN)
        .await
        .map(drop)
}

/// States that the erasure `begun` was carried out; again, under the same id.
///
/// # Errors
/// [`PublishError`]; stating it again does no harm.
pub(crate) async fn publish_erased(
    log: &EventLog,
    clock: &dyn Clock,
    begun: &Envelope,
    request: PrivacyRequestId,
    erased: Erased,
) -> Result<(), PublishError> {
    let org = begun.org;
    let fact = wire::Erasure {
        request_id: request.to_bytes(),
        spans: erased.spans,
        decisions: erased.decisions,
    };
    let key = request.to_string();
    let id = derived_id(&[b"erasure", org.0.as_bytes(), request.0.as_bytes()]);
    let envelope = Envelope {
        traceparent: begun.traceparent.clone(),
        ..envelope(clock, id, org, &key, "carried_out", &fact)
    };
    let subject = log.topology().fact::<wire::Erasure>(org, &key);
    log.publish_fact(&subject, &envelope, None, WITHIN)
        .await
        .map(drop)
}

/// Each of these facts is the only one of its aggregate, hence version 1.
fn envelope<F: Fact>(
    clock: &dyn Clock,
    event_id: EventId,
    org: OrgId,
    aggregate: &str,
    verb: &str,
    fact: &F,
) -> Envelope {
    Envelope {
        event_id,
        kind: Kind::of::<F>(verb),
        org,
        aggregate_id: aggregate.to_owned(),
        version: 1,
        occurred_at_us: clock.now().timestamp_micros(),
        audit: Audit {
            actor: ACTOR.to_owned(),
            action: format!("{}.{verb}", F::AGGREGATE),
            target: format!("{}:{aggregate}", F::AGGREGATE),
            outcome: "succeeded".to_owned(),
            ..Audit::default()
        },
        fact: fact.encode_to_vec(),
        traceparent: String::new(),
    }
}

/// An id that the same parts always give (UUIDv8, RFC 9562).
pub(crate) fn derived_id(parts: &[&[u8]]) -> EventId {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(hash.finalize())
        .for_each(|(to, from)| *to = from);
    EventId(Builder::from_custom_bytes(bytes).into_uuid())
}

//! Every stream with governance facts, from where the ledger stands, as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::stream::{BoxStream, SelectAll, select_all};
use futures::{FutureExt as _, StreamExt as _, stream};
use writ_contract::fact::FACTS;
use writ_contract::{Fact, Service, Stream, Topology, wire};
use writ_eventlog::{Content, Delivered, EventLog, Reader, ReaderError, Start};
use writ_pg::{Fence, Position, WriterPool, WriterTx};

use crate::domain::{self, Arrival};
use crate::error::Error;
use crate::{metrics, store};

/// The streams, each at the partition of its resume point: the order is for ever.
const STREAMS: [Stream; 6] = [
    Stream::Control,
    Stream::Gate,
    Stream::Approval,
    Stream::Anomaly,
    Stream::Notifier,
    Stream::Ingest,
];

type Item = Result<(usize, Delivered), ReaderError>;

/// The streams as one.
pub(super) struct Sources {
    merged: SelectAll<BoxStream<'static, Item>>,
    marks: Arc<Marks>,
}

/// Where resume points are kept.
#[derive(Debug, Default)]
pub(super) struct Marks {
    fences: Vec<Fence>,
    identities: Vec<(String, DateTime<Utc>)>,
}

/// Facts to append together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) arrivals: Vec<Arrival>,
    /// Sources of numbers that ended in order.
    pub(super) closed: Vec<String>,
    /// When the oldest message was stored, microseconds since 1970.
    pub(super) oldest_us: i64,
    last: BTreeMap<usize, (u64, String)>,
}

impl Sources {
    /// Takes every resume point over and opens the streams there.
    pub(super) async fn open(log: &EventLog, pool: &WriterPool) -> Result<Self, Error> {
        let (mut streams, mut marks) = (Vec::new(), Marks::default());
        for (index, stream) in STREAMS.into_iter().enumerate() {
            let partition = i32::try_from(index).unwrap_or(i32::MAX);
            let (fence, position) = Fence::acquire(pool, store::PROJECTION, partition).await?;
            let (first, reader) = resume(log, stream, position).await?;
            let (name, created_us) = reader.identity();
            marks.identities.push((name.to_owned(), time(created_us)));
            marks.fences.push(fence);
            streams.push(follow(index, first, reader));
        }
        Ok(Self {
            merged: select_all(streams),
            marks: Arc::new(marks),
        })
    }

    /// Where the resume points of what is gathered are kept.
    pub(super) fn marks(&self) -> Arc<Marks> {
        self.marks.clone()
    }

    /// Waits for one message and takes what is there behind it, up to about `limit` facts. Dropped
    /// while it waits, it has taken nothing.
    ///
    /// # Errors
    /// When a stream cannot be followed any more.
    pub(super) async fn gather(&mut self, limit: usize) -> Result<Batch, Error> {
        let mut batch = Batch {
            oldest_us: i64::MAX,
            ..Batch::default()
        };
        let mut next = self.merged.next().await;
        while let Some(item) = next {
            let (index, delivered) = item?;
            self.marks.take(&mut batch, index, &delivered);
            if batch.arrivals.len() >= limit {
                break;
            }
            next = self.merged.next().now_or_never().flatten();
        }
        Ok(batch)
    }
}

impl Marks {
    /// Saves how far `batch` reads, in the transaction that appends it.
    pub(super) async fn save(&self, tx: &mut WriterTx, batch: &Batch) -> Result<(), Error> {
        for (index, (seq, event_id)) in &batch.last {
            let parts = self.fences.get(*index).zip(self.identities.get(*index));
            let Some((fence, (stream, created))) = parts else {
                continue;
            };
            let position = Position {
                stream: stream.clone(),
                created: *created,
                seq: *seq,
                event_id: event_id.clone(),
            };
            fence.save(tx, &position).await?;
        }
        Ok(())
    }

    fn take(&self, batch: &mut Batch, index: usize, delivered: &Delivered) {
        let stream = self.identities.get(index).map_or("", |(name, _)| name);
        batch.oldest_us = batch.oldest_us.min(delivered.stored_at_us);
        batch
            .last
            .insert(index, (delivered.sequence, identity(&delivered.content)));
        if let Content::Packed(packed) = &delivered.content
            && packed.closes
        {
            batch.closed.push(domain::incarnation(packed));
        }
        match domain::arrivals(delivered, stream) {
            Some(arrivals) => batch.arrivals.extend(arrivals),
            None => {
                metrics::skipped();
                tracing::error!(
                    subject = delivered.subject,
                    "message states no fact of its subject"
                );
            }
        }
    }
}

/// Opens a stream at its resume point. At a point that does not fit the stream any more (another
/// stream of that name, or another message at that number) it is read from its start: a fact that
/// is in the ledger is not appended again.
async fn resume(
    log: &EventLog,
    stream: Stream,
    position: Option<Position>,
) -> Result<(Option<Delivered>, Reader), Error> {
    let filters = filters(log.topology(), stream);
    let Some(position) = position else {
        return Ok((None, log.read(stream, filters, Start::First).await?));
    };
    let mut reader = log
        .read(stream, filters.clone(), Start::At(position.seq))
        .await?;
    let (name, created_us) = reader.identity();
    let same = position.stream == name && position.created == time(created_us);
    if same && reader.behind() > 0 {
        let first = reader.next().await?;
        if first.sequence > position.seq {
            // The message at the resume point has aged out, and this one was not read yet.
            return Ok((Some(first), reader));
        }
        if identity(&first.content) == position.event_id {
            return Ok((None, reader));
        }
    }
    tracing::warn!(
        stream = position.stream,
        seq = position.seq,
        "reading from the start again"
    );
    Ok((None, log.read(stream, filters, Start::First).await?))
}

/// Everything of a stream but what is no governance fact: metered summaries.
fn filters(topology: &Topology, stream: Stream) -> Vec<String> {
    if stream != Stream::Ingest {
        return Vec::new();
    }
    let governance = |(aggregate, owner): &(&str, Service)| {
        (*owner == Service::Ingest && *aggregate != wire::Metered::AGGREGATE)
            .then(|| format!("{}.evt.{}.{aggregate}.>", topology.prefix(), owner.token()))
    };
    FACTS.iter().filter_map(governance).collect()
}

fn follow(index: usize, first: Option<Delivered>, reader: Reader) -> BoxStream<'static, Item> {
    let rest = stream::unfold(Some(reader), move |reader| async move {
        let mut reader = reader?;
        match reader.next().await {
            Ok(delivered) => Some((Ok((index, delivered)), Some(reader))),
            Err(error) => Some((Err(error), None)),
        }
    });
    stream::iter(first.map(|delivered| Ok((index, delivered))))
        .chain(rest)
        .boxed()
}

/// What a resume point knows its message by.
fn identity(content: &Content) -> String {
    match content {
        Content::Fact(envelope) => envelope.event_id.to_string(),
        Content::Packed(packed) => match packed.records.first() {
            Some(first) => first.event_id.to_string(),
            None => packed.incarnation.to_string(),
        },
        Content::Unreadable(_) => String::new(),
    }
}

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

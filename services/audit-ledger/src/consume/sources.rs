//! Every stream with governance facts, from where the ledger stands, as one.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::stream::{BoxStream, SelectAll, select_all};
use futures::{FutureExt as _, StreamExt as _, stream};
use uuid::Uuid;
use writ_contract::fact::FACTS;
use writ_contract::{Fact, Service, Stream, Topology, wire};
use writ_eventlog::{Content, Delivered, EventLog, Position, Reader, ReaderError, Resumed};
use writ_pg::{Fence, WriterPool, WriterTx};

use crate::domain::{self, Arrival};
use crate::error::Error;
use crate::{metrics, store};

/// The streams, each at the partition of its resume point: the order is for ever.
const STREAMS: [Stream; 7] = [
    Stream::Control,
    Stream::Gate,
    Stream::Approval,
    Stream::Anomaly,
    Stream::Notifier,
    Stream::Ingest,
    Stream::Presence,
];

/// More holes of one stream than this are not told of one by one.
const MOST_HOLES: usize = 100;

type Item = Result<(usize, Delivered), ReaderError>;

/// The streams as one.
pub(super) struct Sources {
    merged: SelectAll<BoxStream<'static, Item>>,
}

/// The resume points of the streams, by their index.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<Mark>);

#[derive(Debug)]
struct Mark {
    fence: Fence,
    stream: String,
    created: DateTime<Utc>,
    /// The sequence that is stored, and the id of the message there.
    last: Option<(u64, String)>,
}

/// Facts to append together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) arrivals: Vec<Arrival>,
    /// Sources of numbers that ended in order.
    pub(super) closed: Vec<String>,
    /// Those that said that they live, and when, microseconds since 1970.
    pub(super) alive: BTreeMap<String, i64>,
    /// The ledger's own facts among the arrivals.
    pub(super) own: Vec<Uuid>,
    /// When the oldest message was stored, microseconds since 1970.
    pub(super) oldest_us: i64,
    last: BTreeMap<usize, (u64, String)>,
}

impl Batch {
    /// The ledger's own facts, by their ids; no stream is read further by them.
    pub(super) fn own(own: Vec<Uuid>, arrivals: Vec<Arrival>) -> Self {
        Self {
            own,
            arrivals,
            ..Self::default()
        }
    }
}

impl Sources {
    /// Takes every resume point over and opens the streams there.
    pub(super) async fn open(log: &EventLog, pool: &WriterPool) -> Result<(Self, Marks), Error> {
        let (mut streams, mut marks) = (Vec::new(), Vec::new());
        for (index, stream) in STREAMS.into_iter().enumerate() {
            let (fence, position) =
                Fence::acquire(pool, store::PROJECTION, partition(index)).await?;
            let last = position.as_ref().map(|it| (it.seq, it.event_id.clone()));
            let filters = filters(log.topology(), stream);
            let resumed = log.resume(stream, filters, position).await?;
            let damaged = matches!(resumed, Resumed::Anew(_)) && last.is_some();
            // A fact that is in the ledger is not appended again, wherever reading starts.
            let reader = resumed.into_reader();
            let (name, created_us) = reader.identity();
            if damaged {
                alarm(pool, name).await?;
            }
            tell_of_holes(log, pool, stream).await?;
            marks.push(Mark {
                fence,
                stream: name.to_owned(),
                created: DateTime::from_timestamp_micros(created_us).unwrap_or_default(),
                last,
            });
            streams.push(follow(index, reader));
        }
        Ok((
            Self {
                merged: select_all(streams),
            },
            Marks(marks),
        ))
    }

    /// Waits for one message and takes what is there behind it, up to about `limit` facts. Dropped
    /// while it waits, it has taken nothing.
    ///
    /// # Errors
    /// When a stream cannot be followed any more.
    pub(super) async fn gather(&mut self, marks: &Marks, limit: usize) -> Result<Batch, Error> {
        let mut batch = Batch {
            oldest_us: i64::MAX,
            ..Batch::default()
        };
        let mut next = self.merged.next().await;
        while let Some(item) = next {
            let (index, delivered) = item?;
            marks.take(&mut batch, index, &delivered);
            if batch.arrivals.len() >= limit {
                break;
            }
            next = self.merged.next().now_or_never().flatten();
        }
        Ok(batch)
    }
}

impl Marks {
    /// Checks that the store still stands where this writer left it. One that was set back (a
    /// failover to a lagging copy, a restored backup) has lost facts which will not come again by
    /// themselves.
    pub(super) async fn check(&self, tx: &mut WriterTx) -> Result<(), Error> {
        let stored = store::positions(tx).await?;
        let moved = self
            .0
            .iter()
            .enumerate()
            .find(|(index, mark)| stored.get(&partition(*index)).copied() != mark.seq());
        match moved {
            Some((_, mark)) => Err(Error::SetBack(mark.stream.clone())),
            None => Ok(()),
        }
    }

    /// Saves how far `batch` reads, in the transaction that appends it.
    pub(super) async fn save(&self, tx: &mut WriterTx, batch: &Batch) -> Result<(), Error> {
        for (index, (seq, event_id)) in &batch.last {
            let Some(mark) = self.0.get(*index) else {
                continue;
            };
            let position = Position {
                stream: mark.stream.clone(),
                created: mark.created,
                seq: *seq,
                event_id: event_id.clone(),
            };
            mark.fence.save(tx, &position).await?;
        }
        Ok(())
    }

    /// Remembers what was saved, once it is committed.
    pub(super) fn saved(&mut self, batch: &Batch) {
        for (index, (seq, event_id)) in &batch.last {
            if let Some(mark) = self.0.get_mut(*index) {
                mark.last = Some((*seq, event_id.clone()));
            }
        }
    }

    /// Checks that every stream still has what was read from it, and tells of what it lost else.
    ///
    /// # Errors
    /// [`Error::StreamDamaged`]: everything is opened anew, which tells of it and reads again what is
    /// there.
    pub(super) async fn compare(&self, log: &EventLog, pool: &WriterPool) -> Result<(), Error> {
        for (mark, stream) in self.0.iter().zip(STREAMS) {
            tell_of_holes(log, pool, stream).await?;
            let Some((seq, event_id)) = mark.last.clone() else {
                continue;
            };
            let position = Position {
                stream: mark.stream.clone(),
                created: mark.created,
                seq,
                event_id,
            };
            if !log.has(stream, &position).await? {
                return Err(Error::StreamDamaged(mark.stream.clone()));
            }
        }
        Ok(())
    }

    fn take(&self, batch: &mut Batch, index: usize, delivered: &Delivered) {
        let stream = self.0.get(index).map_or("", |mark| &mark.stream);
        batch.oldest_us = batch.oldest_us.min(delivered.stored_at_us);
        batch
            .last
            .insert(index, (delivered.sequence, delivered.message_id.clone()));
        if let Content::Packed(packed) = &delivered.content
            && packed.records.is_empty()
        {
            let emitter = domain::incarnation(packed);
            if packed.closes {
                batch.closed.push(emitter);
            } else {
                batch.alive.insert(emitter, delivered.stored_at_us);
            }
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

impl Mark {
    fn seq(&self) -> Option<u64> {
        self.last.as_ref().map(|(seq, _)| *seq)
    }
}

/// Tells of a stream that is not what was read from it: in the log, in a metric and in every ledger.
async fn alarm(pool: &WriterPool, stream: &str) -> Result<(), Error> {
    tracing::error!(
        stream,
        "the stream is not what was read from it: it is read again"
    );
    metrics::stream_damaged(stream);
    let mut tx = pool.begin().await?;
    store::note_damage(&mut tx, stream).await?;
    Ok(tx.commit().await?)
}

/// Tells, once each, of messages that a stream lost from its middle. What of them was read is in the
/// ledger; what was not shows in the numbers of what follows, or is sent again by its owner.
async fn tell_of_holes(log: &EventLog, pool: &WriterPool, stream: Stream) -> Result<(), Error> {
    let state = log.state(stream).await?;
    let name = log.topology().stream_name(stream);
    for hole in state.holes.iter().take(MOST_HOLES) {
        let mut tx = pool.begin().await?;
        if store::note_hole(&mut tx, &name, hole).await? {
            tracing::error!(
                stream = name,
                ?hole,
                "the stream lost messages from its middle"
            );
            metrics::stream_damaged(&name);
        }
        tx.commit().await?;
    }
    Ok(())
}

/// What counts and governs nothing: what it leads to is in decisions and findings.
const METERING: [&str; 2] = [wire::Metered::AGGREGATE, wire::Quota::AGGREGATE];

/// Everything of a stream but what is no governance fact.
fn filters(topology: &Topology, stream: Stream) -> Vec<String> {
    if stream != Stream::Ingest {
        return Vec::new();
    }
    let governance = |(aggregate, owner): &(&str, Service)| {
        (*owner == Service::Ingest && !METERING.contains(aggregate))
            .then(|| format!("{}.evt.{}.{aggregate}.>", topology.prefix(), owner.token()))
    };
    FACTS.iter().filter_map(governance).collect()
}

fn follow(index: usize, reader: Reader) -> BoxStream<'static, Item> {
    stream::unfold(Some(reader), move |reader| async move {
        let mut reader = reader?;
        match reader.next().await {
            Ok(delivered) => Some((Ok((index, delivered)), Some(reader))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

fn partition(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

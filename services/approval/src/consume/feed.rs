//! Following a stream from a resume point. Applying a message twice changes nothing here, so when
//! the resume point does not fit the log any more, the feed starts again at the beginning.

use chrono::{DateTime, Utc};
use writ_contract::Stream;
use writ_eventlog::{Content, Delivered, EventLog, Reader, ReaderError, Start};
use writ_pg::{Fence, PgError, Position, WriterTx};

use crate::command::Desk;
use crate::error::Error;
use crate::metrics;

/// One stream, read by the one replica that holds its fence.
pub(super) struct Feed {
    name: &'static str,
    reader: Reader,
    fence: Fence,
}

impl Feed {
    /// Takes the feed over from whoever had it and goes on where it stood.
    pub(super) async fn open(
        desk: &Desk,
        name: &'static str,
        stream: Stream,
        filters: Vec<String>,
    ) -> Result<Self, Error> {
        let (fence, position) = Fence::acquire(&desk.pools.writer, name, 0).await?;
        let reader = resume(&desk.log, stream, filters, position).await?;
        Ok(Self {
            name,
            reader,
            fence,
        })
    }

    /// Whether there is nothing to read yet.
    pub(super) fn is_empty(&self) -> bool {
        self.reader.behind() == 0
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Result<Delivered, Error> {
        let delivered = self.reader.next().await?;
        metrics::lag(self.name, delivered.pending);
        Ok(delivered)
    }

    /// What to save once this message has been applied.
    pub(super) fn mark(&self, delivered: &Delivered) -> Mark {
        let (stream, created_us) = self.reader.identity();
        let position = Position {
            stream: stream.to_owned(),
            created: time(created_us),
            seq: delivered.sequence,
            event_id: identity(&delivered.content),
        };
        Mark {
            fence: self.fence.clone(),
            position,
        }
    }
}

/// A resume point that may be saved as long as nobody took the feed over.
#[derive(Debug)]
pub(super) struct Mark {
    fence: Fence,
    position: Position,
}

impl Mark {
    /// Saves it in the transaction that applied its message.
    pub(super) async fn save(&self, tx: &mut WriterTx) -> Result<(), PgError> {
        self.fence.save(tx, &self.position).await
    }
}

async fn resume(
    log: &EventLog,
    stream: Stream,
    filters: Vec<String>,
    position: Option<Position>,
) -> Result<Reader, ReaderError> {
    let Some(position) = position else {
        return log.read(stream, filters, Start::First).await;
    };
    let start = Start::At(position.seq);
    let mut reader = log.read(stream, filters.clone(), start).await?;
    let (name, created_us) = reader.identity();
    let fits = position.stream == name && position.created.timestamp_micros() == created_us;
    if fits && reader.behind() > 0 {
        // The message at the resume point comes first; if it has aged out, a later one does, and
        // has not been applied.
        let first = reader.next().await?;
        if first.sequence > position.seq {
            return log.read(stream, filters, Start::At(first.sequence)).await;
        }
        if identity(&first.content) == position.event_id {
            return Ok(reader);
        }
    }
    tracing::warn!(stream = position.stream, "reading from the beginning");
    log.read(stream, filters, Start::First).await
}

/// What tells a message from another at the same sequence.
fn identity(content: &Content) -> String {
    match content {
        Content::Fact(envelope) => envelope.event_id.to_string(),
        Content::Packed(packed) => packed
            .records
            .first()
            .map(|record| record.event_id.to_string())
            .unwrap_or_default(),
        Content::Unreadable(_) => String::new(),
    }
}

pub(super) fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

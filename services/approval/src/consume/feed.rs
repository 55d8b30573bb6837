//! Following a stream from a resume point. Applying a message twice changes nothing here, so where
//! the resume point does not fit the log any more, everything is read again.

use chrono::{DateTime, Utc};
use writ_contract::Stream;
use writ_eventlog::{Delivered, Position, Reader};
use writ_pg::{Fence, PgError, WriterTx};

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
        let resumed = desk.log.resume(stream, filters, position).await?;
        let reader = resumed.into_reader();
        Ok(Self {
            name,
            reader,
            fence,
        })
    }

    /// Whether everything that is there has been read.
    pub(super) fn caught_up(&self) -> bool {
        self.reader.behind() == 0
    }

    /// The next message; `None` when it is nobody's statement and was passed over.
    pub(super) async fn advance(&mut self) -> Result<Option<Delivered>, Error> {
        metrics::lag(self.name, self.reader.behind());
        Ok(self.reader.advance().await?)
    }

    /// What to save once this message has been applied.
    pub(super) fn mark(&self, delivered: &Delivered) -> Mark {
        Mark {
            fence: self.fence.clone(),
            position: self.reader.position(delivered),
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

pub(super) fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

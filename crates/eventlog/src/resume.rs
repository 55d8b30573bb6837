//! Going on where a projection stands.
//!
//! A resume point is bound to the stream it was taken from, the sequence, and the message there:
//! after corruption a stream reuses its numbers. Where any of it is not what the log has, everything
//! is read again, and who does not recognise what was applied has to forget it first.

use std::ops::RangeInclusive;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream as Handle};
use chrono::{DateTime, Utc};
use writ_contract::Stream;

use crate::log::EventLog;
use crate::reader::{Delivered, Reader, ReaderError, Start, micros};

/// A resume point: a stream, as it was created, and the last message applied from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The stream's name.
    pub stream: String,
    /// When that stream was created, to the microsecond; another time is another stream.
    pub created: DateTime<Utc>,
    /// Sequence of the last message applied.
    pub seq: u64,
    /// Its `Nats-Msg-Id`.
    pub event_id: String,
}

/// A reader, and what it reads.
#[derive(Debug)]
pub enum Resumed {
    /// What comes after the resume point.
    After(Reader),
    /// Everything that is there: there is no resume point, or it does not fit the log any more.
    Anew(Reader),
}

impl Resumed {
    /// The reader, for who applies a message twice as if it were once.
    #[must_use]
    pub fn into_reader(self) -> Reader {
        match self {
            Self::After(reader) | Self::Anew(reader) => reader,
        }
    }
}

impl EventLog {
    /// Opens a reader on the subjects in `filters` (all of the stream when empty) behind the last
    /// message applied.
    ///
    /// # Errors
    /// [`ReaderError::Unavailable`].
    pub async fn resume(
        &self,
        stream: Stream,
        filters: Vec<String>,
        from: Option<Position>,
    ) -> Result<Resumed, ReaderError> {
        let handle = self.opened(stream).await?;
        if let Some(position) = from {
            let fits = fits(&handle, &position).await;
            if fits.map_err(|why| self.unreadable(stream, &why))? {
                let after = Start::At(position.seq + 1);
                let reader = self.read_from(&handle, stream, filters, after).await?;
                return Ok(Resumed::After(reader));
            }
            tracing::warn!(?position, "resume point does not fit: reading anew");
        }
        let reader = self.read_from(&handle, stream, filters, Start::First);
        reader.await.map(Resumed::Anew)
    }
}

/// What a stream says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// When it was made, microseconds since 1970.
    pub created_us: i64,
    /// Its last sequence; numbers start again with a new stream.
    pub last_sequence: u64,
    /// Sequences, in rising order, of messages that were stored and are not there any more although
    /// the stream keeps them: nobody may delete one, so it lost them.
    pub holes: Vec<RangeInclusive<u64>>,
}

impl EventLog {
    /// What a stream says of itself now.
    ///
    /// # Errors
    /// [`ReaderError::Unavailable`].
    pub async fn state(&self, stream: Stream) -> Result<StreamState, ReaderError> {
        let handle = self.opened(stream).await?;
        let info = handle.cached_info();
        let mut deleted = match info.state.deleted_count {
            None | Some(0) => Vec::new(),
            Some(_) => {
                let detailed = handle.info_builder().with_deleted(true).fetch().await;
                let detailed = detailed.map_err(|e| self.unreadable(stream, &e))?;
                detailed.info.state.deleted.unwrap_or_default()
            }
        };
        deleted.sort_unstable();
        let begins = info.state.first_sequence;
        let beheaded = self.topology.spec(stream).max_age.is_none() && begins > 1;
        let head = beheaded.then(|| 1..=begins - 1);
        Ok(StreamState {
            created_us: micros(info.created),
            last_sequence: info.state.last_sequence,
            holes: head.into_iter().chain(ranges(&deleted)).collect(),
        })
    }

    /// Whether the stream still has the message of a resume point, or has let it age out.
    ///
    /// # Errors
    /// [`ReaderError::Unavailable`].
    pub async fn has(&self, stream: Stream, position: &Position) -> Result<bool, ReaderError> {
        let handle = self.opened(stream).await?;
        let fits = fits(&handle, position).await;
        fits.map_err(|why| self.unreadable(stream, &why))
    }
}

impl Reader {
    /// The resume point once `delivered` and all before it have been applied.
    #[must_use]
    pub fn position(&self, delivered: &Delivered) -> Position {
        let (stream, created_us) = self.identity();
        Position {
            stream: stream.to_owned(),
            created: DateTime::from_timestamp_micros(created_us).unwrap_or_default(),
            seq: delivered.sequence,
            event_id: delivered.message_id.clone(),
        }
    }
}

/// Rising numbers as the ranges they form.
fn ranges(numbers: &[u64]) -> Vec<RangeInclusive<u64>> {
    let runs = numbers.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let range = |run: &[u64]| Some(*run.first()?..=*run.last()?);
    runs.filter_map(range).collect()
}

/// Whether the stream is the one of the resume point and has its message there, or has let it age
/// out.
async fn fits(handle: &Handle, position: &Position) -> Result<bool, String> {
    let info = handle.cached_info();
    if info.config.name != position.stream
        || micros(info.created) != position.created.timestamp_micros()
    {
        return Ok(false);
    }
    match handle.get_raw_message(position.seq).await {
        Ok(found) => {
            let id = found.headers.get(NATS_MESSAGE_ID);
            Ok(id.map_or("", |id| id.as_str()) == position.event_id)
        }
        Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => {
            Ok(position.seq <= info.state.last_sequence)
        }
        Err(e) => Err(e.to_string()),
    }
}

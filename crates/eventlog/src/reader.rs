//! Reading a stream in order, as every replica does for itself: an ephemeral ordered consumer,
//! signatures checked, facts decoded.

use std::fmt;
use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::message::Message;
use async_nats::jetstream::stream::Stream as Handle;
use chrono::DateTime;
use futures::StreamExt as _;
use writ_contract::envelope::{PACKED_TYPE, SIGNATURE_HEADER, TYPE_HEADER};
use writ_contract::{Envelope, Packed, Service, Stream, Unreadable};

use crate::log::EventLog;

/// How long a batch waits for a message that is said to be there.
const LINGER: Duration = Duration::from_millis(200);
/// How long nothing may come before the stream is looked at.
const SILENCE: Duration = Duration::from_secs(60);

/// Where a reader starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest message.
    First,
    /// At the last message of each subject: the current state of every aggregate.
    LastPerSubject,
    /// At this stream sequence.
    At(u64),
    /// At the first message stored at this time or later, in microseconds since the Unix epoch.
    Since(i64),
    /// At what is published from now on.
    New,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// One fact.
    Fact(Box<Envelope>),
    /// Many records.
    Packed(Packed),
    /// Signed by its owner, but not readable by this build.
    Unreadable(Unreadable),
}

/// A message as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The subject it was published on.
    pub subject: String,
    /// Its stream sequence. For positions and lag only: state goes by version or event id.
    pub sequence: u64,
    /// Its `Nats-Msg-Id`: a fact's event id; empty when it has none.
    pub message_id: String,
    /// When the stream stored it, in microseconds since the Unix epoch.
    pub stored_at_us: i64,
    /// Messages after it at the time of delivery.
    pub pending: u64,
    /// The service that signed it.
    pub owner: Service,
    /// What it says.
    pub content: Content,
}

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    /// The stream could not be opened or followed.
    #[error("cannot read {stream}: {why}")]
    Unavailable {
        /// The stream's name.
        stream: String,
        /// What the client said.
        why: String,
    },
    /// The stream is not the one that was read before: rebuild from its start.
    #[error("{0} was replaced: its content must be read anew")]
    Replaced(String),
}

/// Follows one stream.
pub struct Reader {
    log: EventLog,
    stream: Stream,
    name: String,
    created_us: i64,
    messages: Ordered,
    behind: u64,
}

impl EventLog {
    /// Opens a reader on the subjects in `filters` (all of the stream when empty).
    ///
    /// # Errors
    /// [`ReaderError::Unavailable`].
    pub async fn read(
        &self,
        stream: Stream,
        filters: Vec<String>,
        start: Start,
    ) -> Result<Reader, ReaderError> {
        let handle = self.opened(stream).await?;
        self.read_from(&handle, stream, filters, start).await
    }

    pub(crate) async fn opened(&self, stream: Stream) -> Result<Handle, ReaderError> {
        let handle = self.stream(stream).await;
        handle.map_err(|e| self.unreadable(stream, &e))
    }

    pub(crate) async fn read_from(
        &self,
        handle: &Handle,
        stream: Stream,
        filters: Vec<String>,
        start: Start,
    ) -> Result<Reader, ReaderError> {
        let config = OrderedConfig {
            deliver_subject: self.client.new_inbox(),
            filter_subjects: filters,
            deliver_policy: deliver(start),
            ..OrderedConfig::default()
        };
        let consumer = handle.create_consumer(config).await;
        let consumer = consumer.map_err(|e| self.unreadable(stream, &e))?;
        let behind = consumer.cached_info().num_pending;
        let messages = consumer.messages().await;
        Ok(Reader {
            log: self.clone(),
            stream,
            name: self.topology.stream_name(stream),
            created_us: micros(handle.cached_info().created),
            messages: messages.map_err(|e| self.unreadable(stream, &e))?,
            behind,
        })
    }

    pub(crate) fn unreadable(&self, stream: Stream, why: &dyn fmt::Display) -> ReaderError {
        ReaderError::Unavailable {
            stream: self.topology.stream_name(stream),
            why: why.to_string(),
        }
    }
}

impl Reader {
    /// Messages that are there and have not been read: as the stream said when the reader was
    /// opened, then with each message since, those passed over included. At 0 the reader has
    /// caught up.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.behind
    }

    /// The stream's name and creation time: what a resume point is bound to.
    #[must_use]
    pub fn identity(&self) -> (&str, i64) {
        (&self.name, self.created_us)
    }

    /// The next message whose signature holds. For who needs to know when it has caught up there
    /// is [`Reader::advance`]: of messages passed over this one does not return.
    ///
    /// # Errors
    /// [`ReaderError`]; open a new reader to go on.
    pub async fn next(&mut self) -> Result<Delivered, ReaderError> {
        loop {
            if let Some(delivered) = self.advance().await? {
                return Ok(delivered);
            }
        }
    }

    /// The next message; `None` when its signature does not hold. Such a message is counted, logged
    /// and passed over, and [`Reader::behind`] tells whether it was the last. Dropped while it
    /// waits, it has taken nothing.
    ///
    /// # Errors
    /// [`ReaderError`]; open a new reader to go on.
    pub async fn advance(&mut self) -> Result<Option<Delivered>, ReaderError> {
        let message = self.message().await?;
        match read(&self.log, &message) {
            Ok(delivered) => {
                self.behind = delivered.pending;
                Ok(Some(delivered))
            }
            Err(why) => {
                self.behind = message.info().map_or(self.behind, |info| info.pending);
                metrics::counter!("writ_eventlog_dropped_messages_total").increment(1);
                tracing::warn!(subject = %message.subject, why, "message passed over");
                Ok(None)
            }
        }
    }

    /// Waits for one message and takes what is there behind it, up to `most`: what to apply in one
    /// transaction. Empty when all of it was passed over.
    ///
    /// # Errors
    /// [`ReaderError`]; what was taken comes again after the resume point.
    pub async fn batch(&mut self, most: usize) -> Result<Vec<Delivered>, ReaderError> {
        let mut batch = Vec::from_iter(self.advance().await?);
        while self.behind > 0 && batch.len() < most {
            // What is pending can age out, and a broker can go away: what is in hand goes on.
            match tokio::time::timeout(LINGER, self.advance()).await {
                Ok(next) => batch.extend(next?),
                Err(_) => break,
            }
        }
        Ok(batch)
    }

    async fn message(&mut self) -> Result<Message, ReaderError> {
        loop {
            let why = match tokio::time::timeout(SILENCE, self.messages.next()).await {
                Ok(Some(Ok(message))) => return Ok(message),
                Ok(Some(Err(error))) => error.to_string(),
                Ok(None) => "the consumer ended".to_owned(),
                Err(_) => {
                    // The consumer is not Sync: nothing of `self` may be borrowed while waiting.
                    let (log, stream, created_us) =
                        (self.log.clone(), self.stream, self.created_us);
                    check_identity(log, stream, created_us).await?;
                    continue;
                }
            };
            return Err(self.log.unreadable(self.stream, &why));
        }
    }
}

async fn check_identity(log: EventLog, stream: Stream, created_us: i64) -> Result<(), ReaderError> {
    match log.stream(stream).await {
        Ok(found) if micros(found.cached_info().created) != created_us => {
            Err(ReaderError::Replaced(log.topology.stream_name(stream)))
        }
        // A broker that is away is no replaced stream: the consumer resumes by itself.
        Ok(_) | Err(_) => Ok(()),
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("stream", &self.name)
            .finish_non_exhaustive()
    }
}

/// Checks and decodes one message.
pub(crate) fn read(log: &EventLog, message: &Message) -> Result<Delivered, String> {
    let info = message.info().map_err(|e| e.to_string())?;
    let header = |name: &str| {
        message
            .headers
            .as_ref()
            .and_then(|h| h.get(name))
            .map(async_nats::HeaderValue::as_str)
    };
    let subject = message.subject.as_str();
    let owner = log
        .owners
        .verify(
            &log.topology,
            subject,
            header(SIGNATURE_HEADER),
            &message.payload,
        )
        .map_err(|e| e.to_string())?;
    let content = if header(TYPE_HEADER) == Some(PACKED_TYPE) {
        Packed::decode(&message.payload).map(Content::Packed)
    } else {
        Envelope::decode(&message.payload).map(|envelope| Content::Fact(Box::new(envelope)))
    };
    Ok(Delivered {
        subject: subject.to_owned(),
        sequence: info.stream_sequence,
        message_id: header(NATS_MESSAGE_ID.as_ref())
            .unwrap_or_default()
            .to_owned(),
        stored_at_us: micros(info.published),
        pending: info.pending,
        owner,
        content: content.unwrap_or_else(Content::Unreadable),
    })
}

pub(crate) fn micros(time: chrono::DateTime<chrono::Utc>) -> i64 {
    time.timestamp_micros()
}

pub(crate) fn deliver(start: Start) -> DeliverPolicy {
    match start {
        Start::First => DeliverPolicy::All,
        Start::LastPerSubject => DeliverPolicy::LastPerSubject,
        Start::At(start_sequence) => DeliverPolicy::ByStartSequence { start_sequence },
        Start::Since(us) => DeliverPolicy::ByStartTime {
            start_time: DateTime::from_timestamp_micros(us).unwrap_or_default(),
        },
        Start::New => DeliverPolicy::New,
    }
}

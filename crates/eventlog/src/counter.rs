//! Counters of budgets and rates: one publish adds, and its acknowledgement is the total. Callers on
//! every replica share them, and a repeated id counts once.

use std::fmt;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::message::Message;
use bytes::Bytes;
use futures::StreamExt as _;
use writ_contract::{OrgId, Stream};

use crate::log::EventLog;
use crate::publish::classify;
use crate::reader::{ReaderError, Start, deliver, micros};

const INCREMENT: &str = "Nats-Incr";
/// What an increment was made for, in the caller's words.
const CAUSE: &str = "Writ-Cause";

/// A counter that could not be read or moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("counter {subject}: {why}")]
pub struct CounterError {
    subject: String,
    why: String,
}

/// One increment, as the stream keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Increment {
    /// Whose counter.
    pub org: OrgId,
    /// Its key.
    pub key: String,
    /// What was added.
    pub delta: i64,
    /// The id it was counted under.
    pub id: String,
    /// What it was made for; empty when nothing was said.
    pub cause: String,
    /// When it was stored, in microseconds since the Unix epoch.
    pub stored_at_us: i64,
}

/// Follows the increments of every counter. They are not signed: only the owner of counters may
/// publish there, and a replica trusts its own service.
pub struct Increments {
    log: EventLog,
    messages: Ordered,
    behind: u64,
}

impl fmt::Debug for Increments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Increments")
            .field("behind", &self.behind)
            .finish_non_exhaustive()
    }
}

impl Increments {
    /// Increments that are there and have not been read; at 0 the reader has caught up.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.behind
    }

    /// The next increment; `None` for a message that is none.
    ///
    /// # Errors
    /// [`ReaderError`]; open a new reader to go on.
    pub async fn advance(&mut self) -> Result<Option<Increment>, ReaderError> {
        let why = match self.messages.next().await {
            Some(Ok(message)) => {
                self.behind = message.info().map_or(self.behind, |info| info.pending);
                return Ok(increment(&message));
            }
            Some(Err(error)) => error.to_string(),
            None => "the consumer ended".to_owned(),
        };
        Err(self.log.unreadable(Stream::Counters, &why))
    }
}

fn increment(message: &Message) -> Option<Increment> {
    let info = message.info().ok()?;
    let headers = message.headers.as_ref()?;
    let header = |name: &str| headers.get(name).map(|value| value.as_str());
    // `<prefix>.cnt.<org>.<key>`
    let mut tokens = message.subject.split('.').skip(2);
    Some(Increment {
        org: tokens.next()?.parse().ok()?,
        key: tokens.next()?.to_owned(),
        delta: header(INCREMENT)?.parse().ok()?,
        id: header(NATS_MESSAGE_ID.as_ref())?.to_owned(),
        cause: header(CAUSE).unwrap_or_default().to_owned(),
        stored_at_us: micros(info.published),
    })
}

impl EventLog {
    /// Follows increments.
    ///
    /// # Errors
    /// [`ReaderError::Unavailable`].
    pub async fn increments(&self, start: Start) -> Result<Increments, ReaderError> {
        let handle = self.opened(Stream::Counters).await?;
        let config = OrderedConfig {
            deliver_subject: self.client.new_inbox(),
            deliver_policy: deliver(start),
            ..OrderedConfig::default()
        };
        let unreadable = |e: &dyn fmt::Display| self.unreadable(Stream::Counters, e);
        let consumer = handle.create_consumer(config).await;
        let consumer = consumer.map_err(|e| unreadable(&e))?;
        let behind = consumer.cached_info().num_pending;
        let messages = consumer.messages().await;
        Ok(Increments {
            log: self.clone(),
            messages: messages.map_err(|e| unreadable(&e))?,
            behind,
        })
    }

    /// Adds `delta` to the counter `key` of an organisation and returns the new total. `id` makes a
    /// retry count once. Returned = stored.
    ///
    /// # Errors
    /// [`CounterError`] when the total is not known; the increment may have counted.
    pub async fn count(
        &self,
        org: OrgId,
        key: &str,
        delta: i64,
        id: &str,
    ) -> Result<i64, CounterError> {
        self.count_because(org, key, delta, id, "").await
    }

    /// As [`EventLog::count`], with what it is made for, which readers of the counters see.
    ///
    /// # Errors
    /// [`CounterError`] when the total is not known; the increment may have counted.
    pub async fn count_because(
        &self,
        org: OrgId,
        key: &str,
        delta: i64,
        id: &str,
        cause: &str,
    ) -> Result<i64, CounterError> {
        let subject = self.topology.counter(org, key);
        let error = |why: String| CounterError {
            subject: subject.clone(),
            why,
        };
        let mut headers = HeaderMap::new();
        headers.insert(INCREMENT, format!("{delta:+}"));
        headers.insert(NATS_MESSAGE_ID, id);
        if !cause.is_empty() {
            headers.insert(CAUSE, cause);
        }
        let sent = self
            .js
            .publish_with_headers(subject.clone(), headers, Bytes::new())
            .await;
        let ack = sent
            .map_err(|e| error(classify(&e).to_string()))?
            .await
            .map_err(|e| error(classify(&e).to_string()))?;
        let total = ack.value.and_then(|v| v.parse().ok());
        total.ok_or_else(|| error("the acknowledgement carries no total".into()))
    }
}

//! Publishing one message and learning what became of it.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError as NatsError, PublishErrorKind};
use bytes::Bytes;
use writ_contract::envelope::{PACKED_TYPE, SIGNATURE_HEADER, TYPE_HEADER};
use writ_contract::{Envelope, Packed};

use crate::log::EventLog;

const RETRY_EVERY: Duration = Duration::from_millis(100);
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";
const EXPECTED_ON: &str = "Nats-Expected-Last-Subject-Sequence-Subject";

/// A condition on the stream under which a message may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// The subject whose last message is compared.
    pub subject: String,
    /// The stream sequence its last message must have; 0 for none.
    pub sequence: u64,
}

/// What a stream said when it stored a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The message's sequence in the stream.
    pub sequence: u64,
    /// It had been stored before under the same id.
    pub duplicate: bool,
}

/// Why a message was not stored, or is not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The condition did not hold: not stored.
    #[error("the expected last sequence was not met")]
    Conflict,
    /// No acknowledgement in time: stored or not, nobody knows. A retry must keep the id.
    #[error("no acknowledgement in time; the outcome is unknown")]
    Unknown,
    /// The stream is missing or has no leader: not stored.
    #[error("the log is not available: {0}")]
    Unavailable(String),
    /// The server will not take this message, now or later: not stored.
    #[error("refused by the log: {0}")]
    Refused(String),
}

impl EventLog {
    /// Publishes one fact under its event id and the owner's signature, retrying the same id
    /// until it is stored or `within` has passed.
    ///
    /// # Errors
    /// [`PublishError`]; after [`PublishError::Unknown`] the fact may be stored.
    pub async fn publish_fact(
        &self,
        subject: &str,
        envelope: &Envelope,
        expect: Option<&Expect>,
        within: Duration,
    ) -> Result<Published, PublishError> {
        let payload = Bytes::from(envelope.encode());
        let headers = self.headers(
            subject,
            envelope.kind.as_str(),
            &envelope.event_id.to_string(),
            &payload,
            expect,
        );
        self.publish_until(subject, headers, payload, within).await
    }

    /// Publishes a packed message under the id `id`, once.
    pub(crate) async fn publish_packed(
        &self,
        subject: &str,
        id: &str,
        packed: &Packed,
        expect: Option<&Expect>,
    ) -> Result<Published, PublishError> {
        let payload = Bytes::from(packed.encode());
        let headers = self.headers(subject, PACKED_TYPE, id, &payload, expect);
        self.publish_once(subject, headers, payload).await
    }

    /// Publishes a packed message under the id `id`, retrying it until it is stored or `within` has
    /// passed.
    ///
    /// # Errors
    /// [`PublishError`]; after [`PublishError::Unknown`] it may be stored.
    pub async fn append_packed(
        &self,
        subject: &str,
        id: &str,
        packed: &Packed,
        within: Duration,
    ) -> Result<Published, PublishError> {
        let payload = Bytes::from(packed.encode());
        let headers = self.headers(subject, PACKED_TYPE, id, &payload, None);
        self.publish_until(subject, headers, payload, within).await
    }

    pub(crate) fn headers(
        &self,
        subject: &str,
        kind: &str,
        id: &str,
        payload: &[u8],
        expect: Option<&Expect>,
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
        headers.insert(TYPE_HEADER, kind);
        headers.insert(SIGNATURE_HEADER, self.signer.sign(subject, payload));
        if let Some(expect) = expect {
            headers.insert(EXPECTED, expect.sequence.to_string());
            headers.insert(EXPECTED_ON, expect.subject.as_str());
        }
        headers
    }

    pub(crate) async fn publish_until(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
        within: Duration,
    ) -> Result<Published, PublishError> {
        let deadline = tokio::time::Instant::now() + within;
        let mut doubt = false;
        loop {
            let one = self.publish_once(subject, headers.clone(), payload.clone());
            let error = match tokio::time::timeout_at(deadline, one).await {
                Ok(Ok(published)) => return Ok(published),
                Ok(Err(refusal @ (PublishError::Conflict | PublishError::Refused(_)))) => {
                    return Err(if doubt {
                        PublishError::Unknown
                    } else {
                        refusal
                    });
                }
                Ok(Err(error)) => error,
                Err(_) => PublishError::Unknown,
            };
            doubt |= error == PublishError::Unknown;
            if tokio::time::Instant::now() + RETRY_EVERY >= deadline {
                return Err(if doubt { PublishError::Unknown } else { error });
            }
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    pub(crate) async fn publish_once(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Published, PublishError> {
        let sent = self
            .js
            .publish_with_headers(subject.to_owned(), headers, payload)
            .await;
        let ack = sent
            .map_err(|e| classify(&e))?
            .await
            .map_err(|e| classify(&e))?;
        Ok(Published {
            sequence: ack.sequence,
            duplicate: ack.duplicate,
        })
    }
}

pub(crate) fn classify(error: &NatsError) -> PublishError {
    match error.kind() {
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => {
            PublishError::Conflict
        }
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => PublishError::Unknown,
        PublishErrorKind::StreamNotFound | PublishErrorKind::MaxAckPending => {
            PublishError::Unavailable(error.to_string())
        }
        PublishErrorKind::MaxPayloadExceeded => PublishError::Refused(error.to_string()),
        PublishErrorKind::Other => other(error),
    }
}

/// The server's own error codes: a conflict it cannot place (10164) is one to retry, the codes
/// 503 are about the server's state, the rest is about the message.
fn other(error: &NatsError) -> PublishError {
    let source = std::error::Error::source(error);
    let api = source.and_then(|s| s.downcast_ref::<async_nats::jetstream::Error>());
    match api {
        Some(api) if api.error_code() == ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => {
            PublishError::Unavailable(api.to_string())
        }
        Some(api) if api.code() == 503 => PublishError::Unavailable(api.to_string()),
        Some(api) => PublishError::Refused(api.to_string()),
        None => PublishError::Unknown,
    }
}

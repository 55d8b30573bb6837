//! What can go wrong, apart from refusals of the domain.

use writ_contract::WebhookId;
use writ_egress::{SecretRefusal, UrlRefusal};
use writ_eventlog::ReaderError;
use writ_pg::PgError;

use crate::domain::UnknownTopic;
use crate::domain::endpoint::Refusal;
use writ_seal::SealError;

/// Everything a request or a loop can end with instead of its result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store's trouble.
    #[error(transparent)]
    Store(#[from] PgError),
    /// The log's trouble.
    #[error(transparent)]
    Log(#[from] ReaderError),
    /// A secret cannot be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
    /// One half of a loop ended before the other.
    #[error("the loop was taken apart")]
    Stopped,
    /// The organisation has no such endpoint.
    #[error("no webhook {0}")]
    NoSuchEndpoint(WebhookId),
    /// An `Idempotency-Key` under which something else was asked.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The domain said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The URL may not be called.
    #[error(transparent)]
    Url(#[from] UrlRefusal),
    /// The secret cannot sign.
    #[error(transparent)]
    Secret(#[from] SecretRefusal),
    /// Not a topic.
    #[error(transparent)]
    Topic(#[from] UnknownTopic),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

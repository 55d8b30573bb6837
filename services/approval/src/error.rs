//! What can go wrong.

use writ_chain::canonical::NotCanonical;
use writ_eventlog::{BodyError, PublishError, ReaderError};
use writ_pg::PgError;

use crate::domain::Refusal;

/// Trouble and refusals of the service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store's trouble.
    #[error(transparent)]
    Store(#[from] PgError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReaderError),
    /// A use is not known to be on the gate.
    #[error("use not recorded: {0}")]
    NotRecorded(#[from] PublishError),
    /// A body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A certificate could not be written.
    #[error("certificate not written: {0}")]
    Certificate(#[from] NotCanonical),
    /// This replica has not read all pauses yet.
    #[error("pauses are still being read")]
    Starting,
    /// No such request in the organisation.
    #[error("approval request not found")]
    NotFound,
    /// The request is at another version than the caller saw.
    #[error("the request is at version {found}")]
    Changed {
        /// Where it stands.
        found: u64,
    },
    /// An `Idempotency-Key` under which something else was asked.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The key may not act in the environment of the request.
    #[error("the key may not act in this environment")]
    Environment,
    /// The domain said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

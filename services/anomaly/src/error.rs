//! What can go wrong, apart from refusals.

use writ_eventlog::ReaderError;
use writ_pg::PgError;

/// What is refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such incident.
    #[error("no such incident")]
    NotFound,
    /// It has changed since the caller saw it.
    #[error("the incident is at version {0}")]
    VersionMismatch(u64),
    /// The key may not act where it happened.
    #[error("the key may not act in the environment of this incident")]
    Environment,
    /// The key was used for another request.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
}

/// Trouble of the service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store's trouble.
    #[error(transparent)]
    Store(#[from] PgError),
    /// A refusal.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log's trouble.
    #[error(transparent)]
    Log(#[from] ReaderError),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

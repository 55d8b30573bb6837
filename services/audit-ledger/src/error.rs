//! What can go wrong, apart from refusals.

use writ_eventlog::ReaderError;
use writ_pg::PgError;

/// Trouble of the service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store's trouble.
    #[error(transparent)]
    Store(#[from] PgError),
    /// The log's trouble.
    #[error(transparent)]
    Log(#[from] ReaderError),
    /// What the store holds about a log does not fit together: nothing may be signed over it.
    #[error("the stored state of {0} is damaged")]
    Damaged(String),
    /// The store has forgotten what was committed: everything is opened anew where it stands now.
    #[error("the store was set back: it no longer stands where {0} was read to")]
    SetBack(String),
    /// A stream has lost or changed what was read from it.
    #[error("{0} is not what was read from it")]
    StreamDamaged(String),
    /// The system gives no random bytes for a salt.
    #[error("no randomness")]
    Randomness,
}

impl Error {
    /// True when the store cannot hold a value of what was to be recorded.
    pub(crate) fn is_about_values(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_about_values())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

//! What can go wrong where there is something to tell the caller.

use tonic::Status;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is none.
    #[error("the endpoint cannot be used: {0}")]
    Endpoint(#[source] tonic::transport::Error),
    /// The key has characters that no key has.
    #[error("the key cannot be sent: it may have letters, digits and underscores")]
    Key,
    /// The server refused, or did not answer.
    #[error("{:?}: {}", .0.code(), .0.message())]
    Call(Box<Status>),
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(status))
    }
}

//! The one place where trouble becomes an answer.

use writ_service_kit::ApiError;

use crate::error::Error;

/// What a client is told.
pub(super) fn answer(error: Error) -> ApiError {
    match error {
        Error::Store(error) if error.is_transient() => {
            tracing::warn!(%error, "store is away");
            ApiError::unavailable("the store is not available").with_ref("ANO0001")
        }
        Error::Store(error) => ApiError::internal(&error),
        Error::Log(error) => {
            tracing::warn!(%error, "log is away");
            ApiError::unavailable("the log is not available").with_ref("ANO0002")
        }
    }
}

//! The one place where trouble becomes an answer.

use http::{HeaderValue, StatusCode, header};
use writ_service_kit::ApiError;

use crate::error::Error;

/// What a client is told.
pub(super) fn answer(error: Error) -> ApiError {
    match error {
        Error::Store(error) if error.is_transient() => {
            tracing::warn!(%error, "store is away");
            ApiError::unavailable("the store is not available").with_ref("AUD0001")
        }
        Error::Log(error) => {
            tracing::warn!(%error, "log is away");
            ApiError::unavailable("the log is not available").with_ref("AUD0002")
        }
        Error::Store(error) => ApiError::internal(&error),
        Error::Damaged(_) | Error::SetBack(_) | Error::StreamDamaged(_) | Error::Randomness => {
            ApiError::internal(&error)
        }
    }
}

/// What is asked for will be there in a moment.
pub(super) fn not_yet(what: &'static str) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "NOT_SEALED_YET", what)
        .with_ref("AUD0004")
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

/// Nothing of this organisation was sealed yet.
pub(super) fn nothing_sealed() -> ApiError {
    ApiError::not_found("checkpoint").with_ref("AUD0003")
}

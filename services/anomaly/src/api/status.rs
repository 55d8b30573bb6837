//! The one place where trouble becomes an answer.

use http::StatusCode;
use writ_service_kit::ApiError;

use crate::error::{Error, Refusal};

/// What a client is told.
pub(super) fn answer(error: Error) -> ApiError {
    match error {
        Error::Store(error) if error.is_transient() => {
            tracing::warn!(%error, "store is away");
            ApiError::unavailable("the store is not available").with_ref("ANO0001")
        }
        Error::Store(error) => ApiError::internal(&error),
        Error::Refused(refusal) => refused(&refusal),
        Error::Log(error) => {
            tracing::warn!(%error, "log is away");
            ApiError::unavailable("the log is not available").with_ref("ANO0002")
        }
    }
}

fn refused(refusal: &Refusal) -> ApiError {
    let (status, code, reference) = match refusal {
        Refusal::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND", "ANO0003"),
        Refusal::VersionMismatch(_) => (
            StatusCode::PRECONDITION_FAILED,
            "VERSION_MISMATCH",
            "ANO0004",
        ),
        Refusal::KeyReused => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "IDEMPOTENCY_KEY_REUSED",
            "ANO0005",
        ),
        Refusal::Environment => (StatusCode::FORBIDDEN, "ENVIRONMENT_FORBIDDEN", "ANO0006"),
    };
    ApiError::new(status, code, refusal.to_string()).with_ref(reference)
}

//! The one place where trouble and refusals become answers.

use http::StatusCode;
use writ_service_kit::ApiError;

use crate::domain::endpoint::Refusal;
use crate::error::Error;

/// What a client is told.
pub(super) fn answer(error: Error) -> ApiError {
    match error {
        Error::Store(error) if error.is_transient() => {
            tracing::warn!(%error, "store is away");
            ApiError::unavailable("the store is not available").with_ref("NOT0001")
        }
        Error::Log(error) => {
            tracing::warn!(%error, "log is away");
            ApiError::unavailable("the log is not available").with_ref("NOT0002")
        }
        Error::Store(error) => ApiError::internal(&error),
        Error::Seal(error) => ApiError::internal(&error),
        Error::Random(error) => ApiError::internal(&error),
        Error::Stopped => ApiError::internal(&error),
        Error::NoSuchEndpoint(_) => no_such_webhook(),
        Error::KeyReused => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "IDEMPOTENCY_KEY_REUSED",
            error.to_string(),
        )
        .with_ref("NOT0005"),
        Error::Url(refusal) => refused("INVALID_URL", &refusal).with_ref("NOT0003"),
        Error::Secret(refusal) => refused("INVALID_SECRET", &refusal),
        Error::Topic(refusal) => refused("INVALID_EVENT", &refusal),
        Error::Refused(refusal @ Refusal::NoTopics) => refused("INVALID_EVENT", &refusal),
        Error::Refused(refusal @ Refusal::TooMany) => {
            ApiError::conflict("TOO_MANY_WEBHOOKS", refusal.to_string()).with_ref("NOT0004")
        }
    }
}

pub(super) fn no_such_webhook() -> ApiError {
    ApiError::not_found("webhook")
}

fn refused(code: &'static str, refusal: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, refusal.to_string())
}

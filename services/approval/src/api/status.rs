//! The one place where trouble and refusals become an answer.

use http::StatusCode;
use writ_service_kit::ApiError;

use crate::domain::Refusal;
use crate::error::Error;

/// What a client is told.
pub(super) fn answer(error: Error) -> ApiError {
    match error {
        Error::Store(error) if error.is_transient() => away(&error, "APR0001"),
        Error::Store(error) => ApiError::internal(&error),
        Error::Log(error) => away(&error, "APR0002"),
        Error::NotRecorded(error) => away(&error, "APR0002"),
        Error::Body(error) => away(&error, "APR0002"),
        Error::Certificate(error) => ApiError::internal(&error),
        Error::Starting => away(&Error::Starting, "APR0003"),
        Error::NotFound => ApiError::not_found("approval request").with_ref("APR0004"),
        Error::Changed { found } => ApiError::new(
            StatusCode::PRECONDITION_FAILED,
            "VERSION_MISMATCH",
            format!("the request is at version {found}"),
        )
        .with_ref("APR0005"),
        Error::KeyReused => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "IDEMPOTENCY_KEY_REUSED",
            error.to_string(),
        )
        .with_ref("APR0010"),
        Error::Environment => ApiError::new(
            StatusCode::FORBIDDEN,
            "ENVIRONMENT_FORBIDDEN",
            "the key may not act in the environment of this request",
        )
        .with_ref("APR0006"),
        Error::Refused(refusal) => refused(refusal),
    }
}

fn away(error: &dyn std::fmt::Display, reference: &'static str) -> ApiError {
    tracing::warn!(%error, "not available");
    ApiError::unavailable("the service cannot tell right now, try again").with_ref(reference)
}

fn refused(refusal: Refusal) -> ApiError {
    let words = refusal.to_string();
    match refusal {
        Refusal::OwnRequest => {
            ApiError::new(StatusCode::FORBIDDEN, "OWN_REQUEST", words).with_ref("APR0007")
        }
        Refusal::AlreadyDecided => ApiError::conflict("ALREADY_DECIDED", words).with_ref("APR0008"),
        Refusal::Expired => ApiError::conflict("APPROVAL_EXPIRED", words).with_ref("APR0009"),
        // Verify answers these with 200 and a reason; no route decides by them.
        Refusal::StillWaiting
        | Refusal::Unanchored
        | Refusal::OtherRequester
        | Refusal::Mismatch
        | Refusal::NotYetValid
        | Refusal::CertificateExpired
        | Refusal::AlreadyUsed
        | Refusal::Tampered
        | Refusal::AgentPaused => ApiError::conflict("REFUSED", words),
    }
}

//! The one place where an error, or what was made, becomes an answer's status.

use axum::response::IntoResponse;
use http::StatusCode;
use writ_eventlog::PublishError;
use writ_pg::PgError;
use writ_service_kit::ApiError;

use crate::error::{Error, PrivacyRefusal, Refusal};

/// 201 for what is new; 200 for what the same request had made before.
pub(super) fn status_of(is_new: bool) -> StatusCode {
    if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Store(PgError::Away(cause)) => {
                tracing::warn!(error = %cause, "store is away");
                Self::unavailable("the store is not available, try again").with_ref("CTL0001")
            }
            Error::Store(PgError::Conflict { constraint }) => {
                tracing::info!(constraint, "lost a race");
                Self::conflict("CONFLICT", "somebody else changed this at the same time, try again")
                    .with_ref("CTL0002")
            }
            Error::Store(cause @ (PgError::Refused(_) | PgError::Fenced { .. })) => {
                Self::internal(&cause)
            }
            Error::Log(PublishError::Unknown) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "SWITCH_UNCONFIRMED",
                "the log did not acknowledge in time; the switch may have been turned: ask for its status",
            )
            .with_ref("CTL0003"),
            Error::Log(
                cause @ (PublishError::Unavailable(_)
                | PublishError::Refused(_)
                | PublishError::Conflict),
            ) => {
                tracing::warn!(error = %cause, "log is away");
                Self::unavailable("the log is not available; the switch was not turned")
                    .with_ref("CTL0004")
            }
            Error::CatchingUp => {
                Self::unavailable("still catching up with the log").with_ref("CTL0005")
            }
            Error::Bug(context) => Self::internal(&context),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, code, reference) = match &refusal {
            Refusal::AgentNotFound => (StatusCode::NOT_FOUND, "AGENT_NOT_FOUND", "CTL0101"),
            Refusal::AgentAmbiguous => (StatusCode::CONFLICT, "AGENT_AMBIGUOUS", "CTL0102"),
            Refusal::PauseNotFound => (StatusCode::NOT_FOUND, "PAUSE_NOT_FOUND", "CTL0117"),
            Refusal::PolicyNotFound => (StatusCode::NOT_FOUND, "POLICY_NOT_FOUND", "CTL0103"),
            Refusal::KeyNotFound => (StatusCode::NOT_FOUND, "KEY_NOT_FOUND", "CTL0104"),
            Refusal::MemberNotFound => (StatusCode::NOT_FOUND, "MEMBER_NOT_FOUND", "CTL0140"),
            Refusal::LastOwner => (StatusCode::CONFLICT, "LAST_OWNER", "CTL0141"),
            Refusal::MemberExists => (StatusCode::CONFLICT, "MEMBER_EXISTS", "CTL0142"),
            Refusal::Privacy(refusal) => privacy(*refusal),
            Refusal::IssuerNotFound => (StatusCode::NOT_FOUND, "ISSUER_NOT_FOUND", "CTL0143"),
            Refusal::IssuerExists => (StatusCode::CONFLICT, "ISSUER_EXISTS", "CTL0144"),
            Refusal::IssuerUnread(_) => (StatusCode::CONFLICT, "ISSUER_UNREAD", "CTL0145"),
            Refusal::OrganizationNotFound => {
                (StatusCode::NOT_FOUND, "ORGANIZATION_NOT_FOUND", "CTL0105")
            }
            Refusal::Invalid(_) => (StatusCode::BAD_REQUEST, "INVALID_REQUEST", "CTL0106"),
            Refusal::VersionMismatch { .. } => (
                StatusCode::PRECONDITION_FAILED,
                "VERSION_MISMATCH",
                "CTL0107",
            ),
            Refusal::NotOwned(_) => (StatusCode::FORBIDDEN, "NOT_OWNED", "CTL0108"),
            Refusal::RoleTooHigh(_) => (StatusCode::FORBIDDEN, "ROLE_TOO_HIGH", "CTL0109"),
            Refusal::Environment(_) => (StatusCode::FORBIDDEN, "ENVIRONMENT_FORBIDDEN", "CTL0110"),
            Refusal::PolicyCircle(_) => (StatusCode::CONFLICT, "POLICY_CIRCLE", "CTL0112"),
            Refusal::PolicyAwaited(_) => (StatusCode::CONFLICT, "POLICY_AWAITED", "CTL0113"),
            Refusal::ValidatorNotFound => (StatusCode::NOT_FOUND, "VALIDATOR_NOT_FOUND", "CTL0114"),
            Refusal::ValidatorInUse(_) => (StatusCode::CONFLICT, "VALIDATOR_IN_USE", "CTL0115"),
            Refusal::KeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "IDEMPOTENCY_KEY_REUSED",
                "CTL0116",
            ),
            Refusal::ExceptionNotFound => (StatusCode::NOT_FOUND, "EXCEPTION_NOT_FOUND", "CTL0125"),
            Refusal::PromptNotFound => {
                (StatusCode::NOT_FOUND, "PROMPT_VERSION_NOT_FOUND", "CTL0123")
            }
            Refusal::AgentVersionNotFound => {
                (StatusCode::NOT_FOUND, "AGENT_VERSION_NOT_FOUND", "CTL0124")
            }
            Refusal::PlanFixed { .. } => (StatusCode::FORBIDDEN, "PLAN_FIXED", "CTL0120"),
            Refusal::NotEnabled(_) => (StatusCode::CONFLICT, "NOT_ENABLED", "CTL0121"),
            Refusal::PlanLimit {
                resource,
                current,
                max,
                ..
            } => {
                return Self::quota_exceeded(resource, *current, *max, refusal.to_string())
                    .with_ref("CTL0122");
            }
            Refusal::GrantNotFound => (StatusCode::NOT_FOUND, "GRANT_NOT_FOUND", "CTL0130"),
            Refusal::DelegationNotFound => {
                (StatusCode::NOT_FOUND, "DELEGATION_NOT_FOUND", "CTL0131")
            }
            Refusal::AgentArchived => (StatusCode::CONFLICT, "AGENT_ARCHIVED", "CTL0132"),
            Refusal::Contended => (StatusCode::SERVICE_UNAVAILABLE, "CONTENDED", "CTL0111"),
        };
        Self::new(status, code, refusal.to_string()).with_ref(reference)
    }
}

fn privacy(refusal: PrivacyRefusal) -> (StatusCode, &'static str, &'static str) {
    match refusal {
        PrivacyRefusal::NotFound => (
            StatusCode::NOT_FOUND,
            "PRIVACY_REQUEST_NOT_FOUND",
            "CTL0150",
        ),
        PrivacyRefusal::Closed(_) => (StatusCode::CONFLICT, "PRIVACY_REQUEST_CLOSED", "CTL0151"),
        PrivacyRefusal::LegalHold => (StatusCode::CONFLICT, "LEGAL_HOLD", "CTL0152"),
        PrivacyRefusal::StillMember => (StatusCode::CONFLICT, "STILL_MEMBER", "CTL0153"),
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> axum::response::Response {
        ApiError::from(self).into_response()
    }
}

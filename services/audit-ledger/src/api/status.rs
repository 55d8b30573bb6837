//! The one place where trouble becomes an answer.

use http::{HeaderValue, StatusCode, header};
use writ_service_kit::ApiError;

use crate::domain::agent::NoAgent;
use crate::error::Error;

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        answer(error)
    }
}

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

/// No entry speaks of the agent that is asked about, or of several.
pub(super) fn no_agent(asked: &str, environment: Option<&str>, wrong: NoAgent) -> ApiError {
    let place = environment.map_or_else(String::new, |it| format!(" in {it}"));
    match wrong {
        NoAgent::Unknown => ApiError::new(
            StatusCode::NOT_FOUND,
            "AGENT_NOT_FOUND",
            format!("no entry speaks of an agent {asked}{place}: nothing can be said of it"),
        )
        .with_ref("AUD0005"),
        NoAgent::Several(places) => {
            let place = |(id, environment): (String, String)| match environment.as_str() {
                "" => id,
                environment => format!("{id} ({environment})"),
            };
            let places: Vec<String> = places.into_iter().map(place).collect();
            ApiError::conflict(
                "AGENT_AMBIGUOUS",
                format!(
                    "several agents are called {asked}: {}; say which by environment or by the UUID",
                    places.join(", ")
                ),
            )
            .with_ref("AUD0006")
        }
    }
}

/// Nothing of this organisation was sealed yet.
pub(super) fn nothing_sealed() -> ApiError {
    ApiError::not_found("checkpoint").with_ref("AUD0003")
}

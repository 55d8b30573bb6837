//! The one map from this service's errors to HTTP.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use writ_service_kit::ApiError;

use crate::domain::TRACES;
use crate::error::Error;

/// An error on its way out.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<clickhouse::error::Error> for Failure {
    fn from(error: clickhouse::error::Error) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        ApiError::from(self).into_response()
    }
}

impl From<Failure> for ApiError {
    fn from(Failure(error): Failure) -> Self {
        let public = error.to_string();
        let refused = |status| Self::new(status, error.code(), public.clone());
        let answer = match &error {
            Error::Quota(spent) => {
                Self::quota_exceeded(TRACES, spent.current, spent.max, public.clone())
            }
            Error::MediaType => refused(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Error::Environment(_) => refused(StatusCode::FORBIDDEN),
            Error::Body(_) | Error::Field(_) | Error::Parameter { .. } | Error::Draft(_) => {
                refused(StatusCode::BAD_REQUEST)
            }
            Error::Report(_) => refused(StatusCode::UNPROCESSABLE_ENTITY),
            Error::TooLarge(_) => refused(StatusCode::PAYLOAD_TOO_LARGE),
            Error::Suspended => refused(StatusCode::FORBIDDEN),
            Error::NotFound(_) => refused(StatusCode::NOT_FOUND),
            Error::Unsettled | Error::Overloaded => Self::unavailable(public.clone()),
            Error::Log(why) => {
                tracing::warn!(error = %why, "not stored");
                Self::unavailable("nothing can be stored at the moment")
            }
            Error::Store(why) => {
                tracing::warn!(error = %why, "read failed");
                Self::unavailable("traces and decisions cannot be read at the moment")
            }
        };
        answer.with_ref(error.reference())
    }
}

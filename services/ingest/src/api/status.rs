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
        let (status, message) = match &error {
            Error::Quota(spent) => {
                return Self::quota_exceeded(TRACES, spent.current, spent.max, public)
                    .with_ref(error.reference());
            }
            Error::Body(_) | Error::Parameter { .. } => (StatusCode::BAD_REQUEST, public),
            Error::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, public),
            Error::Suspended => (StatusCode::FORBIDDEN, public),
            Error::NotFound(_) => (StatusCode::NOT_FOUND, public),
            Error::Unsettled | Error::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, public),
            Error::Log(why) => {
                tracing::warn!(error = %why, "traces not stored");
                let message = "traces cannot be stored at the moment".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, message)
            }
            Error::Store(why) => {
                tracing::warn!(error = %why, "read failed");
                let message = "traces and decisions cannot be read at the moment".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, message)
            }
        };
        Self::new(status, error.code(), message).with_ref(error.reference())
    }
}

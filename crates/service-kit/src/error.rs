//! Errors as clients see them: `{"error":{"code","message","requestId","ref"?}}`.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;
use tonic_types::{ErrorDetails, StatusExt as _};

/// An answer that is not a success. The message is public: it never carries internal context.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// A stable word, e.g. `AGENT_PAUSED`.
    pub code: Cow<'static, str>,
    /// For the reader, in full sentences or fragments without secrets.
    pub message: Cow<'static, str>,
    /// The numbered id of `docs/errors`, e.g. `CTL0007`.
    pub reference: Option<&'static str>,
    /// Fields of `error` beside the usual ones.
    pub fields: Vec<(&'static str, serde_json::Value)>,
    /// Extra headers, e.g. `Retry-After`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// An error with a stable code.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (code, message) = (code.into(), message.into());
        Self {
            status,
            code,
            message,
            reference: None,
            fields: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// 400: the request does not say what it should.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", message)
    }

    /// 404 with the name of what was not found.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            format!("{what} not found"),
        )
    }

    /// 409 with a code of its own.
    pub fn conflict(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 402 as the SDK reads it: `current` of `max` of a plan's `resource` are used.
    pub fn quota_exceeded(
        resource: &'static str,
        current: u64,
        max: u64,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let fields = vec![
            ("resource", resource.into()),
            ("current", current.into()),
            ("max", max.into()),
        ];
        Self {
            fields,
            ..Self::new(StatusCode::PAYMENT_REQUIRED, "QUOTA_EXCEEDED", message)
        }
    }

    /// 503: a store or the broker is away; may be tried again in a second.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// 500: logs what happened and tells the client nothing of it.
    #[must_use]
    pub fn internal(context: &dyn std::fmt::Display) -> Self {
        tracing::error!(error = %context, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "internal error",
        )
    }

    /// Adds the numbered id of `docs/errors`.
    #[must_use]
    pub fn with_ref(mut self, reference: &'static str) -> Self {
        self.reference = Some(reference);
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The JSON body; without a request id the field is left out.
    #[must_use]
    pub fn body(&self, request_id: Option<&str>) -> serde_json::Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(fields) = error.as_object_mut() {
            if let Some(id) = request_id {
                fields.insert("requestId".to_owned(), id.into());
            }
            if let Some(reference) = self.reference {
                fields.insert("ref".to_owned(), reference.into());
            }
            let more = self.fields.iter();
            fields.extend(more.map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        json!({ "error": error })
    }

    /// The response, naming the request.
    #[must_use]
    pub fn render(&self, request_id: Option<&str>) -> Response {
        let body = self.body(request_id).to_string();
        let mut response = (
            self.status,
            [(header::CONTENT_TYPE, "application/json")],
            body,
        )
            .into_response();
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}

impl IntoResponse for ApiError {
    /// The error rides along as an extension, so that the outermost layer can add the request id.
    fn into_response(self) -> Response {
        let mut response = self.render(None);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ApiError> for tonic::Status {
    /// With a `google.rpc.ErrorInfo`: the stable word as `reason`, the numbered id as `ref`.
    fn from(error: ApiError) -> Self {
        let reference = error.reference.iter();
        let more = reference.map(|it| ("ref".to_owned(), (*it).to_owned()));
        let word = error.code.to_string();
        let details = ErrorDetails::with_error_info(word, "writ", more.collect::<HashMap<_, _>>());
        let message = format!("{}: {}", error.code, error.message);
        tonic::Status::with_error_details(grpc_code(error.status), message, details)
    }
}

/// The gRPC code nearest to an HTTP status (google.rpc.Code).
fn grpc_code(status: StatusCode) -> tonic::Code {
    match status.as_u16() {
        400 | 413 | 415 | 422 => tonic::Code::InvalidArgument,
        401 => tonic::Code::Unauthenticated,
        403 => tonic::Code::PermissionDenied,
        404 | 405 => tonic::Code::NotFound,
        409 => tonic::Code::Aborted,
        412 | 428 => tonic::Code::FailedPrecondition,
        402 | 429 => tonic::Code::ResourceExhausted,
        501 => tonic::Code::Unimplemented,
        502..=504 => tonic::Code::Unavailable,
        _ => tonic::Code::Internal,
    }
}

//! What every response gets: a request id, security headers, and JSON instead of plain errors.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use uuid::Uuid;

use crate::error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, honoured from `x-request-id` or new; an extension of the request.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

pub(super) async fn dress(mut request: Request, next: Next) -> Response {
    let id = honoured(request.headers()).unwrap_or_else(|| Uuid::now_v7().to_string());
    request.extensions_mut().insert(RequestId(id.clone()));
    // Known to be abused to slip past middleware elsewhere; never passed on.
    request.headers_mut().remove("x-middleware-subrequest");
    let path = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let started = Instant::now();
    let mut response = finish(next.run(request).await, &id).await;
    let labels = [
        ("method", method.to_string()),
        (
            "path",
            path.map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned()),
        ),
        ("status", response.status().as_u16().to_string()),
    ];
    metrics::histogram!("writ_http_request_seconds", &labels).record(started.elapsed());
    secure(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The caller's id when it is short and plain; anything else could forge log lines.
fn honoured(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (!id.is_empty() && id.len() <= 128 && id.chars().all(plain)).then(|| id.to_owned())
}

/// Gives errors their body: our own with the request id, the framework's plain ones as JSON.
async fn finish(response: Response, id: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    if let Some(error) = response.extensions().get::<ApiError>() {
        let error = error.clone();
        let (parts, _) = response.into_parts();
        let mut rendered = error.render(Some(id));
        for (name, value) in &parts.headers {
            if !rendered.headers().contains_key(name) && name != header::CONTENT_LENGTH {
                rendered.headers_mut().append(name, value.clone());
            }
        }
        return rendered;
    }
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    match kind {
        Some(kind) if !kind.starts_with("text/plain") => response,
        _ => plain(response, status).await.render(Some(id)),
    }
}

async fn plain(response: Response, status: StatusCode) -> ApiError {
    let (parts, body) = response.into_parts();
    let text = Limited::new(body, 4_096)
        .collect()
        .await
        .map(|body| body.to_bytes());
    let text = text
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let code = match status {
        StatusCode::BAD_REQUEST => "INVALID_REQUEST".to_owned(),
        _ => status
            .canonical_reason()
            .unwrap_or("ERROR")
            .to_uppercase()
            .replace(' ', "_"),
    };
    let message = if text.is_empty() || status.is_server_error() {
        status.canonical_reason().unwrap_or("error").to_lowercase()
    } else {
        text
    };
    let mut error = ApiError::new(status, code, message);
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        error = error.with_header(header::ALLOW, allow.clone());
    }
    error
}

/// Headers the product promises; a route that needs another policy sets its own first.
fn secure(headers: &mut HeaderMap) {
    const ALWAYS: [(HeaderName, &str); 5] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=63072000; includeSubDomains; preload",
        ),
    ];
    for (name, value) in ALWAYS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

//! `GET /health`: up, and whether the credentials that came with the question hold.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::Serialize;
use writ_service_kit::routes::Attempt;

/// The server answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Health {
    /// Always `ok`.
    status: &'static str,
}

pub(super) async fn health(Attempt(attempt): Attempt, headers: HeaderMap) -> Response {
    let given = headers.contains_key(header::AUTHORIZATION) || headers.contains_key("x-api-key");
    match attempt {
        Err(refused) if given => refused.into_response(),
        Ok(_) | Err(_) => Json(Health { status: "ok" }).into_response(),
    }
}

//! Traces in.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use writ_contract::OrgId;
use writ_service_kit::ApiError;
use writ_service_kit::json::Data;
use writ_service_kit::openapi::Part;
use writ_service_kit::routes::Authed;

use super::Api;
use super::shape::{Counts, Ingested, RefusedTrace};
use super::status::Failure;
use crate::domain::Refused;
use crate::intake::{Source, Taken};
use crate::publishers::Sent;

/// The body as it came, whatever content type it says it has.
pub(super) struct Body(pub(super) Bytes);

impl Part for Body {}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self)
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "BODY_TOO_LARGE",
                    "body is too large",
                )
                .with_ref("ING0103"),
                _ => ApiError::invalid("body could not be read").with_ref("ING0101"),
            })
    }
}

/// `POST /traces/ingest`: 202 once everything that is not refused is stored on the log. Refusals are
/// listed at the top level of the body, where the SDK looks for them.
pub(super) async fn ingest(
    State(api): State<Api>,
    Authed(caller): Authed,
    Body(body): Body,
) -> Result<Response, Failure> {
    let source = Source::of(caller, "rest");
    let taken = api.intake.take(&source, &body).await?;
    Ok((StatusCode::ACCEPTED, Json(answer(&taken))).into_response())
}

/// `GET /traces/publishers`: what outside NATS publishers of the organisation sent to this replica
/// since it started.
pub(super) async fn publishers(State(api): State<Api>, Authed(caller): Authed) -> Json<Data<Sent>> {
    Json(Data {
        data: api.tally.of(OrgId(caller.org_id())),
    })
}

fn answer(taken: &Taken) -> Ingested {
    Ingested {
        data: Counts {
            accepted: taken.accepted,
            rejected: taken.refused.len(),
        },
        errors: taken.refused.iter().map(refused).collect(),
    }
}

/// One entry for each refused trace.
pub(crate) fn errors(of: &[Refused]) -> Value {
    json!(of.iter().map(refused).collect::<Vec<_>>())
}

fn refused(refused: &Refused) -> RefusedTrace {
    RefusedTrace {
        trace_id: refused.trace_id.clone(),
        index: refused.index,
        code: refused.refusal.code(),
        r#ref: refused.refusal.reference(),
        error: refused.refusal.to_string(),
    }
}

//! OTLP: traces as OpenTelemetry's exporters and the SDK's `otlp` mode send them.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prost::Message as _;
use tonic::Status;
use writ_service_kit::json::{DEPTH, check_depth, sanitize};
use writ_service_kit::routes::Authed;
use writ_service_kit::{ApiError, grpc};

use super::Api;
use super::ingest::Body;
use super::status::Failure;
use crate::domain::NotTraces;
use crate::error::Error;
use crate::intake::{Source, Taken};
use crate::otlp;
use crate::otlp::collector::trace_service_server::TraceService;
use crate::otlp::collector::{ExportTraceServiceRequest, ExportTraceServiceResponse};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// How a request is written, and its answer too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Protobuf,
    Json,
}

/// `POST /v1/traces`: 200 once every span that is not refused is stored on the log; refused ones are
/// a partial success.
pub(super) async fn export(
    State(api): State<Api>,
    Authed(caller): Authed,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Failure> {
    let form = Form::of(&headers)?;
    let request = form.read(&body).map_err(Error::Body)?;
    let taken = take(&api, caller, &request).await?;
    form.write(&otlp::answer(&taken))
}

async fn take(
    api: &Api,
    caller: writ_access::Caller,
    request: &ExportTraceServiceRequest,
) -> Result<Taken, Error> {
    let source = Source::of(caller, "otlp");
    api.intake
        .take(&source, otlp::traces(request).as_bytes())
        .await
}

impl Form {
    fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let named = headers.get(header::CONTENT_TYPE);
        let named = named
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        match named.split(';').next().map(str::trim) {
            Some(PROTOBUF) => Ok(Self::Protobuf),
            Some(JSON) => Ok(Self::Json),
            Some(_) | None => Err(Error::MediaType),
        }
    }

    fn read(self, body: &[u8]) -> Result<ExportTraceServiceRequest, NotTraces> {
        let malformed = |why: &dyn std::fmt::Display| NotTraces::Malformed(why.to_string());
        match self {
            Self::Protobuf => ExportTraceServiceRequest::decode(body)
                .map_err(|wrong| NotTraces::Export(wrong.to_string())),
            Self::Json => {
                let text = sanitize(body);
                check_depth(&text, DEPTH).map_err(|deep| malformed(&deep))?;
                serde_json::from_slice(&text).map_err(|wrong| malformed(&wrong))
            }
        }
    }

    fn write(self, answer: &ExportTraceServiceResponse) -> Result<Response, Failure> {
        let (named, body) = match self {
            Self::Protobuf => (PROTOBUF, answer.encode_to_vec()),
            Self::Json => {
                let told = answer.partial_success.as_ref().map(|partial| {
                    serde_json::json!({
                        "rejectedSpans": partial.rejected_spans.to_string(),
                        "errorMessage": partial.error_message,
                    })
                });
                let body = serde_json::json!({ "partialSuccess": told.unwrap_or_else(|| serde_json::json!({})) });
                (JSON, body.to_string().into_bytes())
            }
        };
        let named = [(header::CONTENT_TYPE, HeaderValue::from_static(named))];
        Ok((StatusCode::OK, named, body).into_response())
    }
}

#[tonic::async_trait]
impl TraceService for Api {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        let caller = grpc::caller(&request)?;
        let taken = take(self, caller, request.get_ref()).await;
        let taken = taken.map_err(|error| ApiError::from(Failure(error)))?;
        Ok(tonic::Response::new(otlp::answer(&taken)))
    }
}

//! OTLP spans in the JSON of the contract: the same way in as every other edge.
//!
//! Three vocabularies are read: the SDK's own `Execlave.*`, OpenTelemetry's `gen_ai.*` (current, and
//! as it was up to 1.36) and OpenInference. What none of them names stays in `metadata`, as sent.

mod attributes;
mod messages;
mod span;

pub(crate) use opentelemetry_proto::tonic::collector::trace::v1 as collector;

use collector::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse};
use serde_json::{Value, json};

use crate::intake::Taken;

/// Refusals that are told in words; the rest is counted.
const TOLD: usize = 10;

/// The spans of a request as `{"traces": […]}`, in order.
pub(crate) fn traces(request: &ExportTraceServiceRequest) -> String {
    let mut traces: Vec<Value> = Vec::new();
    for resource in &request.resource_spans {
        let resource_attributes = resource
            .resource
            .as_ref()
            .map(|it| it.attributes.as_slice());
        let resource_attributes = attributes::object(resource_attributes.unwrap_or_default());
        for scope in &resource.scope_spans {
            let read = |span| span::trace(span, scope.scope.as_ref(), &resource_attributes);
            traces.extend(scope.spans.iter().map(read));
        }
    }
    json!({ "traces": traces }).to_string()
}

/// What is answered: how many spans were refused, and why.
pub(crate) fn answer(taken: &Taken) -> ExportTraceServiceResponse {
    if taken.refused.is_empty() {
        return ExportTraceServiceResponse::default();
    }
    let told = taken.refused.iter().take(TOLD).map(|refused| {
        let id = refused.trace_id.as_deref().unwrap_or("?");
        format!("{id}: {}: {}", refused.refusal.code(), refused.refusal)
    });
    let mut message = told.collect::<Vec<_>>().join("; ");
    if taken.refused.len() > TOLD {
        message += &format!("; and {} more", taken.refused.len() - TOLD);
    }
    let rejected_spans = i64::try_from(taken.refused.len()).unwrap_or(i64::MAX);
    ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans,
            error_message: message,
        }),
    }
}

//! The shape of what is ingested. Traces are read field by field, so that one that is wrong does not
//! take the others with it.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// Up to some hundred traces.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "described, not built")]
pub(super) struct Chunk {
    traces: Vec<Trace>,
}

/// One span of work of an agent. Fields that are not listed are kept.
#[derive(JsonSchema)]
#[schemars(rename = "TraceBody", rename_all = "camelCase")]
#[expect(dead_code, reason = "described, not built")]
struct Trace {
    trace_id: String,
    /// The application's own id of the agent, or its UUID.
    agent_id: String,
    parent_trace_id: Option<String>,
    /// `production` when absent.
    environment: Option<String>,
    session_id: Option<String>,
    user_id: Option<String>,
    /// When it began; now when absent.
    timestamp: Option<DateTime<Utc>>,
    duration_ms: Option<u64>,
    status: Option<String>,
    span_type: Option<String>,
    model_name: Option<String>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    cost_usd: Option<f64>,
    error_type: Option<String>,
    error_message: Option<String>,
    /// Any JSON.
    input: Option<Value>,
    /// Any JSON.
    output: Option<Value>,
    tags: Option<Vec<String>>,
    /// `spanId`, `parentSpanId`, `spanKind`, `spanName`, `toolName`, `enforcement`, and your own.
    metadata: Option<Map<String, Value>>,
    /// What proves that the act had its effect.
    effect_evidence: Option<Value>,
    /// The agent's credential, checked and not kept.
    agent_credential: Option<String>,
}

/// What became of a chunk of traces.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Ingested {
    pub(super) data: Counts,
    /// One entry for each refused trace; absent when there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<RefusedTrace>,
}

/// How many traces were taken.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IngestCounts")]
pub(super) struct Counts {
    pub(super) accepted: usize,
    pub(super) rejected: usize,
}

/// A trace that was not taken, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefusedTrace {
    pub(super) trace_id: Option<String>,
    /// Its place in the chunk, from 0.
    pub(super) index: usize,
    pub(super) code: &'static str,
    /// The numbered page of docs/errors.
    pub(super) r#ref: &'static str,
    pub(super) error: String,
}

/// `ExportTraceServiceRequest` of opentelemetry-proto.
#[derive(JsonSchema)]
#[schemars(rename = "OtlpExport", rename_all = "camelCase")]
#[expect(dead_code, reason = "described, not built")]
pub(super) struct Export {
    resource_spans: Option<Vec<Map<String, Value>>>,
}

/// `ExportTraceServiceResponse` of opentelemetry-proto.
#[derive(JsonSchema)]
#[schemars(rename = "OtlpExported", rename_all = "camelCase")]
#[expect(dead_code, reason = "described, not built")]
pub(super) struct Exported {
    partial_success: Map<String, Value>,
}

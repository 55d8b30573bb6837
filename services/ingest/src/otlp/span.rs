//! One span as one trace object.

use chrono::{DateTime, SecondsFormat};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::{Map, Value, json};

use super::attributes::{Attributes, object};
use super::messages::{INPUT, OUTPUT};

/// Part of the caller's key, which is no data.
const KEY_PREFIX: &str = "Execlave.api_key_prefix";

/// Fields of texts, each by the names it may have, best first.
const TEXTS: [(&str, &[&str]); 9] = [
    (
        "agentId",
        &[
            "Execlave.agent_id",
            "Execlave.agent_uuid",
            "gen_ai.agent.id",
            "gen_ai.agent.name",
            "agent.name",
            "service.name",
        ],
    ),
    (
        "sessionId",
        &[
            "Execlave.session_id",
            "gen_ai.conversation.id",
            "session.id",
        ],
    ),
    ("userId", &["enduser.id", "user.id"]),
    (
        "environment",
        &["deployment.environment", "deployment.environment.name"],
    ),
    (
        "modelName",
        &[
            "gen_ai.request.model",
            "gen_ai.response.model",
            "llm.model_name",
            "embedding.model_name",
        ],
    ),
    ("spanType", &["Execlave.span_type"]),
    ("errorMessage", &["error.message", "exception.message"]),
    ("errorType", &["error.type", "exception.type"]),
    ("status", &["Execlave.status"]),
];

const NUMBERS: [(&str, &[&str]); 5] = [
    ("durationMs", &["Execlave.duration_ms"]),
    (
        "promptTokens",
        &[
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
        ],
    ),
    (
        "completionTokens",
        &[
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
        ],
    ),
    (
        "totalTokens",
        &["gen_ai.usage.total_tokens", "llm.token_count.total"],
    ),
    ("costUsd", &["Execlave.cost_usd", "llm.cost.total"]),
];

const DECISION: &[&str] = &["writ.decision.id"];
const TOOL: &[&str] = &["gen_ai.tool.name", "tool.name"];
const NAME: &[&str] = &["Execlave.span_name"];
const TAGS: &[&str] = &["tag.tags"];
const TRACE: &[&str] = &["Execlave.trace_id"];

/// The span in the JSON of the contract. Its identity is the SDK's trace id, else OpenTelemetry's,
/// with the span id.
pub(super) fn trace(
    span: &Span,
    scope: Option<&InstrumentationScope>,
    resource: &Map<String, Value>,
) -> Value {
    let mut attributes = Attributes::of(&span.attributes, resource);
    let mut trace = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            trace.insert(name.to_owned(), value);
        }
    };
    let own_id = (!span.trace_id.is_empty()).then(|| hex::encode(&span.trace_id).into());
    put("traceId", attributes.text(TRACE).or(own_id));
    put("timestamp", started(span));
    put("durationMs", took(span));
    put("status", Some(status(span).into()));
    put("errorMessage", described(span));
    for event in span.events.iter().filter(|event| event.name == "exception") {
        exception(event, &mut put);
    }
    let kind = kind(&attributes);
    for (field, names) in TEXTS {
        put(field, attributes.text(names));
    }
    for (field, names) in NUMBERS {
        put(field, attributes.number(names));
    }
    put("input", INPUT.take(&mut attributes, span));
    put("output", OUTPUT.take(&mut attributes, span));
    put("tags", attributes.any(TAGS).filter(Value::is_array));
    let metadata = metadata(span, scope, kind, attributes, resource);
    put("metadata", Some(metadata));
    total(&mut trace);
    trace.into()
}

/// What the vocabularies have no field for, beside the span's place in its trace.
fn metadata(
    span: &Span,
    scope: Option<&InstrumentationScope>,
    kind: Option<&'static str>,
    mut attributes: Attributes<'_>,
    resource: &Map<String, Value>,
) -> Value {
    let id = |bytes: &[u8]| (!bytes.is_empty()).then(|| Value::from(hex::encode(bytes)));
    let name = attributes
        .text(NAME)
        .unwrap_or_else(|| span.name.as_str().into());
    let decision = attributes.text(DECISION).and_then(|id| {
        let id = id.as_str()?.to_owned();
        Some(json!({ "source": format!("writ:{id}") }))
    });
    let mut resource = resource.clone();
    resource.remove(KEY_PREFIX);
    let events: Vec<Value> = span.events.iter().map(event).collect();
    let scope = scope.map(|it| json!({ "name": it.name, "version": it.version }));
    let tool = attributes.text(TOOL);
    let fields = [
        ("spanId", id(&span.span_id)),
        ("parentSpanId", id(&span.parent_span_id)),
        ("spanKind", kind.map(Value::from)),
        ("spanName", Some(name)),
        ("toolName", tool),
        ("enforcement", decision),
        ("otelTraceId", id(&span.trace_id)),
        ("scope", scope),
        (
            "attributes",
            (!attributes.own.is_empty()).then(|| attributes.own.into()),
        ),
        ("resource", (!resource.is_empty()).then(|| resource.into())),
        ("events", (!events.is_empty()).then(|| events.into())),
    ];
    let fields = fields.into_iter();
    let fields = fields.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    fields.collect::<Map<_, _>>().into()
}

/// The kind of work, in the words of the contract.
fn kind(attributes: &Attributes<'_>) -> Option<&'static str> {
    let text = |name: &str| attributes.own.get(name).and_then(Value::as_str);
    let operation = text("gen_ai.operation.name").and_then(|name| match name {
        "chat" | "text_completion" | "generate_content" | "completion" => Some("llm"),
        "execute_tool" => Some("tool"),
        "create_agent" | "invoke_agent" => Some("agent"),
        "invoke_workflow" => Some("chain"),
        "retrieval" => Some("retriever"),
        "embeddings" => Some("embedding"),
        _ => None,
    });
    operation.or_else(|| match text("openinference.span.kind")? {
        "LLM" => Some("llm"),
        "TOOL" => Some("tool"),
        "AGENT" => Some("agent"),
        "CHAIN" => Some("chain"),
        "RETRIEVER" => Some("retriever"),
        "RERANKER" => Some("reranker"),
        "EMBEDDING" => Some("embedding"),
        "GUARDRAIL" => Some("guardrail"),
        "EVALUATOR" => Some("evaluator"),
        _ => None,
    })
}

fn status(span: &Span) -> &'static str {
    let failed =
        |status: &opentelemetry_proto::tonic::trace::v1::Status| status.code() == StatusCode::Error;
    if span.status.as_ref().is_some_and(failed) {
        "error"
    } else {
        "success"
    }
}

fn described(span: &Span) -> Option<Value> {
    let message = span.status.as_ref().map(|status| status.message.as_str());
    message.filter(|text| !text.is_empty()).map(Value::from)
}

fn exception(event: &Event, put: &mut impl FnMut(&str, Option<Value>)) {
    let mut told = object(&event.attributes);
    put(
        "errorMessage",
        told.remove("exception.message").filter(Value::is_string),
    );
    put(
        "errorType",
        told.remove("exception.type").filter(Value::is_string),
    );
}

fn event(event: &Event) -> Value {
    json!({
        "name": event.name,
        "time": time(event.time_unix_nano),
        "attributes": object(&event.attributes),
    })
}

fn started(span: &Span) -> Option<Value> {
    (span.start_time_unix_nano > 0).then(|| time(span.start_time_unix_nano))
}

fn took(span: &Span) -> Option<Value> {
    let nanos = span
        .end_time_unix_nano
        .checked_sub(span.start_time_unix_nano)?;
    (span.start_time_unix_nano > 0).then(|| (nanos / 1_000_000).into())
}

fn time(nanos: u64) -> Value {
    let at = DateTime::from_timestamp_nanos(i64::try_from(nanos).unwrap_or(i64::MAX));
    at.to_rfc3339_opts(SecondsFormat::Millis, true).into()
}

/// The current conventions leave the sum to the reader.
fn total(trace: &mut Map<String, Value>) {
    let count = |name: &str| trace.get(name).and_then(Value::as_u64);
    if count("totalTokens").is_some() {
        return;
    }
    if let (Some(prompt), Some(completion)) = (count("promptTokens"), count("completionTokens")) {
        let total = prompt.saturating_add(completion);
        trace.insert("totalTokens".to_owned(), total.into());
    }
}

#[cfg(test)]
mod tests;

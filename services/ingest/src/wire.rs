//! The messages of `proto/writ/v1/trace.proto`, and what they are in the JSON of the contract: one
//! form behind every edge.

use chrono::{DateTime, SecondsFormat};
use prost_types::value::Kind;
use prost_types::{Struct, Timestamp};
use serde_json::{Map, Value};

/// As generated.
#[allow(
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/writ/v1"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/writ.v1.rs"));
}

pub(crate) use generated::trace_service_server::{TraceService, TraceServiceServer};
pub(crate) use generated::{
    IngestTracesRequest, IngestTracesResponse, RefusedTrace, StreamTracesRequest,
    StreamTracesResponse, Trace,
};

/// Encoded descriptors, for reflection.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/trace.bin"));

/// Whole numbers up to here have one form as a double.
const WHOLE: f64 = 9_007_199_254_740_992.0;

impl IngestTracesRequest {
    /// The request as `{"traces": […]}`.
    pub(crate) fn to_json(&self) -> String {
        let traces: Vec<Value> = self.traces.iter().map(Trace::to_json).collect();
        serde_json::json!({ "traces": traces }).to_string()
    }
}

impl Trace {
    fn to_json(&self) -> Value {
        let texts = [
            ("traceId", &self.trace_id),
            ("agentId", &self.agent_id),
            ("sessionId", &self.session_id),
            ("userId", &self.user_id),
            ("status", &self.status),
            ("modelName", &self.model_name),
            ("errorMessage", &self.error_message),
            ("errorType", &self.error_type),
            ("environment", &self.environment),
            ("parentTraceId", &self.parent_trace_id),
            ("spanType", &self.span_type),
        ];
        let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
        let numbers = [
            ("durationMs", self.duration_ms),
            ("promptTokens", self.prompt_tokens),
            ("completionTokens", self.completion_tokens),
            ("totalTokens", self.total_tokens),
        ];
        let others = [
            ("timestamp", self.timestamp.as_ref().map(time)),
            ("costUsd", self.cost_usd.map(number)),
            ("input", self.input.as_ref().map(value)),
            ("output", self.output.as_ref().map(value)),
            ("metadata", self.metadata.as_ref().map(object)),
            ("effectEvidence", self.effect_evidence.as_ref().map(object)),
            (
                "tags",
                (!self.tags.is_empty()).then(|| self.tags.clone().into()),
            ),
        ];
        let texts = texts.map(|(name, text)| (name, Value::from(text.as_str())));
        let numbers = numbers
            .into_iter()
            .filter_map(|(name, n)| Some((name, Value::from(n?))));
        let others = others
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let fields = texts.chain(numbers).chain(others);
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// What is no time becomes a text that is refused as one.
fn time(time: &Timestamp) -> Value {
    let nanos = u32::try_from(time.nanos).unwrap_or(u32::MAX);
    let shown = DateTime::from_timestamp(time.seconds, nanos)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
    shown.unwrap_or_else(|| "out of range".to_owned()).into()
}

fn value(from: &prost_types::Value) -> Value {
    match &from.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::NumberValue(n)) => number(*n),
        Some(Kind::StringValue(text)) => text.as_str().into(),
        Some(Kind::BoolValue(yes)) => (*yes).into(),
        Some(Kind::StructValue(fields)) => object(fields),
        Some(Kind::ListValue(list)) => list.values.iter().map(value).collect(),
    }
}

fn object(from: &Struct) -> Value {
    let fields = from
        .fields
        .iter()
        .map(|(name, field)| (name.clone(), value(field)));
    fields.collect::<Map<_, _>>().into()
}

/// Protobuf's values know only doubles; a whole one is written without a fraction. What JSON has no
/// number for becomes a text that is refused as one.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
fn number(n: f64) -> Value {
    if n.fract() == 0.0 && n.abs() <= WHOLE {
        (n as i64).into()
    } else if n.is_finite() {
        n.into()
    } else {
        n.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_the_same_json_says() {
        let kind = |kind| prost_types::Value { kind: Some(kind) };
        let list = prost_types::ListValue {
            values: vec![kind(Kind::NumberValue(2.0)), kind(Kind::NumberValue(0.5))],
        };
        let metadata = Struct {
            fields: [("spanId".to_owned(), kind(Kind::StringValue("sp_1".into())))].into(),
        };
        let trace = Trace {
            trace_id: "t".into(),
            agent_id: "a".into(),
            timestamp: Some(Timestamp {
                seconds: 1_767_225_601,
                nanos: 500_000_000,
            }),
            duration_ms: Some(5),
            cost_usd: Some(0.25),
            input: Some(kind(Kind::ListValue(list))),
            metadata: Some(metadata),
            ..Trace::default()
        };
        let expected = serde_json::json!({
            "traceId": "t", "agentId": "a", "timestamp": "2026-01-01T00:00:01.500Z",
            "durationMs": 5, "costUsd": 0.25, "input": [2, 0.5], "metadata": { "spanId": "sp_1" },
        });
        assert_eq!(trace.to_json(), expected);
    }

    #[test]
    fn what_json_cannot_say_is_refused_later_not_dropped() {
        assert_eq!(number(f64::NAN), Value::from("NaN"));
        let late = Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        };
        assert_eq!(time(&late), Value::from("out of range"));
    }
}

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde_json::{Value, json};

use crate::domain::Trace;

/// The one span of a request in OTLP's JSON, as a trace.
fn trace(span: Value, resource: Value) -> Value {
    let request = json!({ "resourceSpans": [{
        "resource": { "attributes": attributes(&resource) },
        "scopeSpans": [{ "scope": { "name": "s", "version": "1" }, "spans": [span] }],
    }] });
    let request: ExportTraceServiceRequest = serde_json::from_value(request).unwrap();
    let traces: Value = serde_json::from_str(&crate::otlp::traces(&request)).unwrap();
    let trace = traces["traces"][0].clone();
    Trace::read(&trace.to_string()).expect("it is a trace of the contract");
    trace
}

fn span(own: Value) -> Value {
    json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
        "parentSpanId": "00f067aa0ba902b7", "name": "work", "kind": 1,
        "startTimeUnixNano": "1767225601500000000", "endTimeUnixNano": "1767225601512000000",
        "attributes": attributes(&own), "status": {},
    })
}

fn attributes(of: &Value) -> Value {
    of.as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": any(value) }))
        .collect()
}

fn any(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::Array(list) => {
            json!({ "arrayValue": { "values": list.iter().map(any).collect::<Value>() } })
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => json!({ "boolValue": value }),
    }
}

#[test]
fn the_attributes_of_the_sdk_are_the_fields_they_came_from() {
    let own = json!({
        "Execlave.trace_id": "tr_1", "Execlave.agent_id": "bot", "Execlave.session_id": "s",
        "deployment.environment": "staging", "gen_ai.request.model": "gpt-4o",
        "Execlave.status": "timeout", "Execlave.duration_ms": 1500, "Execlave.span_type": "x",
        "error.message": "late", "error.type": "T", "enduser.id": "u",
        "gen_ai.usage.prompt_tokens": 3, "gen_ai.usage.completion_tokens": 4,
        "gen_ai.usage.total_tokens": 7, "Execlave.cost_usd": 0.25,
        "gen_ai.prompt": "[1, 'a']", "gen_ai.completion": "out",
    });
    let resource =
        json!({ "service.name": "Execlave-staging", "Execlave.api_key_prefix": "ag_12345..." });
    let read = trace(span(own), resource);
    for (field, expected) in [
        ("traceId", json!("tr_1")),
        ("agentId", json!("bot")),
        ("sessionId", json!("s")),
        ("environment", json!("staging")),
        ("modelName", json!("gpt-4o")),
        ("status", json!("timeout")),
        ("durationMs", json!(1500)),
        ("timestamp", json!("2026-01-01T00:00:01.500Z")),
        ("spanType", json!("x")),
        ("errorMessage", json!("late")),
        ("errorType", json!("T")),
        ("userId", json!("u")),
        ("promptTokens", json!(3)),
        ("completionTokens", json!(4)),
        ("totalTokens", json!(7)),
        ("costUsd", json!(0.25)),
        ("input", json!("[1, 'a']")),
        ("output", json!("out")),
    ] {
        assert_eq!(read[field], expected, "{field}");
    }
    assert_eq!(read["metadata"]["spanId"], "b7ad6b7169203331");
    assert!(!read.to_string().contains("ag_12345"), "{read}");
    assert_eq!(read["metadata"]["attributes"], Value::Null);
}

#[test]
fn current_conventions_and_those_up_to_1_36_say_the_same() {
    let current = json!({
        "gen_ai.operation.name": "chat", "gen_ai.agent.name": "bot",
        "gen_ai.conversation.id": "s", "gen_ai.response.model": "m",
        "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4,
        "gen_ai.input.messages": r#"[{"role":"user"}]"#, "gen_ai.output.messages": "[]",
        "deployment.environment.name": "staging",
    });
    let mut older = span(json!({
        "gen_ai.operation.name": "chat", "gen_ai.agent.id": "bot",
        "gen_ai.request.model": "m", "gen_ai.usage.prompt_tokens": 3,
        "gen_ai.usage.completion_tokens": 4, "session.id": "s",
    }));
    let message = json!({ "name": "gen_ai.user.message", "timeUnixNano": "1",
        "attributes": attributes(&json!({ "role": "user" })) });
    older["events"] = json!([message]);
    let resource = json!({ "deployment.environment": "staging" });
    let (current, older) = (trace(span(current), json!({})), trace(older, resource));
    for field in [
        "agentId",
        "sessionId",
        "modelName",
        "promptTokens",
        "completionTokens",
        "totalTokens",
        "environment",
        "input",
    ] {
        assert_eq!(current[field], older[field], "{field}");
        assert!(!current[field].is_null(), "{field}");
    }
    assert_eq!(current["totalTokens"], 7);
    assert_eq!(current["input"], json!([{ "role": "user" }]));
    assert_eq!(older["metadata"]["spanKind"], "llm");
    let read = trace(
        span(
            json!({ "gen_ai.agent.id": "b", "gen_ai.prompt.1.content": "y",
        "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "x" }),
        ),
        json!({}),
    );
    assert_eq!(
        read["input"],
        json!([{ "role": "user", "content": "x" }, { "content": "y" }])
    );
}

#[test]
fn open_inference_is_read_too() {
    let own = json!({
        "openinference.span.kind": "TOOL", "tool.name": "crm.read", "input.value": r#"{"id":7}"#,
        "input.mime_type": "application/json", "output.value": "found", "session.id": "s",
        "user.id": "u", "llm.model_name": "m", "llm.token_count.prompt": 1,
        "llm.token_count.completion": 2, "llm.token_count.total": 3, "tag.tags": ["a", "b"],
    });
    let read = trace(span(own), json!({ "service.name": "bot" }));
    assert_eq!(read["agentId"], "bot");
    assert_eq!(read["metadata"]["spanKind"], "tool");
    assert_eq!(read["metadata"]["toolName"], "crm.read");
    assert_eq!(
        (&read["input"], &read["output"]),
        (&json!({ "id": 7 }), &json!("found"))
    );
    assert_eq!(
        (&read["totalTokens"], &read["tags"]),
        (&json!(3), &json!(["a", "b"]))
    );
}

#[test]
fn what_no_vocabulary_names_stays_in_metadata_and_wrong_types_are_no_fields() {
    let own = json!({ "Execlave.agent_id": "bot", "app.ticket": 7, "gen_ai.usage.input_tokens": "x",
        "writ.decision.id": "dec_01980c5e7d4b7c2e9f3a5b6c7d8e9f00" });
    let mut failed = span(own);
    failed["status"] = json!({ "code": 2, "message": "boom" });
    failed["events"] = json!([{ "name": "exception", "timeUnixNano": "5",
        "attributes": attributes(&json!({ "exception.type": "E" })) }]);
    let read = trace(failed, json!({ "host.name": "h" }));
    let metadata = &read["metadata"];
    assert_eq!(
        metadata["attributes"],
        json!({ "app.ticket": 7, "gen_ai.usage.input_tokens": "x" })
    );
    assert_eq!(metadata["resource"], json!({ "host.name": "h" }));
    assert_eq!(metadata["scope"]["name"], "s");
    assert_eq!(read["promptTokens"], Value::Null);
    assert_eq!(
        (&read["status"], &read["errorMessage"], &read["errorType"]),
        (&json!("error"), &json!("boom"), &json!("E"))
    );
    assert_eq!(read["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(
        (&read["durationMs"], &metadata["spanName"]),
        (&json!(12), &json!("work"))
    );
    assert_eq!(
        metadata["enforcement"]["source"],
        "writ:dec_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
    );
}

//! `POST /policies/enforce`. The SDK's adapters run the tool after any 4xx but a 403 that says
//! `"allowed": false`, so every refusal is one of those (ruling 1).

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use writ_chain::action::context_of_request;
use writ_policy::{Mode, Request, ToolOutput};
use writ_service_kit::ApiError;
use writ_service_kit::json::{check_depth, sanitize};
use writ_service_kit::routes::{Access, Attempt, Class, Gate, Routes};

use super::BODY_LIMIT;
use crate::beside::LARGE;
use crate::domain::{Ask, Refusal, WireViolation};
use crate::enforce::{Answer, Enforcer, Given};

/// Levels of nesting a request may have.
const DEPTH: usize = 64;

/// The routes of this service.
#[must_use]
pub fn routes(gate: Gate) -> Routes<Arc<Enforcer>> {
    let guard = Access::Deferred
        .class(Class::Enforce)
        .body_limit(BODY_LIMIT);
    Routes::new(gate).post("/policies/enforce", guard, enforce)
}

/// The body, as wire contract §5.7 lists it. Unknown fields are ignored, explicit nulls read as
/// absent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "a JSON object")]
struct Body {
    agent_id: Option<String>,
    input: Option<Value>,
    environment: Option<String>,
    metadata: Option<Value>,
    estimated_cost: Option<f64>,
    tools: Option<Vec<String>>,
    conversation_history: Option<Vec<Value>>,
    tool_outputs: Option<Vec<ToolOutput>>,
    session_id: Option<String>,
}

async fn enforce(
    State(enforcer): State<Arc<Enforcer>>,
    Extension(Attempt(caller)): Extension<Attempt>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let caller = match caller {
        Ok(caller) => caller,
        Err(error) => {
            let (code, message) = (error.code.into_owned(), error.message.into_owned());
            return answer(&Enforcer::refuse(&Refusal::Unauthenticated {
                code,
                message,
            }));
        }
    };
    let ask = match body {
        Ok(body) if body.len() > LARGE => {
            let reading = enforcer.beside.run(move || read(&body)).await;
            reading.and_then(|ask| ask)
        }
        Ok(body) => read(&body),
        Err(rejection) => Err(Refusal::Unreadable(unreceived(&rejection))),
    };
    let ask = match ask {
        Ok(ask) => ask,
        Err(refusal) => return answer(&Enforcer::refuse(&refusal)),
    };
    match enforcer.enforce(&caller, &ask).await {
        Ok(given) => answer(&given),
        Err(error) => ApiError::unavailable(error.to_string())
            .with_ref(error.reference())
            .into_response(),
    }
}

/// Why there is no body: too long, badly compressed, cut off.
fn unreceived(rejection: &BytesRejection) -> String {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return format!("the request body is larger than {BODY_LIMIT} bytes");
    }
    let why = rejection.body_text();
    format!("the request body could not be read: {why}")
}

/// Reads the request: characters no store takes are replaced first, before anything is hashed
/// (ruling 7); a key that stands twice would be read differently by different readers.
fn read(body: &[u8]) -> Result<Ask, Refusal> {
    let bytes = body.len();
    let unreadable = |why: &dyn std::fmt::Display| {
        Refusal::Unreadable(format!("the request body is not valid: {why}"))
    };
    let text = sanitize(if body.is_empty() { b"{}" } else { body });
    let text = std::str::from_utf8(&text).map_err(|_| unreadable(&"it is not UTF-8"))?;
    check_depth(text.as_bytes(), DEPTH).map_err(|e| unreadable(&e))?;
    let body: Body = serde_json::from_str(text).map_err(|e| unreadable(&e))?;
    let context = context_of_request(text).map_err(|e| unreadable(&e))?;
    let input = match body.input {
        Some(Value::String(text)) => text,
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    };
    let request = Request {
        input,
        environment: body.environment.unwrap_or_default(),
        metadata: body.metadata,
        estimated_cost: body.estimated_cost,
        tools: body.tools.unwrap_or_default(),
        conversation_history: body.conversation_history.unwrap_or_default(),
        tool_outputs: body.tool_outputs.unwrap_or_default(),
        ..Request::default()
    };
    Ok(Ask {
        agent: body.agent_id.unwrap_or_default(),
        request,
        context,
        session: body.session_id.unwrap_or_default(),
        edge: "rest",
        bytes,
    })
}

fn answer(answer: &Answer) -> Response {
    let (status, mut body) = match answer {
        Answer::Allowed(given) => (StatusCode::OK, allowed(given)),
        Answer::Held(given, approval) => {
            let mut body = refused(given);
            set(&mut body, "requiresApproval", Value::Bool(true));
            set(
                &mut body,
                "approvalRequestId",
                Value::String(approval.to_string()),
            );
            (StatusCode::ACCEPTED, body)
        }
        Answer::Denied(given) => (StatusCode::FORBIDDEN, refused(given)),
    };
    let (Answer::Allowed(given) | Answer::Held(given, _) | Answer::Denied(given)) = answer;
    if let Some(input) = &given.redacted_input {
        set(&mut body, "redactedInput", Value::String(input.clone()));
    }
    if let Some(decision) = given.decision {
        set(&mut body, "decisionId", Value::String(decision.to_string()));
    }
    (status, Json(body)).into_response()
}

fn allowed(given: &Given) -> Value {
    let mut body = json!({
        "allowed": true,
        "mode": mode(&given.warnings),
        "warnings": given.warnings,
        "risk": given.risk,
    });
    if let Some(decision) = given.decision {
        set(
            &mut body,
            "source",
            Value::String(format!("writ:{decision}")),
        );
    }
    body
}

/// The strongest mode that hit and let the act pass.
fn mode(warnings: &[WireViolation]) -> &'static str {
    if warnings.is_empty() {
        return "allow";
    }
    let only_noted = |hit: &WireViolation| hit.enforcement_mode == Mode::Monitor.as_str();
    let mode = if warnings.iter().all(only_noted) {
        Mode::Monitor
    } else {
        Mode::Warn
    };
    mode.as_str()
}

fn refused(given: &Given) -> Value {
    json!({
        "allowed": false,
        "violations": given.violations,
        "warnings": given.warnings,
        "risk": given.risk,
    })
}

fn set(body: &mut Value, key: &str, value: Value) {
    if let Some(fields) = body.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_unknown_fields_and_an_empty_body_are_accepted() {
        let ask = read(br#"{"agentId":null,"input":null,"tools":null,"x":1}"#).unwrap();
        assert_eq!((ask.agent.as_str(), ask.request.input.as_str()), ("", ""));
        assert!(read(b"").is_ok());
    }

    #[test]
    fn a_nul_and_a_lone_surrogate_are_replaced_before_they_are_hashed() {
        let ask = read(br#"{"input":"a\u0000b","metadata":{"k":"\ud800"}}"#).unwrap();
        assert_eq!(ask.request.input, "a\u{fffd}b");
        assert!(
            String::from_utf8(ask.context)
                .unwrap()
                .contains("a\u{fffd}b")
        );
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        assert!(read(br#"{"input":"a","input":"b"}"#).is_err());
        assert!(read(br#"{"input":"a","metadata":{"k":1,"k":2}}"#).is_err());
        assert!(read(b"[]").is_err());
        assert!(read("[".repeat(10_000).as_bytes()).is_err());
    }
}

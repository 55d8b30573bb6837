//! `writ.v1.EnforcementService`. Every decision is an OK answer; a status says that there is none.

use std::sync::Arc;

use prost_types::value::Kind;
use serde_json::{Map, Number, Value};
use tonic::{Request, Response, Status};
use writ_chain::action::context_of_request;
use writ_policy::ToolOutput;
use writ_service_kit::ApiError;
use writ_service_kit::grpc::caller;
use writ_service_kit::json::check_depth;

use crate::beside::LARGE;
use crate::domain::{Ask, WireViolation};
use crate::enforce::{Answer, Enforcer, Given};

/// Generated from `proto/writ/v1/enforcement.proto`.
#[allow(
    missing_debug_implementations,
    unreachable_pub,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/writ/v1/enforcement.proto"
)]
pub mod v1 {
    tonic::include_proto!("writ.v1");
}

/// The encoded descriptors, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/enforcement.bin"));

use v1::enforcement_service_server::EnforcementService;

/// Levels of nesting metadata may have.
const DEPTH: usize = 64;

/// The service over the engine.
#[derive(Debug, Clone)]
pub struct Server(pub Arc<Enforcer>);

#[tonic::async_trait]
impl EnforcementService for Server {
    async fn enforce(
        &self,
        request: Request<v1::EnforceRequest>,
    ) -> Result<Response<v1::EnforceResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let ask = if prost::Message::encoded_len(&request) > LARGE {
            match self.0.beside.run(move || read(request)).await {
                Ok(ask) => ask?,
                Err(busy) => return Ok(Response::new(respond(Enforcer::refuse(&busy)))),
            }
        } else {
            read(request)?
        };
        let answer = self.0.enforce(&caller, &ask).await;
        let answer = answer.map_err(|e| {
            Status::from(ApiError::unavailable(e.to_string()).with_ref(e.reference()))
        })?;
        Ok(Response::new(respond(answer)))
    }
}

fn read(mut request: v1::EnforceRequest) -> Result<Ask, Status> {
    let bytes = prost::Message::encoded_len(&request);
    for text in [
        &mut request.agent_id,
        &mut request.input,
        &mut request.environment,
        &mut request.session_id,
    ]
    .into_iter()
    .chain(&mut request.tools)
    {
        *text = storable(std::mem::take(text));
    }
    let context = context(&request)?;
    let object = |fields: prost_types::Struct| json_object(fields);
    let outputs = request.tool_outputs.into_iter().map(|output| ToolOutput {
        name: output.name,
        input: output.input.map(json_value).unwrap_or_default(),
        output: output.output.map(json_value).unwrap_or_default(),
    });
    let judged = writ_policy::Request {
        input: request.input,
        environment: request.environment,
        metadata: request.metadata.map(object),
        estimated_cost: request.estimated_cost,
        tools: request.tools,
        conversation_history: request
            .conversation_history
            .into_iter()
            .map(object)
            .collect(),
        tool_outputs: outputs.collect(),
        ..writ_policy::Request::default()
    };
    Ok(Ask {
        agent: request.agent_id,
        request: judged,
        context,
        session: request.session_id,
        edge: "grpc",
        bytes,
    })
}

/// The action context a REST client would have sent for the same act.
fn context(request: &v1::EnforceRequest) -> Result<Vec<u8>, Status> {
    let mut fields = Map::new();
    fields.insert("input".into(), request.input.clone().into());
    fields.insert("environment".into(), request.environment.clone().into());
    if let Some(metadata) = &request.metadata {
        fields.insert("metadata".into(), json_object(metadata.clone()));
    }
    if let Some(cost) = request.estimated_cost {
        fields.insert("estimatedCost".into(), number(cost));
    }
    if !request.tools.is_empty() {
        fields.insert("tools".into(), request.tools.clone().into());
    }
    let text = Value::Object(fields).to_string();
    let invalid = |why: String| Status::invalid_argument(format!("the act {why}"));
    check_depth(text.as_bytes(), DEPTH).map_err(|e| invalid(e.to_string()))?;
    context_of_request(&text).map_err(|e| invalid(e.to_string()))
}

/// NUL is replaced before anything is hashed, as in the bodies of REST (ruling 7).
fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

fn json_object(fields: prost_types::Struct) -> Value {
    Value::Object(
        fields
            .fields
            .into_iter()
            .map(|(key, value)| (storable(key), json_value(value)))
            .collect(),
    )
}

fn json_value(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        Some(Kind::NumberValue(value)) => number(value),
        Some(Kind::StringValue(value)) => Value::String(storable(value)),
        Some(Kind::StructValue(value)) => json_object(value),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(json_value).collect(),
    }
}

/// A whole number as JSON writes it, `1` and not `1.0`.
#[allow(
    clippy::cast_possible_truncation,
    reason = "within ±2^53, checked before the cast"
)]
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn respond(answer: Answer) -> v1::EnforceResponse {
    let (outcome, given, approval) = match answer {
        Answer::Allowed(given) => (v1::Outcome::Allowed, given, None),
        Answer::Held(given, approval) => (v1::Outcome::ApprovalRequired, given, Some(approval)),
        Answer::Denied(given) => (v1::Outcome::Denied, given, None),
    };
    let Given {
        decision,
        violations,
        warnings,
        redacted_input,
        risk,
        policy_set_hash,
    } = given;
    v1::EnforceResponse {
        outcome: outcome.into(),
        decision_id: decision.map(|d| d.to_string()).unwrap_or_default(),
        violations: violations.into_iter().map(violation).collect(),
        warnings: warnings.into_iter().map(violation).collect(),
        approval_request_id: approval.map(|a| a.to_string()).unwrap_or_default(),
        redacted_input: redacted_input.unwrap_or_default(),
        risk: u32::from(risk),
        policy_set_hash: policy_set_hash.map(hex::encode).unwrap_or_default(),
    }
}

fn violation(hit: WireViolation) -> v1::Violation {
    v1::Violation {
        policy_id: hit.policy_id,
        policy_name: hit.policy_name,
        policy_type: hit.policy_type,
        severity: hit.severity.to_owned(),
        enforcement_mode: hit.enforcement_mode.to_owned(),
        message: hit.message,
        code: hit.code.unwrap_or_default(),
        degraded: hit.degraded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_replaced_as_in_a_rest_body() {
        let asked = v1::EnforceRequest {
            input: "a\0b".into(),
            tools: vec!["t\0".into()],
            ..v1::EnforceRequest::default()
        };
        let ask = read(asked).unwrap();
        assert_eq!(ask.request.input, "a\u{fffd}b");
        assert_eq!(ask.request.tools, ["t\u{fffd}"]);
    }
}

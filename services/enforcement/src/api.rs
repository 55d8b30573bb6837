//! The edges: REST and gRPC over one engine.

pub mod grpc;
pub mod rest;

use serde_json::Value;
use writ_service_kit::ApiError;

use crate::domain::{Refusal, Spent, TRACES};

/// Largest request, in bytes (ruling 7).
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// Messages of a conversation that are read: the latest, since clients send all they have.
const HISTORY: usize = 50;

fn latest(mut history: Vec<Value>) -> Vec<Value> {
    history.drain(..history.len().saturating_sub(HISTORY));
    history
}

/// A text as it is; anything else as the text of its JSON.
fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// 402 as the SDK reads it; over gRPC `RESOURCE_EXHAUSTED`.
fn plan_spent(spent: Spent) -> ApiError {
    let message = Refusal::PlanSpent(spent).to_string();
    ApiError::quota_exceeded(TRACES, spent.current, spent.max, message).with_ref("ENF0101")
}

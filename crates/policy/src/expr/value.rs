//! Values while an expression runs; copying one never copies its text.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    /// Text of the request.
    Text(&'a str),
    /// Text of the expression, or made while running.
    Made(Arc<str>),
    Time(DateTime<Utc>),
    Span(TimeDelta),
    /// An array or object of the request.
    Json(&'a Json),
    Texts(&'a [String]),
    /// A list of the expression, or made while running.
    List(Arc<Vec<Value<'a>>>),
}

impl<'a> Value<'a> {
    pub(super) fn of(json: &'a Json) -> Self {
        match json {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(*b),
            Json::String(s) => Value::Text(s),
            Json::Number(n) => match (n.as_i64(), n.as_f64()) {
                (Some(int), _) => Value::Int(int),
                (None, Some(double)) => Value::Double(double),
                (None, None) => Value::Null,
            },
            Json::Array(_) | Json::Object(_) => Value::Json(json),
        }
    }

    pub(super) fn made(text: String) -> Self {
        Value::Made(Arc::from(text))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(s) => Some(s),
            Value::Made(s) => Some(s),
            _ => None,
        }
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Double(_) => "a double",
            Value::Text(_) | Value::Made(_) => "a string",
            Value::Time(_) => "a timestamp",
            Value::Span(_) => "a duration",
            Value::Json(Json::Object(_)) => "an object",
            Value::Json(_) | Value::Texts(_) | Value::List(_) => "a list",
        }
    }

    /// Length of a list; `None` when it is none.
    pub(super) fn list_len(&self) -> Option<usize> {
        match self {
            Value::Texts(items) => Some(items.len()),
            Value::List(items) => Some(items.len()),
            Value::Json(Json::Array(items)) => Some(items.len()),
            _ => None,
        }
    }

    pub(super) fn item(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Value::Texts(items) => items.get(index).map(|s| Value::Text(s)),
            Value::List(items) => items.get(index).cloned(),
            Value::Json(Json::Array(items)) => items.get(index).map(Value::of),
            _ => None,
        }
    }
}

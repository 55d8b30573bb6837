//! Protobuf's values as JSON.

use prost_types::value::Kind;
use serde_json::{Number, Value};

/// NUL is replaced before anything is hashed, as in the bodies of REST (ruling 7).
pub(super) fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

pub(super) fn object(fields: prost_types::Struct) -> Value {
    Value::Object(
        fields
            .fields
            .into_iter()
            .map(|(key, item)| (storable(key), value(item)))
            .collect(),
    )
}

pub(super) fn value(value_: prost_types::Value) -> Value {
    match value_.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        Some(Kind::NumberValue(value)) => number(value),
        Some(Kind::StringValue(value)) => Value::String(storable(value)),
        Some(Kind::StructValue(fields)) => object(fields),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(value).collect(),
    }
}

/// A whole number as JSON writes it, `1` and not `1.0`.
#[allow(
    clippy::cast_possible_truncation,
    reason = "within ±2^53, checked before the cast"
)]
pub(super) fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

//! What operators and functions do to values; every overflow is an error.

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::evaluator::EvalError;
use super::node::{Arith, Compare, Func};
use super::time::{clock, duration};
use super::value::Value;

/// Bytes or elements one step handles.
const UNITS_A_STEP: usize = 64;
/// Depth to which nested JSON values are compared.
const MAX_COMPARED_DEPTH: usize = 16;

pub(super) type Evaluated<'a> = Result<Value<'a>, EvalError>;

/// Steps it takes to read a value once.
pub(super) fn weight(value: &Value<'_>) -> usize {
    match (value.text(), value.list_len(), value) {
        (Some(text), _, _) => text.len() / UNITS_A_STEP,
        (_, Some(length), _) => length,
        (_, _, Value::Json(Json::Object(fields))) => fields.len(),
        _ => 0,
    }
}

pub(super) fn negate<'a>(value: &Value<'a>) -> Evaluated<'a> {
    match value {
        Value::Int(i) => i.checked_neg().map(Value::Int).ok_or(EvalError::OutOfRange),
        Value::Double(d) => Ok(Value::Double(-d)),
        other => Err(EvalError::WrongType {
            what: "-",
            given: other.type_name(),
        }),
    }
}

pub(super) fn arithmetic<'a>(op: Arith, a: Value<'a>, b: Value<'a>) -> Evaluated<'a> {
    match (&a, &b) {
        (Value::Int(x), Value::Int(y)) => integers(op, *x, *y).map(Value::Int),
        (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
            doubles(op, double(&a), double(&b)).map(Value::Double)
        }
        (Value::Time(_) | Value::Span(_), Value::Time(_) | Value::Span(_)) => times(op, &a, &b),
        _ => joined(op, &a, &b),
    }
}

fn integers(op: Arith, x: i64, y: i64) -> Result<i64, EvalError> {
    if y == 0 && matches!(op, Arith::Div | Arith::Rem) {
        return Err(EvalError::DivisionByZero);
    }
    let result = match op {
        Arith::Add => x.checked_add(y),
        Arith::Sub => x.checked_sub(y),
        Arith::Mul => x.checked_mul(y),
        Arith::Div => x.checked_div(y),
        Arith::Rem => x.checked_rem(y),
    };
    result.ok_or(EvalError::OutOfRange)
}

fn doubles(op: Arith, x: f64, y: f64) -> Result<f64, EvalError> {
    Ok(match op {
        Arith::Add => x + y,
        Arith::Sub => x - y,
        Arith::Mul => x * y,
        Arith::Div => x / y,
        Arith::Rem => {
            return Err(EvalError::WrongType {
                what: "%",
                given: "a double",
            });
        }
    })
}

#[allow(
    clippy::cast_precision_loss,
    reason = "CEL converts integers to doubles with rounding; exact comparison is done elsewhere"
)]
fn double(value: &Value<'_>) -> f64 {
    match value {
        Value::Int(i) => *i as f64,
        Value::Double(d) => *d,
        _ => f64::NAN,
    }
}

fn times<'a>(op: Arith, a: &Value<'a>, b: &Value<'a>) -> Evaluated<'a> {
    let result = match (op, a, b) {
        (Arith::Add, Value::Time(t), Value::Span(d))
        | (Arith::Add, Value::Span(d), Value::Time(t)) => t.checked_add_signed(*d).map(Value::Time),
        (Arith::Sub, Value::Time(t), Value::Span(d)) => t.checked_sub_signed(*d).map(Value::Time),
        (Arith::Sub, Value::Time(x), Value::Time(y)) => Some(Value::Span(*x - *y)),
        (Arith::Add, Value::Span(x), Value::Span(y)) => x.checked_add(y).map(Value::Span),
        (Arith::Sub, Value::Span(x), Value::Span(y)) => x.checked_sub(y).map(Value::Span),
        _ => {
            return Err(EvalError::WrongType {
                what: "arithmetic",
                given: b.type_name(),
            });
        }
    };
    result.ok_or(EvalError::OutOfRange)
}

fn joined<'a>(op: Arith, a: &Value<'a>, b: &Value<'a>) -> Evaluated<'a> {
    match (op, a.text(), b.text(), a.list_len(), b.list_len()) {
        (Arith::Add, Some(x), Some(y), ..) => Ok(Value::made(format!("{x}{y}"))),
        (Arith::Add, _, _, Some(m), Some(n)) => {
            let left = (0..m).filter_map(|i| a.item(i));
            let items = left.chain((0..n).filter_map(|i| b.item(i))).collect();
            Ok(Value::List(Arc::new(items)))
        }
        _ => {
            let given = if a.text().is_some() {
                b.type_name()
            } else {
                a.type_name()
            };
            Err(EvalError::WrongType {
                what: "arithmetic",
                given,
            })
        }
    }
}

pub(super) fn compare(op: Compare, a: &Value<'_>, b: &Value<'_>) -> Result<bool, EvalError> {
    match op {
        Compare::Eq => Ok(equal(a, b)),
        Compare::Ne => Ok(!equal(a, b)),
        Compare::Lt => Ok(order(a, b)? == Some(Ordering::Less)),
        Compare::Le => Ok(matches!(
            order(a, b)?,
            Some(Ordering::Less | Ordering::Equal)
        )),
        Compare::Gt => Ok(order(a, b)? == Some(Ordering::Greater)),
        Compare::Ge => Ok(matches!(
            order(a, b)?,
            Some(Ordering::Greater | Ordering::Equal)
        )),
    }
}

/// `None` for NaN, which is in no order.
fn order(a: &Value<'_>, b: &Value<'_>) -> Result<Option<Ordering>, EvalError> {
    match (a, b) {
        (Value::Bool(x), Value::Bool(y)) => Ok(Some(x.cmp(y))),
        (Value::Time(x), Value::Time(y)) => Ok(Some(x.cmp(y))),
        (Value::Span(x), Value::Span(y)) => Ok(Some(x.cmp(y))),
        (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
            Ok(number_order(a, b))
        }
        _ => match (a.text(), b.text()) {
            (Some(x), Some(y)) => Ok(Some(x.cmp(y))),
            (Some(_), None) => Err(unordered(b)),
            (None, _) => Err(unordered(a)),
        },
    }
}

fn unordered(value: &Value<'_>) -> EvalError {
    EvalError::WrongType {
        what: "a comparison",
        given: value.type_name(),
    }
}

/// Compares integers and doubles by value, without the rounding of a conversion.
fn number_order(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => Some(x.cmp(y)),
        (Value::Int(x), Value::Double(y)) => int_to_double(*x, *y),
        (Value::Double(x), Value::Int(y)) => int_to_double(*y, *x).map(Ordering::reverse),
        _ => double(a).partial_cmp(&double(b)),
    }
}

fn int_to_double(x: i64, y: f64) -> Option<Ordering> {
    const EDGE: f64 = 9_223_372_036_854_775_808.0;
    if y.is_nan() {
        return None;
    }
    if y >= EDGE {
        return Some(Ordering::Less);
    }
    if y < -EDGE {
        return Some(Ordering::Greater);
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the range was checked above"
    )]
    let whole = y.trunc() as i64;
    Some(
        x.cmp(&whole)
            .then_with(|| 0.0_f64.total_cmp(&(y.fract() + 0.0))),
    )
}

pub(super) fn equal(a: &Value<'_>, b: &Value<'_>) -> bool {
    equal_to(a, b, MAX_COMPARED_DEPTH)
}

fn equal_to(a: &Value<'_>, b: &Value<'_>, depth: usize) -> bool {
    if let (Some(x), Some(y)) = (a.text(), b.text()) {
        return x == y;
    }
    if let (Some(m), Some(n)) = (a.list_len(), b.list_len()) {
        return m == n
            && depth > 0
            && (0..m).all(|i| match (a.item(i), b.item(i)) {
                (Some(x), Some(y)) => equal_to(&x, &y, depth - 1),
                _ => false,
            });
    }
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(x), Value::Bool(y)) => x == y,
        (Value::Time(x), Value::Time(y)) => x == y,
        (Value::Span(x), Value::Span(y)) => x == y,
        (Value::Json(x), Value::Json(y)) => x == y,
        _ => number_order(a, b) == Some(Ordering::Equal),
    }
}

pub(super) fn call<'a>(
    func: Func,
    subject: Value<'a>,
    argument: Option<&Value<'a>>,
) -> Evaluated<'a> {
    match func {
        Func::Size => size(&subject),
        Func::StartsWith | Func::EndsWith | Func::Contains => {
            let (whole, part) = (text(&subject)?, argument.map_or(Ok(""), |a| text(a))?);
            Ok(Value::Bool(match func {
                Func::StartsWith => whole.starts_with(part),
                Func::EndsWith => whole.ends_with(part),
                _ => whole.contains(part),
            }))
        }
        Func::LowerAscii => Ok(Value::made(text(&subject)?.to_ascii_lowercase())),
        Func::UpperAscii => Ok(Value::made(text(&subject)?.to_ascii_uppercase())),
        Func::Trim => Ok(Value::made(text(&subject)?.trim().to_owned())),
        Func::Int => to_int(&subject),
        Func::Double => to_double(&subject),
        Func::String => to_text(subject),
        Func::Timestamp => match DateTime::parse_from_rfc3339(text(&subject)?) {
            Ok(time) => Ok(Value::Time(time.with_timezone(&Utc))),
            Err(_) => Err(EvalError::BadConversion("a timestamp")),
        },
        Func::Duration => {
            let span = duration(text(&subject)?);
            span.map(Value::Span)
                .ok_or(EvalError::BadConversion("a duration"))
        }
        Func::Clock(part) => clock(part, &subject, argument),
    }
}

fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, EvalError> {
    value.text().ok_or(EvalError::WrongType {
        what: "a text function",
        given: value.type_name(),
    })
}

/// Length of a text in characters, of a list or object in elements.
fn size<'a>(value: &Value<'a>) -> Evaluated<'a> {
    let size = match (value.text(), value.list_len(), value) {
        (Some(text), _, _) => text.chars().count(),
        (_, Some(length), _) => length,
        (_, _, Value::Json(Json::Object(fields))) => fields.len(),
        _ => {
            return Err(EvalError::WrongType {
                what: "size",
                given: value.type_name(),
            });
        }
    };
    i64::try_from(size)
        .map(Value::Int)
        .map_err(|_| EvalError::OutOfRange)
}

fn to_int<'a>(value: &Value<'a>) -> Evaluated<'a> {
    const EDGE: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Value::Int(i) => Ok(Value::Int(*i)),
        Value::Double(d) if *d > -EDGE && *d < EDGE => {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "the range was checked above"
            )]
            let whole = d.trunc() as i64;
            Ok(Value::Int(whole))
        }
        Value::Double(_) => Err(EvalError::OutOfRange),
        other => {
            let parsed = text(other)?.parse().map(Value::Int);
            parsed.map_err(|_| EvalError::BadConversion("an integer"))
        }
    }
}

fn to_double<'a>(value: &Value<'a>) -> Evaluated<'a> {
    match value {
        Value::Int(_) | Value::Double(_) => Ok(Value::Double(double(value))),
        other => {
            let parsed = text(other)?.parse().map(Value::Double);
            parsed.map_err(|_| EvalError::BadConversion("a double"))
        }
    }
}

fn to_text(value: Value<'_>) -> Evaluated<'_> {
    Ok(match value {
        Value::Int(i) => Value::made(i.to_string()),
        Value::Double(d) => Value::made(d.to_string()),
        Value::Bool(b) => Value::Text(if b { "true" } else { "false" }),
        other if other.text().is_some() => other,
        other => {
            return Err(EvalError::WrongType {
                what: "string",
                given: other.type_name(),
            });
        }
    })
}

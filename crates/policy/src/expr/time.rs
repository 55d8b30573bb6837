//! Durations and the parts of a point in time.

use chrono::{Datelike, FixedOffset, TimeDelta, Timelike};

use super::evaluator::EvalError;
use super::node::Clock;
use super::ops::Evaluated;
use super::value::Value;

/// Hours, minutes, seconds, milliseconds in sequence: `1h30m`, `-2s`, `1.5h`.
pub(super) fn duration(source: &str) -> Option<TimeDelta> {
    let (sign, mut rest) = match source.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, source),
    };
    let mut millis = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let unit_length = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_length)?;
        let factor = match unit {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            _ => return None,
        };
        millis += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    if millis > 1e15 {
        return None;
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the range was checked above"
    )]
    let whole = (sign * millis) as i64;
    TimeDelta::try_milliseconds(whole)
}

pub(super) fn clock<'a>(
    part: Clock,
    subject: &Value<'a>,
    offset: Option<&Value<'a>>,
) -> Evaluated<'a> {
    let Value::Time(time) = subject else {
        return Err(EvalError::WrongType {
            what: "a clock function",
            given: subject.type_name(),
        });
    };
    let seconds = match offset {
        Some(Value::Int(seconds)) => i32::try_from(*seconds).unwrap_or(0),
        _ => 0,
    };
    let zone = FixedOffset::east_opt(seconds).ok_or(EvalError::OutOfRange)?;
    let local = time.with_timezone(&zone);
    let value = match part {
        Clock::FullYear => i64::from(local.year()),
        Clock::Month => i64::from(local.month0()),
        Clock::DayOfYear => i64::from(local.ordinal0()),
        Clock::DayOfMonth => i64::from(local.day0()),
        Clock::Date => i64::from(local.day()),
        Clock::DayOfWeek => i64::from(local.weekday().num_days_from_sunday()),
        Clock::Hours => i64::from(local.hour()),
        Clock::Minutes => i64::from(local.minute()),
        Clock::Seconds => i64::from(local.second()),
        Clock::Milliseconds => i64::from(local.timestamp_subsec_millis()),
    };
    Ok(Value::Int(value))
}

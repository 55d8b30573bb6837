//! The functions an expression may call.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue};
use regex::RegexBuilder;

use super::lower::{Lowered, Lowering, Refusal};
use super::node::{Clock, Func, Node, Type};
use super::value::Value;
use crate::set::patterns::MAX_SOURCE;

/// Largest compiled pattern, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// Lowers `target.name(args)` or `name(target)`.
pub(super) fn lower<'t>(
    lowering: &mut Lowering<'t>,
    name: &str,
    target: &'t IdedExpr,
    args: &'t [IdedExpr],
) -> Lowered {
    if let ("matches", [pattern]) = (name, args) {
        let (subject, kind) = lowering.node(&target.expr)?;
        expect(name, &kind, &[Type::String])?;
        let regex = pattern_of(&pattern.expr)?;
        return Ok((
            Node::Matches(Box::new(subject), Box::new(regex)),
            Type::Bool,
        ));
    }
    if let Some(part) = clock(name) {
        return clock_call(lowering, name, part, target, args);
    }
    let unknown = || Refusal::UnknownFunction(name.chars().take(64).collect(), args.len());
    let (func, takes, gives) = signature(name).ok_or_else(unknown)?;
    let (subject, kind) = lowering.node(&target.expr)?;
    if func == Func::Size {
        if !matches!(kind, Type::String | Type::List(_) | Type::Dyn) {
            return Err(Refusal::WrongType {
                what: name.to_owned(),
                given: kind.name(),
            });
        }
    } else {
        expect(name, &kind, takes)?;
    }
    let argument = match (needs_argument(func), args) {
        (true, [argument]) => {
            let (node, kind) = lowering.node(&argument.expr)?;
            expect(name, &kind, &[Type::String])?;
            Some(Box::new(node))
        }
        (false, []) => None,
        _ => return Err(unknown()),
    };
    Ok((Node::Call(func, Box::new(subject), argument), gives))
}

fn signature(name: &str) -> Option<(Func, &'static [Type], Type)> {
    const TEXT: &[Type] = &[Type::String];
    const NUMBER: &[Type] = &[Type::Int, Type::Double, Type::String];
    Some(match name {
        "size" => (Func::Size, TEXT, Type::Int),
        "startsWith" => (Func::StartsWith, TEXT, Type::Bool),
        "endsWith" => (Func::EndsWith, TEXT, Type::Bool),
        "contains" => (Func::Contains, TEXT, Type::Bool),
        "lowerAscii" => (Func::LowerAscii, TEXT, Type::String),
        "upperAscii" => (Func::UpperAscii, TEXT, Type::String),
        "trim" => (Func::Trim, TEXT, Type::String),
        "int" => (Func::Int, NUMBER, Type::Int),
        "double" => (Func::Double, NUMBER, Type::Double),
        "string" => (
            Func::String,
            &[Type::Int, Type::Double, Type::String, Type::Bool],
            Type::String,
        ),
        "timestamp" => (Func::Timestamp, TEXT, Type::Timestamp),
        "duration" => (Func::Duration, TEXT, Type::Duration),
        _ => return None,
    })
}

fn needs_argument(func: Func) -> bool {
    matches!(func, Func::StartsWith | Func::EndsWith | Func::Contains)
}

fn expect(name: &str, given: &Type, takes: &[Type]) -> Result<(), Refusal> {
    if *given == Type::Dyn || takes.contains(given) {
        return Ok(());
    }
    Err(Refusal::WrongType {
        what: name.to_owned(),
        given: given.name(),
    })
}

fn clock(name: &str) -> Option<Clock> {
    Some(match name {
        "getFullYear" => Clock::FullYear,
        "getMonth" => Clock::Month,
        "getDayOfYear" => Clock::DayOfYear,
        "getDayOfMonth" => Clock::DayOfMonth,
        "getDate" => Clock::Date,
        "getDayOfWeek" => Clock::DayOfWeek,
        "getHours" => Clock::Hours,
        "getMinutes" => Clock::Minutes,
        "getSeconds" => Clock::Seconds,
        "getMilliseconds" => Clock::Milliseconds,
        _ => return None,
    })
}

/// `now.getHours()` is in UTC, `now.getHours('+02:00')` at a fixed offset; zone names would need a
/// database that changes under a recorded decision.
fn clock_call<'t>(
    lowering: &mut Lowering<'t>,
    name: &str,
    part: Clock,
    target: &'t IdedExpr,
    args: &'t [IdedExpr],
) -> Lowered {
    let (subject, kind) = lowering.node(&target.expr)?;
    expect(name, &kind, &[Type::Timestamp])?;
    let offset = match args {
        [] => 0,
        [zone] => literal(&zone.expr)
            .and_then(offset_seconds)
            .ok_or_else(|| {
                Refusal::BadLiteral("a time zone must be a literal offset such as '+02:00'".into())
            })?,
        _ => return Err(Refusal::UnknownFunction(name.to_owned(), args.len())),
    };
    let offset = Box::new(Node::Const(Value::Int(offset)));
    Ok((
        Node::Call(Func::Clock(part), Box::new(subject), Some(offset)),
        Type::Int,
    ))
}

fn offset_seconds(zone: &str) -> Option<i64> {
    if zone == "UTC" || zone == "Z" {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => (1, zone),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let plausible = (0..=14).contains(&hours) && (0..60).contains(&minutes);
    plausible.then_some(sign * (hours * 3600 + minutes * 60))
}

fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(LiteralValue::String(s)) => Some(s.inner()),
        _ => None,
    }
}

fn pattern_of(expr: &Expr) -> Result<regex::Regex, Refusal> {
    let source = literal(expr)
        .ok_or_else(|| Refusal::BadLiteral("the pattern of matches() must be a literal".into()))?;
    if source.len() > MAX_SOURCE {
        let text = format!("the pattern of matches() is longer than {MAX_SOURCE} bytes");
        return Err(Refusal::BadLiteral(text));
    }
    RegexBuilder::new(source)
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            Refusal::BadLiteral(format!("the pattern of matches() does not compile: {last}"))
        })
}

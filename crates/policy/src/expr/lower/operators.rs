//! Literals and operators: what each is called and which types it takes.

use std::sync::Arc;

use cel::common::ast::{LiteralValue, operators};

use super::super::node::{Arith, Compare, LoopKind, Node, Type};
use super::super::value::Value;
use super::{Lowered, Refusal};

pub(super) fn constant(literal: &LiteralValue) -> Lowered {
    let (value, kind) = match literal {
        LiteralValue::Boolean(b) => (Value::Bool(*b.inner()), Type::Bool),
        LiteralValue::Int(i) => (Value::Int(*i.inner()), Type::Int),
        LiteralValue::UInt(u) => match i64::try_from(*u.inner()) {
            Ok(int) => (Value::Int(int), Type::Int),
            Err(_) => {
                return Err(Refusal::BadLiteral(
                    "an unsigned literal is too large".into(),
                ));
            }
        },
        LiteralValue::Double(d) => (Value::Double(*d.inner()), Type::Double),
        LiteralValue::String(s) => (Value::Made(Arc::from(s.inner())), Type::String),
        LiteralValue::Null => (Value::Null, Type::Null),
        LiteralValue::Bytes(_) => return Err(Refusal::Unsupported("a bytes literal")),
    };
    Ok((Node::Const(value), kind))
}

/// A list of constants is built once.
pub(super) fn fold_list(nodes: Vec<Node>) -> Node {
    let constant = |node: &Node| match node {
        Node::Const(value) => Some(value.clone()),
        _ => None,
    };
    match nodes.iter().map(constant).collect::<Option<Vec<_>>>() {
        Some(values) => Node::Const(Value::List(Arc::new(values))),
        None => Node::List(nodes),
    }
}

pub(super) fn arithmetic(name: &str) -> Option<(Arith, &'static str)> {
    Some(match name {
        operators::ADD => (Arith::Add, "+"),
        operators::SUBSTRACT => (Arith::Sub, "-"),
        operators::MULTIPLY => (Arith::Mul, "*"),
        operators::DIVIDE => (Arith::Div, "/"),
        operators::MODULO => (Arith::Rem, "%"),
        _ => return None,
    })
}

pub(super) fn comparison(name: &str) -> Option<(Compare, &'static str)> {
    Some(match name {
        operators::EQUALS => (Compare::Eq, "=="),
        operators::NOT_EQUALS => (Compare::Ne, "!="),
        operators::LESS => (Compare::Lt, "<"),
        operators::LESS_EQUALS => (Compare::Le, "<="),
        operators::GREATER => (Compare::Gt, ">"),
        operators::GREATER_EQUALS => (Compare::Ge, ">="),
        _ => return None,
    })
}

pub(super) fn loop_kind(name: &str) -> Option<LoopKind> {
    Some(match name {
        operators::ALL => LoopKind::All,
        operators::EXISTS => LoopKind::Exists,
        operators::EXISTS_ONE | "existsOne" => LoopKind::ExistsOne,
        operators::FILTER => LoopKind::Filter,
        operators::MAP => LoopKind::Map,
        _ => return None,
    })
}

pub(super) fn arithmetic_type(op: Arith, a: &Type, b: &Type) -> Option<Type> {
    match (op, a, b) {
        (_, Type::Int, Type::Int) => Some(Type::Int),
        (Arith::Rem, Type::Int | Type::Dyn, Type::Int | Type::Dyn) => Some(Type::Dyn),
        (Arith::Rem, _, _) => None,
        (_, Type::Int | Type::Double, Type::Int | Type::Double) => Some(Type::Double),
        (Arith::Add, Type::String, Type::String) => Some(Type::String),
        (Arith::Add, Type::List(x), Type::List(y)) if x == y => Some(a.clone()),
        (Arith::Add, Type::List(_), Type::List(_)) => Some(Type::List(Box::new(Type::Dyn))),
        (Arith::Add, Type::Timestamp, Type::Duration)
        | (Arith::Add, Type::Duration, Type::Timestamp)
        | (Arith::Sub, Type::Timestamp, Type::Duration) => Some(Type::Timestamp),
        (Arith::Sub, Type::Timestamp, Type::Timestamp)
        | (Arith::Add | Arith::Sub, Type::Duration, Type::Duration) => Some(Type::Duration),
        (_, Type::Bool | Type::Null, _) | (_, _, Type::Bool | Type::Null) => None,
        (_, Type::Dyn, _) | (_, _, Type::Dyn) => Some(Type::Dyn),
        _ => None,
    }
}

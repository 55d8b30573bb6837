//! What an expression may cost, known before any request is seen.

use super::node::{Func, Loop, Node, Var};

/// Highest static estimate, and the fuel of one evaluation; a step takes a few nanoseconds.
pub(super) const MAX: u64 = 500_000;
/// Assumed length of a list whose length is not known.
const LIST: u64 = 100;
/// Assumed steps to read through a text of the request.
const TEXT: u64 = 64;

/// Upper estimate of the steps of one evaluation.
pub(super) fn of(node: &Node) -> u64 {
    let children = match node {
        Node::Const(_) | Node::Var(_) | Node::Local(_) => 0,
        Node::Field(a, _) | Node::Has(a, _) | Node::Not(a) | Node::Neg(a) => of(a),
        Node::Matches(a, _) => of(a).saturating_add(TEXT),
        Node::In(a, b) => sum([of(a), of(b), length(b)]),
        Node::Index(a, b)
        | Node::And(a, b)
        | Node::Or(a, b)
        | Node::Arith(_, a, b)
        | Node::Compare(_, a, b) => sum([of(a), of(b)]),
        Node::If(a, b, c) => sum([of(a), of(b), of(c)]),
        Node::List(items) => items
            .iter()
            .fold(0_u64, |total, item| total.saturating_add(of(item))),
        Node::Call(func, a, b) => {
            let reads = if reads_text(*func) { TEXT } else { 0 };
            sum([of(a), b.as_ref().map_or(0, |b| of(b)), reads])
        }
        Node::Loop(inner) => of_loop(inner),
    };
    children.saturating_add(1)
}

fn of_loop(inner: &Loop) -> u64 {
    let filter = inner.filter.as_ref().map_or(0, of);
    let round = sum([of(&inner.body), filter, 1]);
    of(&inner.range).saturating_add(length(&inner.range).saturating_mul(round))
}

fn length(node: &Node) -> u64 {
    match node {
        Node::Const(list) => list.list_len().map_or(1, |n| n as u64),
        Node::List(items) => items.len() as u64,
        Node::Var(Var::Tools) => LIST,
        Node::Loop(inner) => length(&inner.range),
        Node::Arith(_, a, b) => length(a).saturating_add(length(b)),
        _ => LIST,
    }
}

fn reads_text(func: Func) -> bool {
    !matches!(func, Func::Int | Func::Double | Func::Clock(_))
}

fn sum<const N: usize>(parts: [u64; N]) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}

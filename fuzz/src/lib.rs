//! What the fuzz targets share: policies and requests in few words.

use serde_json::{Value, json};
use uuid::Uuid;
use writ_policy::{Decision, Facts, Mode, Policy, PolicySet, PolicyType, Request, decide_alone};

/// 2026-11-20T12:00:00Z.
const NOON: i64 = 1_795_176_000_000;

/// A policy of a type, blocking.
#[must_use]
pub fn policy(n: u128, policy_type: PolicyType, rule: Value) -> Policy {
    let id = Uuid::from_u128(n);
    Policy::new(id, format!("policy {n}"), policy_type, Mode::Block, rule)
}

/// Judges twice: equal arguments must give equal bytes.
///
/// # Panics
/// When they do not.
#[must_use]
pub fn decide(set: &PolicySet, request: &Request) -> Decision {
    let first = decide_alone(set, request, &Facts::at(NOON));
    let second = decide_alone(set, request, &Facts::at(NOON));
    assert_eq!(first, second, "equal arguments gave different decisions");
    first
}

/// A request that fills the fields which expressions and rules look at.
#[must_use]
pub fn request(input: &str) -> Request {
    Request {
        input: input.to_owned(),
        environment: "production".to_owned(),
        metadata: Some(json!({"amount": 12, "note": input, "list": [1, "a", null]})),
        estimated_cost: Some(0.5),
        tools: vec!["db.read".to_owned(), "search".to_owned()],
        ..Request::default()
    }
}

/// Bytes up to a NUL are one text, the rest another; what is no text is read as one.
#[must_use]
pub fn two_texts(data: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(data);
    let (first, second) = text.split_once('\0').unwrap_or((&text, ""));
    (first.to_owned(), second.to_owned())
}

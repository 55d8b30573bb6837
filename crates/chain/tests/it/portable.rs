//! Action Receipts, and what is told apart from them, by both verifiers.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use writ_chain::canonical;
use writ_chain::document::{Document, Told, differences};

use super::bundle::Signers;
use super::changes::tampered;
use super::python::{self, Job};
use super::statements::{MISUSE, receipt, report, told};

const VERSION: &str = "agentboundary/v0.1";

/// With the hash of its content.
fn hashed(mut value: Value) -> Value {
    let fields = value.as_object_mut().unwrap();
    fields.remove("receipt_hash");
    let hash = hex::encode(Sha256::digest(canonical::to_vec(&value).unwrap()));
    value["receipt_hash"] = json!(hash);
    value
}

fn decision(by: &Signers) -> String {
    let recorded = &receipt(by, 5)["statement"];
    recorded["decisionId"].as_str().unwrap().to_owned()
}

/// Of the decision that entry 5 of the test's ledger records.
fn action_receipt(by: &Signers) -> Value {
    let recorded = &receipt(by, 5)["statement"];
    hashed(json!({
        "version": VERSION,
        "receipt_id": recorded["eventId"],
        "issued_at": "2026-06-15T16:02:17.5+02:00",
        "actor": {"type": "agent", "id": recorded["entry"]["actor"]},
        "agent": {"framework": "x", "framework_version": "1", "model": "m"},
        "tool": {"name": "stripe", "capability": "stripe.refund"},
        "target": {"system": "stripe", "environment": "prod"},
        "arguments_hash": "ab".repeat(32),
        "policy": {"name": "p", "version": "1", "decision": "allow"},
        "execution": {
            "status": "success", "completed_at": "2026-06-15T16:02:18Z",
            "result_ref": format!("writ:{}", decision(by)),
        },
    }))
}

#[test]
fn every_field_of_an_action_receipt_is_checked_by_both_verifiers() {
    let by = Signers::new();
    let honest = action_receipt(&by);
    let mut cases = vec![("honest".to_owned(), honest.to_string(), Some(0))];
    for (name, value) in tampered(&honest) {
        let version = name.starts_with("/version") || name.starts_with(": version");
        let code = (!version).then_some(2);
        if !name.contains("receipt_hash") {
            let anew = hashed(value.clone()).to_string();
            cases.push((format!("{name}, made anew"), anew, None));
        }
        cases.push((name, value.to_string(), code));
    }
    let unhashed = json!({"version": VERSION});
    for (name, value) in [
        ("only a hash", hashed(unhashed.clone())),
        ("nothing", unhashed),
        ("answered", json!({"data": honest})),
    ] {
        cases.push((name.to_owned(), value.to_string(), Some(2)));
    }
    let twice = honest.to_string().replacen('{', "{\"tool\":1,", 1);
    cases.push(("twice".to_owned(), twice, Some(2)));
    let approved = |change: fn(&mut Value)| {
        let mut value = action_receipt(&by);
        value["policy"]["decision"] = json!("require-approval");
        let at = "2026-06-15T16:02:17Z";
        value["approval"] = json!({"approver": {"id": "per_1"}, "approved_at": at});
        change(&mut value);
        hashed(value).to_string()
    };
    for (name, text, code) in [
        ("approved", approved(|_| ()), 0),
        (
            "by nobody",
            approved(|it| it["approval"]["approver"] = json!({})),
            2,
        ),
        (
            "at no time",
            approved(|it| it["approval"]["approved_at"] = json!("x")),
            2,
        ),
        (
            "no approval",
            approved(|it| drop(it.as_object_mut().unwrap().remove("approval"))),
            2,
        ),
    ] {
        cases.push((name.to_owned(), text, Some(code)));
    }
    judge(&by, cases);
}

/// A text is a signed statement if it holds one, and never anything less.
#[test]
fn a_signed_statement_is_not_taken_for_what_nobody_signs() {
    let by = Signers::new();
    let mut cases = Vec::new();
    for (kind, honest) in [("receipt", receipt(&by, 5)), ("report", report(&by))] {
        let mut beside = honest.clone();
        beside["version"] = json!(VERSION);
        let mut forged = beside.clone();
        forged["statement"]["entry"] = json!("x");
        let wrapped = json!({"data": honest, "verdict": "approved"});
        let mut both = honest.clone();
        both["data"] = honest.clone();
        for (name, value) in [
            ("with a version", beside.clone()),
            ("with a version and a hash", hashed(beside)),
            ("changed, with both", hashed(forged.clone())),
            ("words beside it", wrapped.clone()),
            (
                "wrapped, as another",
                hashed(json!({"data": honest, "version": VERSION})),
            ),
            ("twice", both),
        ] {
            cases.push((format!("{kind}, {name}"), value.to_string(), Some(2)));
        }
    }
    judge(&by, cases);
}

fn judge(by: &Signers, cases: Vec<(String, String, Option<u8>)>) {
    let keys = by.keys();
    let jobs = cases
        .iter()
        .map(|(_, text, _)| Job::new(text.clone().into(), &keys));
    let found = python::codes(jobs.collect());
    for ((name, text, code), python) in cases.into_iter().zip(found) {
        let rust = told(&text, &keys, &Told::default());
        assert_eq!(rust, python, "{name}: Rust, Python\n{text}");
        assert_eq!(rust, code.unwrap_or(rust), "{name}\n{text}");
    }
}

#[test]
fn an_action_receipt_says_what_the_ledger_recorded_or_is_found() {
    let by = Signers::new();
    let keys = by.keys();
    let honest = action_receipt(&by);
    let (mut jobs, mut codes) = (Vec::new(), Vec::new());
    let mut case = |name, (pointer, value): (&str, Value), against: Value, code: u8| {
        let mut changed = honest.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        let changed = hashed(changed);
        let rust = match Document::read(&against.to_string()) {
            Some(Document::Receipt(signed)) => {
                let alike = differences(&changed, &signed.statement).is_empty();
                if alike { 0 } else { 2 }
            }
            _ => MISUSE,
        };
        assert_eq!(rust, code, "{name}");
        let job = Job::new(changed.to_string().into(), &keys);
        jobs.push(job.with("against", json!(against.to_string())));
        codes.push((name, code));
    };
    let same = || ("/version", json!(VERSION));
    let (actor, reference) = ("/actor/id", "/execution/result_ref");
    let noted = json!(format!(
        "writ:{}?arguments_hash=keyed-digest",
        decision(&by)
    ));
    let five = || receipt(&by, 5);
    case("honest", same(), five(), 0);
    case("noted", (reference, noted), five(), 0);
    case("decided", ("/policy/decision", json!("deny")), five(), 2);
    case("another actor", (actor, json!("somebody")), five(), 2);
    case("another act", (reference, json!("writ:dec_1")), five(), 2);
    case("another tool", ("/tool/name", json!("other")), five(), 0);
    case("another receipt", same(), receipt(&by, 4), 2);
    case("of no decision", same(), receipt(&by, 6), 2);
    case("no receipt", same(), report(&by), MISUSE);
    let found = python::codes(jobs);
    let named = codes.iter().map(|(name, _)| *name).zip(found);
    assert_eq!(named.collect::<Vec<_>>(), codes);
}

#[test]
fn of_an_action_receipt_no_witness_can_be_demanded() {
    let by = Signers::new();
    let quorum = Told {
        quorum: Some(0),
        ..Told::default()
    };
    let text = action_receipt(&by).to_string();
    assert_eq!(told(&text, &by.keys(), &quorum), MISUSE);
    let job = Job::new(text.into(), &by.keys()).with("quorum", json!(0));
    assert_eq!(python::codes(vec![job]), [MISUSE]);
}

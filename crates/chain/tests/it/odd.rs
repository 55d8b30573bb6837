//! Odd entries and headers, signed as any other: both verifiers say the same of them.

use serde_json::{Value, json};
use writ_chain::canonical;
use writ_chain::export::{Tally, manifest_line};
use writ_chain::leaf::{genesis_hash, leaf_hash};
use writ_chain::verify::{Trust, header_of, verify_export};

use super::bundle::{Ledger, Parts, Signers, tenant};
use super::python::{self, Job};

/// A leaf around any bytes.
fn leaf(body: &[u8]) -> Vec<u8> {
    let mut leaf = b"writ-leaf\x01".to_vec();
    leaf.extend(tenant(1).as_bytes());
    leaf.extend(0_u64.to_be_bytes());
    leaf.extend(tenant(5).as_bytes());
    leaf.extend(genesis_hash(tenant(1)));
    leaf.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    leaf.extend(body);
    leaf
}

fn plain() -> Value {
    let source = json!({"emitter": "e", "stream": "s", "subject": "t"});
    json!({"type": "x.y.v1", "occurred_at": 1, "digest": "00", "source": source})
}

/// An entry with other or more fields, by pointer.
fn with(changes: &[(&str, Value)]) -> Vec<u8> {
    let mut body = plain();
    for (field, value) in changes {
        let (parent, name) = field.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    canonical::to_vec(&body).unwrap()
}

/// An entry with this at its end, as it stands.
fn ending(text: &str) -> Vec<u8> {
    let mut body = with(&[]);
    body.pop();
    body.extend(text.as_bytes());
    body.push(b'}');
    body
}

fn nested(levels: usize) -> Vec<u8> {
    ending(&format!(
        ",\"z\":{}{}",
        "[".repeat(levels),
        "]".repeat(levels)
    ))
}

fn entries() -> Vec<(&'static str, Vec<u8>, u8)> {
    vec![
        ("plain", with(&[]), 0),
        (
            "a field of a later release",
            with(&[("/new", json!({"a": [null, true]}))]),
            0,
        ),
        ("no source", br#"{"type":"x"}"#.to_vec(), 2),
        ("nothing", b"{}".to_vec(), 2),
        ("no object", b"[]".to_vec(), 2),
        (
            "no time",
            br#"{"digest":"","source":{"emitter":"e"},"type":"x"}"#.to_vec(),
            2,
        ),
        (
            "an emitter that is no text",
            with(&[("/source/emitter", json!({"a": 1}))]),
            2,
        ),
        (
            "a number as text",
            with(&[("/source/emitter_seq", json!("5"))]),
            2,
        ),
        (
            "a number below nothing",
            with(&[("/source/emitter_seq", json!(-5))]),
            2,
        ),
        (
            "the highest number",
            with(&[("/source/emitter_seq", json!(u64::MAX))]),
            0,
        ),
        ("no target, said", with(&[("/target", Value::Null)]), 2),
        (
            "a window",
            with(&[("/window", json!({"from": 1, "to": 2, "count": 3}))]),
            0,
        ),
        (
            "a window without an end",
            with(&[("/window", json!({"from": 1, "count": 3}))]),
            2,
        ),
        (
            "on behalf of a number",
            with(&[("/on_behalf_of", json!([1]))]),
            2,
        ),
    ]
}

fn holes() -> Vec<(&'static str, Vec<u8>, u8)> {
    let gap = |target: Value| {
        with(&[
            ("/type", json!("ledger.gap_detected.v1")),
            ("/target", target),
        ])
    };
    vec![
        ("a hole", gap(json!("incarnation:a:b:1-2")), 0),
        ("a hole without an end", gap(json!("incarnation:zzz")), 2),
        ("a hole of nobody", gap(json!("incarnation::1-2")), 2),
        (
            "a hole beyond numbers",
            gap(json!("incarnation:a:1-99999999999999999999")),
            2,
        ),
        ("a hole with a sign", gap(json!("incarnation:a:+1-2")), 2),
        ("a hole in no text", gap(json!(5)), 2),
        ("a hole of something else", gap(json!("stream:x")), 0),
    ]
}

fn spellings() -> Vec<(&'static str, Vec<u8>, u8)> {
    vec![
        ("a fraction", ending(",\"z\":1.5"), 2),
        ("a small fraction", ending(",\"z\":1e-7"), 2),
        ("a whole number as a fraction", ending(",\"z\":1.0"), 2),
        ("a large number", ending(",\"z\":18446744073709551615"), 0),
        ("a larger number", ending(",\"z\":18446744073709551616"), 2),
        ("less than nothing", ending(",\"z\":-0"), 2),
        ("a field twice", ending(",\"type\":\"z\""), 2),
        (
            "the order of code points",
            ending(",\"\u{ffee}\":1,\"\u{1f600}\":2"),
            2,
        ),
        (
            "the order of UTF-16",
            ending(",\"\u{1f600}\":2,\"\u{ffee}\":1"),
            0,
        ),
        ("half a character", ending(",\"z\":\"\\ud800\""), 2),
        ("a NUL", ending(",\"z\":\"\\u0000\""), 2),
        ("a control character", ending(",\"z\":\"\\u001f\u{7f}\""), 0),
        ("an escape too many", ending(",\"z\":\"\\u0041\""), 2),
        ("deep", nested(63), 0),
        ("too deep", nested(64), 2),
        ("far too deep", nested(140), 2),
        ("deep beyond all", nested(30_000), 2),
    ]
}

fn judge(cases: Vec<(&str, Vec<u8>, u8)>, by: &Signers) {
    let keys = by.keys();
    let (mut jobs, mut codes) = (Vec::new(), Vec::new());
    for (name, bundle, code) in cases {
        let lines = bundle.split_inclusive(|byte| *byte == b'\n');
        let trust = Trust::new(tenant(1), keys.trusted());
        let rust = verify_export(lines, trust).class().exit_code();
        assert_eq!(rust, code, "{name}");
        jobs.push(Job::new(bundle, &keys));
        codes.push((name, code));
    }
    let found = python::codes(jobs);
    let named = codes.iter().map(|(name, _)| *name).zip(found);
    assert_eq!(named.collect::<Vec<_>>(), codes);
}

#[test]
fn of_an_odd_entry_both_verifiers_say_the_same() {
    let by = Signers::new();
    let bundle = |body: &[u8]| {
        let ledger = Ledger {
            leaves: vec![leaf(body)],
            ..Ledger::of(tenant(1), 0)
        };
        assert_eq!(ledger.hashes()[0], leaf_hash(&ledger.leaves[0]));
        ledger.whole(&by).signed(&by)
    };
    let cases = entries().into_iter().chain(holes()).chain(spellings());
    let cases = cases.map(|(name, body, code)| (name, bundle(&body), code));
    judge(cases.collect(), &by);
}

/// The bundle with another first line under the same signatures.
fn headed(parts: &Parts, by: &Signers, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut lines = parts.lines(&[&by.export]);
    let mut header: Value = serde_json::from_str(&lines[0]).unwrap();
    change(&mut header);
    lines[0] = String::from_utf8(canonical::to_vec(&header).unwrap()).unwrap() + "\n";
    lines.pop();
    let mut tally = Tally::default();
    lines.iter().for_each(|line| tally.line(line.as_bytes()));
    (0..parts.shown).for_each(|_| tally.shown());
    let header = header_of(lines[0].as_bytes()).unwrap_or(parts.header.clone());
    let note = tally.manifest(&header).sign(&[&by.export]).unwrap();
    lines.push(manifest_line(&note).unwrap());
    lines.concat().into_bytes()
}

#[test]
fn of_an_odd_header_both_verifiers_say_the_same() {
    let by = Signers::new();
    let parts = Ledger::of(tenant(1), 3).whole(&by);
    let with = |field: &'static str, value: Value| headed(&parts, &by, move |it| it[field] = value);
    let cases = vec![
        ("as it is", headed(&parts, &by, |_| ()), 0),
        ("a filter", with("filter", json!({"foo": "x"})), 0),
        ("a filter for nothing", with("filter", json!({})), 2),
        ("a filter for a number", with("filter", json!({"a": 5})), 2),
        ("a period without ends", with("period", json!({})), 0),
        ("a period with an end", with("period", json!({"to": -5})), 0),
        ("a period of words", with("period", json!({"from": "a"})), 2),
        (
            "a period without a word",
            with("period", json!({"from": null})),
            2,
        ),
        (
            "a period with more",
            with("period", json!({"from": 1, "zzz": 2})),
            2,
        ),
        ("no global log, said", with("global", Value::Null), 2),
        (
            "another spelling",
            with("org", json!(tenant(1).simple().to_string())),
            2,
        ),
        ("another size", with("size", json!(2)), 2),
        ("a range backwards", with("from", json!(4)), 2),
        ("a word more", with("more", json!(1)), 2),
        (
            "more heads than there are",
            headed(&parts, &by, |it| it["global"]["heads"] = json!(1_u64 << 63)),
            2,
        ),
    ];
    judge(cases, &by);
}

#[test]
fn what_is_none_of_it_is_bad_content() {
    let by = Signers::new();
    let cases = vec![
        ("nothing", Vec::new(), 2),
        ("a line end", b"\n".to_vec(), 2),
        ("words", b"hello".to_vec(), 2),
        ("no text", vec![0xff, 0xfe, 0], 2),
        ("JSON", b"{}".to_vec(), 2),
        ("a list", b"[1]".to_vec(), 2),
        ("deep", "[".repeat(100_000).into_bytes(), 2),
        (
            "deep and whole",
            format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000)).into(),
            2,
        ),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), 2),
    ];
    judge(cases, &by);
}

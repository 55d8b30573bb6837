//! A statement of coverage, counted again from an export by both verifiers.

use serde_json::{Value, json};
use writ_chain::chain::Chain;
use writ_chain::checkpoint;
use writ_chain::coverage::{self, Coverage, EXCLUDES, Emitter, Outcomes, Recount, Tail};
use writ_chain::leaf::{EntryBody, GAP, Source, Window};
use writ_chain::statement::{Signed, sign};
use writ_chain::verify::{Class, KnownHead, Trust, verify_export_each};

use super::bundle::{Keys, Ledger, Signers, body, tenant};
use super::python::{self, Job};
use super::statements::signed_anew;

const FROM: i64 = 1_760_000_000_000_000;
const SECOND: i64 = 1_000_000;
const TO: i64 = FROM + 600 * SECOND;
const HOUR: i64 = 3_600 * SECOND;

/// An entry of a fact, `at` seconds after the period's begin.
fn entry(kind: &str, at: i64, number: Option<(&str, u64)>) -> EntryBody {
    EntryBody {
        kind: kind.into(),
        occurred_at: FROM + at * SECOND,
        source: Source {
            emitter: number.map_or("ingest", |(emitter, _)| emitter).into(),
            emitter_seq: number.map(|(_, number)| number),
            ..body(0).source
        },
        ..body(0)
    }
}

fn decision(at: i64, emitter: &str, number: u64, agent: &str, outcome: &str) -> EntryBody {
    EntryBody {
        actor: Some(format!("agent:{agent}")),
        outcome: Some(outcome.into()),
        ..entry("decision.made.v1", at, Some((emitter, number)))
    }
}

fn report(kind: &str, target: &str, (from, to): (i64, i64), count: u64) -> EntryBody {
    EntryBody {
        target: Some(target.into()),
        window: Some(Window {
            from: FROM + from * SECOND,
            to: FROM + to * SECOND,
            count,
        }),
        ..entry(kind, 300, None)
    }
}

/// In the period: four decisions of the agent, one of another and one that names nobody; what came
/// before, after and under another name.
fn entries() -> Vec<EntryBody> {
    let seen = |window, count| report("presence.heard.v1", "agent:u1", window, count);
    let bypass = |agent, window, count| report("bypass.reported.v1", agent, window, count);
    vec![
        decision(-10, "a", 4, "u1", "allowed"),
        decision(1, "a", 6, "u1", "allowed"),
        decision(0, "a", 5, "u1", "blocked"),
        EntryBody {
            target: Some("incarnation:a:7-7".into()),
            ..entry(GAP, 3, Some(("a", 8)))
        },
        decision(3, "a", 8, "other", "allowed"),
        EntryBody {
            actor: Some("key:key_1".into()),
            ..decision(4, "a", 9, "", "allowed")
        },
        decision(5, "b", 1, "u1", "held"),
        decision(599, "b", 2, "u1", "allowed"),
        decision(600, "b", 3, "u1", "allowed"),
        decision(601, "later", 1, "u1", "allowed"),
        seen((-100, 100), 9),
        seen((50, 200), 8),
        seen((500, 700), 7),
        seen((700, 800), 6),
        bypass("agent:support", (10, 20), 2),
        bypass("agent:u1", (15, 30), 3),
        bypass("agent:other", (0, 600), 4),
        report("bypass_drop.reported.v1", "bypass_drop:1", (-5, 0), 5),
        report("bypass_drop.reported.v1", "bypass_drop:2", (601, 700), 6),
    ]
}

fn ledger(owner: u128, entries: &[EntryBody]) -> Ledger {
    let mut chain = Chain::new(tenant(owner));
    let leaf = |(n, body): (u128, &EntryBody)| chain.append(tenant(n), body).unwrap();
    Ledger {
        leaves: (0..)
            .zip(entries)
            .map(leaf)
            .map(|it| it.leaf_bytes)
            .collect(),
        ..Ledger::of(tenant(owner), 0)
    }
}

fn statement(by: &Signers, ledger: &Ledger) -> Value {
    let emitter = |emitter: &str, after, last, present, tail| Emitter {
        emitter: emitter.into(),
        after,
        last,
        present,
        tail,
    };
    let statement = Coverage {
        format: coverage::FORMAT.into(),
        org: tenant(1),
        agent: "support".into(),
        from: FROM,
        to: TO,
        decisions: 5,
        outcomes: Outcomes {
            allowed: 3,
            held: 1,
            denied: 1,
        },
        names: vec!["support".into(), "u1".into()],
        unnamed: Some(1),
        heard_seconds: Some(300),
        silent_seconds: Some(300),
        ungoverned_seconds: 20,
        ungoverned_acts: 5,
        lost_reports: 5,
        missing: Some(1),
        emitters: vec![
            emitter("a", 4, 9, 4, Tail::Closed),
            emitter("b", 0, 2, 2, Tail::Continued),
        ],
        silent_emitters: 0,
        excludes: EXCLUDES.map(str::to_owned).to_vec(),
        checkpoint: ledger.note(&by.log),
        issued_at: TO + HOUR,
    };
    serde_json::to_value(sign(statement, &by.export).unwrap()).unwrap()
}

/// As `writ audit verify --file … --against …` judges it.
fn rust(statement: &Value, bundle: &[u8], keys: &Keys) -> (u8, Vec<String>) {
    let signed: Signed<Coverage> = serde_json::from_value(statement.clone()).unwrap();
    if let Err(refusal) = coverage::verify(&signed, &keys.trusted()) {
        return (refusal.class().exit_code(), vec![refusal.to_string()]);
    }
    let head = checkpoint::unverified(&signed.statement.checkpoint).unwrap();
    let mut count = Recount::new(&signed.statement, head.size);
    let known = KnownHead {
        size: head.size,
        root: head.root,
    };
    let trust = Trust {
        known: vec![known],
        ..Trust::new(signed.statement.org, keys.trusted())
    };
    let lines = bundle.split_inclusive(|byte| *byte == b'\n');
    let report = verify_export_each(lines, trust, |at, body| count.entry(at, body));
    if report.class() != Class::Clean {
        return (report.class().exit_code(), Vec::new());
    }
    let found = count.differences();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let code = if found.is_empty() { 0 } else { 2 };
    (code, found)
}

fn judge(cases: &[(&str, Value, Vec<u8>)], keys: &Keys) -> Vec<(u8, Vec<String>)> {
    let job = |(_, statement, bundle): &(&str, Value, Vec<u8>)| {
        let bundle = String::from_utf8(bundle.clone()).unwrap();
        Job::new(statement.to_string().into(), keys).with("against", json!(bundle))
    };
    let python = python::codes(cases.iter().map(job).collect());
    let judged = cases
        .iter()
        .zip(python)
        .map(|((name, statement, bundle), python)| {
            let (code, found) = rust(statement, bundle, keys);
            assert_eq!(code, python, "{name}: Rust, Python\n{found:?}");
            (code, found)
        });
    judged.collect()
}

#[test]
fn what_a_statement_says_is_what_the_entries_give() {
    let by = Signers::new();
    let mut all = entries();
    let ledger_then = ledger(1, &all);
    let honest = statement(&by, &ledger_then);
    // Recorded after the statement: it says nothing of these.
    all.push(decision(7, "a", 10, "u1", "allowed"));
    all.push(report("presence.heard.v1", "agent:u1", (0, 600), 1));
    let later = ledger(1, &all);
    let cases =
        [ledger_then, later].map(|it| ("honest", honest.clone(), it.whole(&by).signed(&by)));
    for (code, found) in judge(&cases, &by.keys()) {
        assert_eq!((code, found), (0, Vec::new()));
    }
}

#[test]
fn a_number_that_the_entries_do_not_give_is_found_though_it_is_signed() {
    let by = Signers::new();
    let ledger = ledger(1, &entries());
    let (honest, bundle) = (statement(&by, &ledger), ledger.whole(&by).signed(&by));
    let changes: [(&str, &[(&str, Value)]); 11] = [
        (
            "decisions",
            &[("/decisions", json!(4)), ("/outcomes/allowed", json!(2))],
        ),
        ("unnamed", &[("/unnamed", json!(0))]),
        (
            "outcomes",
            &[
                ("/outcomes/denied", json!(0)),
                ("/outcomes/allowed", json!(4)),
            ],
        ),
        (
            "heard",
            &[
                ("/heardSeconds", json!(301)),
                ("/silentSeconds", json!(299)),
            ],
        ),
        ("ungoverned", &[("/ungovernedSeconds", json!(0))]),
        ("acts", &[("/ungovernedActs", json!(2))]),
        ("lost", &[("/lostReports", json!(0))]),
        (
            "nothing missing",
            &[("/emitters/0/present", json!(5)), ("/missing", json!(0))],
        ),
        (
            "an emitter left out",
            &[("/emitters", json!([honest["statement"]["emitters"][0]]))],
        ),
        (
            "another period",
            &[("/to", json!(TO + SECOND)), ("/silentSeconds", json!(301))],
        ),
        ("other names", &[("/names", json!(["support"]))]),
    ];
    let mut cases = Vec::new();
    for (name, fields) in changes {
        let mut changed = honest.clone();
        for (place, value) in fields {
            *changed["statement"].pointer_mut(place).unwrap() = value.clone();
        }
        cases.push((name, signed_anew(changed, &by.export), bundle.clone()));
    }
    for ((name, ..), (code, found)) in cases.iter().zip(judge(&cases, &by.keys())) {
        println!("{name}: {found:?}");
        assert_eq!(code, 2, "{name}");
        assert!(found[0].contains("by the entries"), "{name}: {found:?}");
    }
}

#[test]
fn an_export_that_is_not_whole_or_of_another_ledger_is_no_witness() {
    let by = Signers::new();
    let all = entries();
    let whole = ledger(1, &all);
    let honest = statement(&by, &whole);
    let shorter = ledger(1, &all[..10]).whole(&by).signed(&by);
    let hidden = whole
        .parts(&by, 0..whole.size(), |seq| seq != 3)
        .signed(&by);
    let foreign = ledger(2, &all).whole(&by).signed(&by);
    let mut other = all;
    other[0].outcome = Some("blocked".into());
    let rewritten = ledger(1, &other).whole(&by).signed(&by);
    let cases = [
        ("shorter", honest.clone(), shorter),
        ("hidden", honest.clone(), hidden),
        ("foreign", honest.clone(), foreign),
        ("rewritten", honest, rewritten),
    ];
    let codes: Vec<u8> = judge(&cases, &by.keys()).iter().map(|it| it.0).collect();
    assert_eq!(codes, [4, 4, 2, 2]);
}

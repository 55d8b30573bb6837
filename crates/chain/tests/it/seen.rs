//! What a reader kept from earlier, beside what is shown now, by both verifiers.

use serde_json::{Value, json};
use uuid::Uuid;
use writ_chain::Hash;
use writ_chain::checkpoint::{Checkpoint, global_origin, sign, tenant_origin};
use writ_chain::cosignature::WitnessSigner;
use writ_chain::document::Told;
use writ_chain::export::Period;
use writ_chain::merkle::root_of;
use writ_chain::verify::{Asked, Seen, Trust, verify_export};

use super::bundle::{KEY_NAME, Keys, Signers, tenant};
use super::python::{self, Job};
use super::statements::{self, MISUSE, told};
use super::tamper::World;

fn rust(bundle: &[u8], trust: Trust) -> u8 {
    let lines = bundle.split_inclusive(|byte| *byte == b'\n');
    verify_export(lines, trust).class().exit_code()
}

fn note(by: &Signers, origin: String, size: u64, root: Hash, witness: Option<u8>) -> String {
    let head = Checkpoint {
        origin,
        size,
        root,
        extensions: Vec::new(),
    };
    let mut note = sign(&head, &[&by.log]).unwrap();
    if let Some(seed) = witness {
        let witness = WitnessSigner::from_seed("witness.test/w1", &[seed; 32]).unwrap();
        note.push_str(&witness.cosign(&head.to_text().unwrap(), 1_780_000_000));
    }
    note
}

fn own(by: &Signers, org: Uuid, size: u64, root: Hash) -> String {
    note(by, tenant_origin(KEY_NAME, org), size, root, None)
}

fn above(by: &Signers, size: u64, root: Hash, witness: Option<u8>) -> String {
    note(by, global_origin(KEY_NAME), size, root, witness)
}

fn seen(notes: &[String], keys: &Keys) -> Vec<Seen> {
    let trusted = keys.trusted();
    let open = |note: &String| Seen::open(note, &trusted).unwrap();
    notes.iter().map(open).collect()
}

/// A bundle, what is told with it, and the code.
struct Case<'a> {
    name: &'static str,
    bundle: &'a [u8],
    asked: Asked,
    kept: Vec<String>,
    quorum: Option<usize>,
    code: u8,
}

fn judge(cases: Vec<Case<'_>>, keys: &Keys) {
    let (mut jobs, mut codes) = (Vec::new(), Vec::new());
    for it in cases {
        let asked = match &it.asked {
            Asked::Entries(range) => json!(["entries", range.start, range.end]),
            Asked::Everything | Asked::Period(_) | Asked::WhatIsShown => json!(["all"]),
        };
        let trust = Trust {
            asked: it.asked,
            quorum: it.quorum,
            ..Trust::new(tenant(1), keys.trusted())
        };
        let trust = trust.with_seen(&seen(&it.kept, keys));
        let found = trust.map_or(MISUSE, |trust| rust(it.bundle, trust));
        assert_eq!(found, it.code, "{}", it.name);
        let job = Job::new(it.bundle.to_vec(), keys).with("asked", asked);
        let job = job.with("seen", json!(it.kept));
        jobs.push(job.with("quorum", json!(it.quorum)));
        codes.push((it.name, it.code));
    }
    let found = python::codes(jobs);
    let named = codes.iter().map(|(name, _)| *name).zip(found);
    assert_eq!(named.collect::<Vec<_>>(), codes);
}

#[test]
fn a_bundle_must_have_grown_from_what_was_kept_of_its_ledger() {
    let world = World::new(30);
    let by = &world.signers;
    let hashes = world.ledger.hashes();
    let root = |size: u64| root_of(&hashes[..usize::try_from(size).unwrap()], size).unwrap();
    let late = world.ledger.parts(by, 15..30, |_| true).signed(by);
    let mut cases = Vec::new();
    let mut case = |name, part: bool, (size, root): (u64, Hash), code| {
        let (bundle, asked) = if part {
            (&late[..], Asked::Entries(15..30))
        } else {
            (&world.honest[..], Asked::Everything)
        };
        cases.push(Case {
            name,
            bundle,
            asked,
            kept: vec![own(by, tenant(1), size, root)],
            quorum: None,
            code,
        });
    };
    case("earlier", false, (10, root(10)), 0);
    case("earlier, other", false, (10, [7; 32]), 2);
    case("nothing yet", false, (0, root(0)), 0);
    case("the same", false, (30, root(30)), 0);
    case("the same, other", false, (30, [7; 32]), 2);
    case("longer", false, (31, [7; 32]), 4);
    case("within a mark", true, (10, root(10)), 4);
    case("within a mark, other", true, (10, [7; 32]), 4);
    case("between marks", true, (8, root(8)), 0);
    case("between marks, other", true, (8, [7; 32]), 2);
    case("signed, a part shown", true, (30, root(30)), 0);
    case("signed, a part shown, other", true, (30, [7; 32]), 2);
    judge(cases, &by.keys());
}

#[test]
fn the_log_over_all_must_have_grown_from_what_was_kept_of_it() {
    let world = World::new(30);
    let by = &world.signers;
    let mut alone = world.parts.clone();
    let global = alone.header.global.take().unwrap().checkpoint;
    let alone = alone.signed(by);
    let other = |size, witness| vec![above(by, size, [7; 32], witness)];
    let mut cases = Vec::new();
    let mut case = |name, whole: bool, kept: Vec<String>, quorum, code| {
        cases.push(Case {
            name,
            bundle: if whole { &world.honest } else { &alone },
            asked: Asked::Everything,
            kept,
            quorum,
            code,
        });
    };
    case("the same", true, vec![global.clone()], None, 0);
    case("the same, other", true, other(9, Some(2)), None, 2);
    case("longer", true, other(10, Some(2)), None, 4);
    case("vouched for", true, other(3, Some(2)), None, 0);
    case("by nobody", true, other(3, None), None, 4);
    case("by a stranger", true, other(3, Some(9)), None, 4);
    let stranger = vec![own(by, tenant(2), 10, [7; 32])];
    case("of another organisation", true, stranger, None, MISUSE);
    case("not shown", false, Vec::new(), None, 4);
    case("not shown, allowed", false, Vec::new(), Some(0), 0);
    case("not shown, kept", false, vec![global], Some(0), 4);
    judge(cases, &by.keys());
}

#[test]
fn a_statement_is_compared_with_what_was_kept_or_says_that_it_cannot_be() {
    let by = &Signers::new();
    let keys = by.keys();
    let root = root_of(&statements::ledger().hashes()[..], 11).unwrap();
    let other = [7; 32];
    let proof = statements::receipt(by, 5);
    let global = proof["statement"]["global"]["checkpoint"].as_str().unwrap();
    let (global, papers) = (
        global.to_owned(),
        [statements::coverage(by), statements::report(by)],
    );
    let of = |size, root| own(by, tenant(1), size, root);
    let stranger = own(by, tenant(2), 11, root);
    let mut cases: Vec<(&Value, Vec<String>, Option<usize>, u8)> = vec![
        (&proof, vec![global], Some(1), 0),
        (&proof, vec![above(by, 9, other, Some(2))], None, 2),
        (&proof, vec![above(by, 3, other, Some(2))], None, 0),
        (&proof, vec![above(by, 3, other, None)], None, 4),
        (&proof, vec![], Some(2), 5),
        (&papers[0], vec![above(by, 9, other, Some(2))], None, 4),
        (&papers[1], vec![], Some(0), MISUSE),
        (&papers[0], vec![], Some(1), MISUSE),
    ];
    for it in papers.iter().chain([&proof]) {
        cases.extend([
            (it, vec![of(11, root)], None, 0),
            (it, vec![of(11, other)], None, 2),
            (it, vec![of(10, other)], None, 4),
            (it, vec![of(12, other), of(11, root)], None, 4),
            (it, vec![stranger.clone()], None, MISUSE),
        ]);
    }
    let (mut jobs, mut codes) = (Vec::new(), Vec::new());
    for (statement, kept, quorum, code) in cases {
        let text = statement.to_string();
        let seen = seen(&kept, &keys);
        let found = told(&text, &keys, &Told { seen, quorum });
        assert_eq!(found, code, "{kept:?} {quorum:?} {text}");
        let job = Job::new(text.into(), &keys).with("seen", json!(kept));
        jobs.push(match quorum {
            Some(quorum) => job.with("quorum", json!(quorum)),
            None => job,
        });
        codes.push(code);
    }
    assert_eq!(python::codes(jobs), codes);
}

/// The witness signed at second 1,790,000,000; the last entry is of second 1,760,000,029.
#[test]
fn a_period_is_whole_once_something_shows_that_it_is_over() {
    let world = World::new(30);
    let by = &world.signers;
    let keys = by.keys();
    let blind = Keys {
        witness_keys: Vec::new(),
        ..keys.clone()
    };
    let (mut jobs, mut codes) = (Vec::new(), Vec::new());
    let mut case = |name: &str, (from, to): (u64, u64), end: i64, keys: &Keys, code: u8| {
        let period = Period {
            from: Some(1),
            to: Some(end * 1_000_000),
        };
        let mut parts = world.ledger.parts(by, from..to, |_| true);
        parts.header.period = Some(period);
        let bundle = parts.signed(by);
        let trust = Trust {
            asked: Asked::Period(period),
            ..Trust::new(tenant(1), keys.trusted())
        };
        assert_eq!(rust(&bundle, trust), code, "{name}");
        let job = Job::new(bundle, keys);
        jobs.push(job.with("asked", json!(["period", period.from, period.to])));
        codes.push(code);
    };
    let (last, witnessed) = (1_760_000_029, 1_790_000_000);
    case("witnessed at its end", (0, 30), witnessed, &keys, 0);
    case("not yet", (0, 30), witnessed + 1, &keys, 4);
    case("nobody's word", (0, 30), witnessed, &blind, 4);
    case("an entry of its end", (0, 30), last, &blind, 0);
    case("an entry before it", (0, 30), last + 1, &blind, 4);
    case("an entry follows", (0, 20), witnessed + 1, &blind, 0);
    case("nothing, and over", (0, 0), witnessed, &keys, 0);
    case("nothing, who knows", (0, 0), witnessed, &blind, 4);
    assert_eq!(python::codes(jobs), codes);
}

//! Every kind of tampering at 200 positions, by both verifiers; and no false alarm.

use serde_json::json;
use writ_chain::export::Period;
use writ_chain::keys::NamedSigner;
use writ_chain::verify::{Asked, Class, Seen, Trust, header_of, verify_export};

use super::bundle::{Keys, Ledger, tenant};
use super::inside::{INSIDE, held_by_the_witness};
use super::python::{self, Job};
use super::tamper::{KINDS, World};

const POSITIONS: usize = 200;

fn trust(keys: &Keys) -> Trust {
    Trust::new(tenant(1), keys.trusted())
}

fn rust(bundle: &[u8], trust: Trust) -> u8 {
    let lines = bundle.split_inclusive(|byte| *byte == b'\n');
    verify_export(lines, trust).class().exit_code()
}

#[test]
fn every_kind_of_tampering_at_200_positions_is_found_by_both_verifiers() {
    let world = World::new(30);
    let keys = world.signers.keys();
    assert_eq!(rust(&world.honest, trust(&keys)), 0);
    let mut jobs = vec![Job::new(world.honest.clone(), &keys)];
    let mut expected = vec![0];
    for (kind, tamper) in KINDS {
        for at in 0..POSITIONS {
            let changed = tamper(&world, at);
            assert_ne!(changed, world.honest, "{kind} at {at} changes nothing");
            let code = rust(&changed, trust(&keys));
            assert_ne!(code, 0, "{kind} at {at}");
            expected.push(code);
            jobs.push(Job::new(changed, &keys));
        }
    }
    let found = python::codes(jobs);
    for (index, (kind, _)) in KINDS.iter().enumerate() {
        let range = 1 + index * POSITIONS..1 + (index + 1) * POSITIONS;
        let (rust, python) = (&expected[range.clone()], &found[range]);
        println!(
            "{kind}: found {} by Rust, {} by Python, codes {:?}",
            rust.len(),
            python.iter().filter(|it| **it != 0).count(),
            tally(python)
        );
        for at in 0..POSITIONS {
            assert_eq!(python[at], rust[at], "{kind} at {at}: Python, Rust");
        }
    }
    assert_eq!(found[0], 0);
}

fn tally(codes: &[u8]) -> Vec<(u8, usize)> {
    let count = |code| codes.iter().filter(|it| **it == code).count();
    let counted = (0..=5).map(|code| (code, count(code)));
    counted.filter(|(_, count)| *count > 0).collect()
}

/// Whoever holds the checkpoint key leaves no trace inside: the witness's column shows it.
#[test]
fn what_only_a_witness_shows_is_shown_by_the_witness() {
    let world = World::new(30);
    let alone = Keys {
        witness_keys: Vec::new(),
        ..world.signers.keys()
    };
    let keys = world.signers.keys();
    let held = held_by_the_witness(&world);
    let kept = Seen::open(&held, &keys.trusted()).unwrap();
    let (mut jobs, mut expected) = (Vec::new(), Vec::new());
    for (kind, tamper) in INSIDE {
        for at in 0..POSITIONS {
            let changed = tamper(&world, at);
            let with = Trust {
                known_global: vec![kept.clone()],
                ..trust(&keys)
            };
            expected.push(rust(&changed, trust(&alone)));
            expected.push(rust(&changed, with));
            assert_eq!(expected[expected.len() - 2], 0, "{kind} at {at}, alone");
            assert_ne!(expected[expected.len() - 1], 0, "{kind} at {at}, witness");
            jobs.push(Job::new(changed.clone(), &alone));
            jobs.push(Job::new(changed, &keys).with("seen", json!([held])));
        }
    }
    let found = python::codes(jobs);
    println!(
        "{:45} {:>15} {:>15}",
        "kind", "without witness", "with witness"
    );
    for (index, (kind, _)) in INSIDE.iter().enumerate() {
        let codes = &found[index * 2 * POSITIONS..(index + 1) * 2 * POSITIONS];
        let column = |which| {
            codes
                .iter()
                .skip(which)
                .step_by(2)
                .filter(|it| **it != 0)
                .count()
        };
        println!("{kind:45} {:>15} {:>15}", column(0), column(1));
    }
    assert_eq!(found, expected);
}

/// Sizes 0 to 63, whole bundles, ranges and filters. Every tenth is read by Python too, so that
/// the test does not take a minute.
#[test]
fn ten_thousand_honest_bundles_raise_no_alarm() {
    let world = World::new(63);
    let keys = world.signers.keys();
    let (mut jobs, mut codes) = (Vec::new(), Vec::new());
    for run in 0..10_000_usize {
        let size = run % 64;
        let ledger = Ledger {
            leaves: world.ledger.leaves[..size].to_vec(),
            owner: tenant(1),
            intervals: (
                u64::try_from(run % 13).unwrap(),
                u64::try_from(run % 7).unwrap(),
            ),
        };
        let size = ledger.size();
        let from = (u64::try_from(run).unwrap() * 7) % (size + 1);
        let to = from + (u64::try_from(run).unwrap() * 11) % (size - from + 1);
        let (parts, asked) = match run % 4 {
            0 | 1 => (ledger.whole(&world.signers), Asked::Everything),
            2 => (
                ledger.parts(&world.signers, from..to, |_| true),
                Asked::Entries(from..to),
            ),
            _ => (
                ledger.parts(&world.signers, from..to, |seq| seq % 3 != 1),
                Asked::WhatIsShown,
            ),
        };
        let (ed25519, rsa) = (&world.signers.export, &world.signers.rsa);
        let bundle = match run % 10 {
            0 => parts.lines(&[ed25519, rsa]).concat().into_bytes(),
            _ => parts.signed(&world.signers),
        };
        let told = Trust {
            asked: asked.clone(),
            ..trust(&keys)
        };
        assert_eq!(
            rust(&bundle, told),
            0,
            "run {run}: {size} entries, {asked:?}"
        );
        if run % 10 == run / 10 % 10 {
            jobs.push(match asked {
                Asked::Entries(range) => Job::new(bundle, &keys)
                    .with("asked", json!(["entries", range.start, range.end])),
                Asked::WhatIsShown => Job::new(bundle, &keys).with("asked", json!(["shown"])),
                Asked::Everything | Asked::Period(_) => Job::new(bundle, &keys),
            });
            codes.push(0);
        }
    }
    println!("10000 by Rust, {} by Python", jobs.len());
    assert_eq!(python::codes(jobs), codes);
}

/// Marks can be put for entries by anybody, and only the manifest says that they are not of the period.
#[test]
fn what_belongs_to_a_period_or_a_filter_is_shown_by_a_trusted_manifest_alone() {
    let world = World::new(40);
    let all = world.signers.keys();
    let without = Keys {
        export_keys: Vec::new(),
        ..all.clone()
    };
    let period = Period {
        from: Some(1_000),
        to: Some(2_000),
    };
    let mut parts = world.ledger.parts(&world.signers, 10..30, |n| n != 15);
    parts.header.period = Some(period);
    let some = parts.signed(&world.signers);
    let mut parts = world.ledger.parts(&world.signers, 10..30, |_| true);
    parts.header.period = Some(period);
    let range = parts.signed(&world.signers);
    let whole = world.ledger.whole(&world.signers).signed(&world.signers);
    let entries = || Asked::Entries(10..30);
    let later = Period {
        to: Some(3_000),
        ..period
    };
    let cases = [
        (&range, Asked::Period(period), false, [0, 3]),
        (&range, Asked::WhatIsShown, true, [0, 3]),
        (&range, entries(), false, [0, 0]),
        (&range, entries(), true, [0, 3]),
        (&whole, Asked::Period(period), false, [0, 0]),
        (&whole, Asked::WhatIsShown, true, [0, 0]),
        (&some, Asked::Period(period), false, [4, 3]),
        (&some, Asked::Period(period), true, [0, 3]),
        (&some, Asked::Period(later), true, [4, 3]),
        (&some, entries(), true, [0, 3]),
        (&some, Asked::Entries(9..30), true, [4, 3]),
    ];
    let (mut jobs, mut codes) = (Vec::new(), Vec::new());
    for (bundle, asked, filtered, expected) in cases {
        for (keys, code) in [&all, &without].into_iter().zip(expected) {
            let mut told = match &asked {
                Asked::Entries(range) => {
                    vec![json!("entries"), json!(range.start), json!(range.end)]
                }
                Asked::Period(it) => vec![json!("period"), json!(it.from), json!(it.to)],
                Asked::WhatIsShown | Asked::Everything => Vec::new(),
            };
            told.extend(filtered.then_some(json!("shown")));
            let trust = Trust {
                asked: asked.clone(),
                filtered,
                ..trust(keys)
            };
            assert_eq!(rust(bundle, trust), code, "{told:?}");
            jobs.push(Job::new(bundle.clone(), keys).with("asked", json!(told)));
            codes.push(code);
        }
    }
    assert_eq!(python::codes(jobs), codes);
}

#[test]
fn a_range_is_incomplete_unless_it_was_asked_for() {
    let world = World::new(40);
    let keys = world.signers.keys();
    let mut parts = world.ledger.parts(&world.signers, 10..30, |_| true);
    parts.header.period = Some(Period {
        from: Some(1_000),
        to: Some(2_000),
    });
    let bundle = parts.signed(&world.signers);
    let header = bundle
        .split_inclusive(|byte| *byte == b'\n')
        .next()
        .unwrap();
    assert_eq!(header_of(header).unwrap(), parts.header);
    let period = |from, to| {
        Asked::Period(Period {
            from: Some(from),
            to: Some(to),
        })
    };
    let cases = [
        (Asked::Everything, json!(["all"]), 4),
        (Asked::Entries(10..30), json!(["entries", 10, 30]), 0),
        (Asked::Entries(15..20), json!(["entries", 15, 20]), 0),
        (Asked::Entries(9..20), json!(["entries", 9, 20]), 4),
        (Asked::Entries(15..31), json!(["entries", 15, 31]), 4),
        (period(1_000, 2_000), json!(["period", 1_000, 2_000]), 0),
        (period(1_500, 1_600), json!(["period", 1_500, 1_600]), 0),
        (period(999, 1_600), json!(["period", 999, 1_600]), 4),
        (period(1_500, 2_001), json!(["period", 1_500, 2_001]), 4),
        (Asked::WhatIsShown, json!(["shown"]), 0),
    ];
    let (mut jobs, mut codes) = (Vec::new(), Vec::new());
    for (asked, told, code) in cases {
        let trust = Trust {
            asked,
            ..trust(&keys)
        };
        assert_eq!(rust(&bundle, trust), code, "{told}");
        jobs.push(Job::new(bundle.clone(), &keys).with("asked", told));
        codes.push(code);
    }
    assert_eq!(python::codes(jobs), codes);
}

#[test]
fn fewer_keys_are_trusted_for_less() {
    let world = World::new(12);
    let keys = world.signers.keys();
    let none = Vec::new;
    let alone = Keys {
        keys: keys.keys.clone(),
        ..Keys::default()
    };
    let with_one_export_key = |which: usize| Keys {
        export_keys: vec![keys.export_keys[which].clone()],
        ..alone.clone()
    };
    let witnessed = Keys {
        export_keys: none(),
        ..keys.clone()
    };
    let stranger = NamedSigner::from_seed("other", &[9; 32]).unwrap();
    let other = vec![stranger.verifier().to_string()];
    let strange_log = Keys {
        keys: other.clone(),
        ..keys.clone()
    };
    let strange_export = Keys {
        export_keys: other,
        ..keys.clone()
    };
    let cases = [
        (alone.clone(), None, 0),
        (with_one_export_key(0), None, 0),
        (with_one_export_key(1), None, 0),
        (witnessed.clone(), None, 0),
        (alone, Some(1), 5),
        (witnessed, Some(2), 5),
        (strange_log, None, 3),
        (strange_export, None, 3),
    ];
    let (mut jobs, mut codes) = (Vec::new(), Vec::new());
    for (keys, quorum, code) in cases {
        let mut trust = trust(&keys);
        trust.quorum = quorum;
        assert_eq!(rust(&world.honest, trust), code, "{:?}", keys.keys);
        let job = Job::new(world.honest.clone(), &keys);
        jobs.push(match quorum {
            Some(quorum) => job.with("quorum", json!(quorum)),
            None => job,
        });
        codes.push(code);
    }
    assert_eq!(python::codes(jobs), codes);
    assert_eq!(Class::MissingQuorum.exit_code(), 5);
}

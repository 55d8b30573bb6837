//! A ledger nobody touched is never flagged, however it is read.

use super::*;

#[test]
fn untouched_ledgers_are_clean() {
    for count in 0..=130 {
        let ledger = Ledger::of(org(), count);
        let report = ledger.report();
        assert_eq!(report.findings, [], "{count}");
        assert_eq!((report.class(), report.sealed), (Class::Clean, Some(count)));
        assert_eq!(report.entries, count);
        assert_eq!(
            verify_export(ledger.bundle(), trust()).findings,
            [],
            "{count}"
        );
    }
}

#[test]
fn a_live_ledger_may_have_entries_younger_than_its_checkpoint() {
    let (_, all) = leaves(org(), 30);
    for sealed in 0..=30 {
        let ledger = Ledger {
            note: Some(note(&signer(), org(), &all[..sealed])),
            leaves: all.clone(),
        };
        let report = ledger.report_with(Trust {
            tail: Tail::Open,
            ..trust()
        });
        assert_eq!(report.findings, [], "{sealed}");
    }
}

#[test]
fn a_ledger_that_has_no_entry_yet_needs_no_checkpoint() {
    let empty = Ledger {
        leaves: Vec::new(),
        note: None,
    };
    assert_eq!(empty.report().class(), Class::Clean);
}

#[test]
fn every_head_it_ever_had_is_still_in_it() {
    let ledger = Ledger::of(org(), 40);
    let known = (0..=40).map(|size| known(&ledger.leaves[..size])).collect();
    assert_eq!(ledger.report_with(Trust { known, ..trust() }).findings, []);
}

#[test]
fn stored_hashes_are_compared_where_the_store_has_them() {
    let ledger = Ledger::of(org(), 3);
    for wrong in [None, Some(1)] {
        let mut run = Verification::new(trust(), ledger.note.as_deref());
        for (position, leaf) in (0..).zip(&ledger.leaves) {
            let stored = if Some(position) == wrong {
                [0; 32]
            } else {
                leaf_hash(leaf)
            };
            run.entry(Entry {
                position,
                leaf_bytes: leaf,
                stored_hash: Some(stored),
            });
        }
        let expected: Vec<_> = wrong
            .map(|seq| Finding::StoredHashDiffers { seq })
            .into_iter()
            .collect();
        assert_eq!(run.finish().findings, expected);
    }
}

#[test]
fn a_checkpoint_may_carry_signatures_of_strangers() {
    let ledger = Ledger::of(org(), 5);
    let witness = NamedSigner::from_seed("witness.example", &[9; 32]).unwrap();
    let both = {
        let other = note(&witness, org(), &ledger.leaves);
        format!(
            "{}{}\n",
            ledger.note.as_deref().unwrap(),
            other.lines().last().unwrap()
        )
    };
    assert_eq!(
        Ledger {
            note: Some(both),
            ..ledger
        }
        .report()
        .class(),
        Class::Clean
    );
}

//! The tamper matrix: each kind at every position of a ledger, read live and as a bundle.

use super::*;

const COUNT: u64 = 60;

/// Changes a ledger at a position; `false` when the kind does not apply there.
type Tamper = fn(&mut Ledger, usize) -> bool;

const KINDS: [(&str, Tamper); 20] = [
    ("edit a byte of the body", |ledger, at| {
        *ledger.leaves[at].last_mut().unwrap() ^= 1;
        true
    }),
    (
        "edit a word of the body, keeping it canonical",
        |ledger, at| edit_text(&mut ledger.leaves[at], b"key_7", b"key_8"),
    ),
    ("edit the event id", |ledger, at| {
        ledger.leaves[at][10 + 16 + 8 + 3] ^= 0x10;
        true
    }),
    ("edit prev_hash", |ledger, at| {
        ledger.leaves[at][10 + 16 + 8 + 16] ^= 1;
        true
    }),
    ("delete an entry", |ledger, at| {
        ledger.leaves.remove(at);
        true
    }),
    ("delete the tail", |ledger, at| {
        ledger.leaves.truncate(at);
        true
    }),
    ("delete the head", |ledger, at| {
        ledger.leaves.drain(..=at);
        true
    }),
    ("swap two neighbours", |ledger, at| {
        let other = at + 1;
        other < ledger.leaves.len() && {
            ledger.leaves.swap(at, other);
            true
        }
    }),
    ("swap and renumber", |ledger, at| {
        let other = at + 1;
        other < ledger.leaves.len() && {
            ledger.leaves.swap(at, other);
            relink(&mut ledger.leaves, at);
            true
        }
    }),
    ("repeat an entry", |ledger, at| {
        ledger.leaves.insert(at, ledger.leaves[at].clone());
        true
    }),
    (
        "insert an entry and relink all that follow",
        |ledger, at| {
            ledger.leaves.insert(at, forged(at));
            relink(&mut ledger.leaves, at);
            true
        },
    ),
    ("append an entry that was never sealed", |ledger, at| {
        at == 0 && {
            ledger.leaves.push(forged(ledger.leaves.len()));
            let last = ledger.leaves.len() - 1;
            relink(&mut ledger.leaves, last);
            true
        }
    }),
    (
        "delete an entry and relink all that follow",
        |ledger, at| {
            ledger.leaves.remove(at);
            relink(&mut ledger.leaves, at);
            true
        },
    ),
    (
        "replace an entry and relink all that follow",
        |ledger, at| {
            ledger.leaves[at] = forged(at);
            relink(&mut ledger.leaves, at);
            true
        },
    ),
    ("truncate and append again", |ledger, at| {
        ledger.leaves.truncate(at);
        while ledger.leaves.len() < usize::try_from(COUNT).unwrap() {
            ledger.leaves.push(forged(ledger.leaves.len()));
        }
        relink(&mut ledger.leaves, at);
        true
    }),
    ("take an entry of another tenant", |ledger, at| {
        ledger.leaves[at] = leaves(tenant(2), COUNT).1.remove(at);
        true
    }),
    ("replay an old checkpoint", |ledger, at| {
        ledger.note = Some(note(&signer(), org(), &ledger.leaves[..at]));
        true
    }),
    ("seal with a stranger's key after an edit", |ledger, at| {
        ledger.leaves[at] = forged(at);
        relink(&mut ledger.leaves, at);
        let stranger = NamedSigner::from_seed(KEY_NAME, &[66; 32]).unwrap();
        ledger.note = Some(note(&stranger, org(), &ledger.leaves));
        true
    }),
    ("edit a byte of the checkpoint", |ledger, at| {
        let mut note = ledger.note.take().unwrap().into_bytes();
        note[at] ^= 1;
        ledger.note = String::from_utf8(note).ok();
        true
    }),
    (
        "move the checkpoint of another tenant here",
        |ledger, at| {
            at == 0 && {
                ledger.note = Some(note(&signer(), tenant(2), &ledger.leaves));
                true
            }
        },
    ),
];

#[test]
fn every_kind_of_tampering_is_found_at_every_position() {
    let clean = Ledger::of(org(), COUNT);
    for (kind, tamper) in KINDS {
        let mut tried = 0;
        for at in 0..usize::try_from(COUNT).unwrap() {
            let mut ledger = clean.clone();
            if !tamper(&mut ledger, at) {
                continue;
            }
            tried += 1;
            assert_ne!(
                ledger.report().class(),
                Class::Clean,
                "live: {kind} at {at}"
            );
            if ledger.note.is_some() {
                let report = verify_export(ledger.bundle(), trust());
                assert_ne!(report.class(), Class::Clean, "bundle: {kind} at {at}");
            }
        }
        assert!(tried > 0, "{kind}");
    }
}

/// Someone with the database *and* the signing key leaves no trace inside; an older head kept
/// outside shows it.
#[test]
fn a_rewritten_history_under_the_right_key_is_found_by_a_head_kept_elsewhere() {
    let clean = Ledger::of(org(), COUNT);
    let kept = known(&clean.leaves);
    for at in 0..usize::try_from(COUNT).unwrap() {
        let mut leaves = clean.leaves.clone();
        leaves[at] = forged(at);
        relink(&mut leaves, at);
        let rewritten = Ledger::sealed_by(&signer(), org(), leaves);
        assert_eq!(rewritten.report().class(), Class::Clean);
        let report = rewritten.report_with(Trust {
            known: vec![kept],
            ..trust()
        });
        assert_eq!(report.findings, [Finding::KnownHeadDiffers { size: COUNT }]);
    }
}

/// A restored backup, or a tail cut off together with its checkpoint.
#[test]
fn a_ledger_set_back_is_found_by_a_head_kept_elsewhere() {
    let clean = Ledger::of(org(), COUNT);
    let trust = Trust {
        known: vec![known(&clean.leaves)],
        ..trust()
    };
    for at in 0..usize::try_from(COUNT).unwrap() {
        let older = Ledger::sealed_by(&signer(), org(), clean.leaves[..at].to_vec());
        let report = older.report_with(trust.clone());
        let found = u64::try_from(at).unwrap();
        assert_eq!(
            report.findings,
            [Finding::ShorterThanKnown {
                known: COUNT,
                found
            }]
        );
        let replayed = Ledger {
            note: older_note(&clean, at),
            ..clean.clone()
        };
        let open = Trust {
            tail: Tail::Open,
            ..trust.clone()
        };
        assert_eq!(replayed.report_with(open).class(), Class::IncompleteRange);
    }
}

#[test]
fn findings_say_what_kind_of_trouble_it_is() {
    let clean = Ledger::of(org(), COUNT);
    let stranger = NamedSigner::from_seed("stranger", &[2; 32]).unwrap();
    let unknown = Ledger::sealed_by(&stranger, org(), clean.leaves.clone()).report();
    assert_eq!(unknown.findings, [Finding::UnknownKey]);
    let cut = Ledger {
        leaves: clean.leaves[..50].to_vec(),
        ..clean.clone()
    }
    .report();
    assert_eq!(
        cut.findings,
        [Finding::MissingEntries {
            from: 50,
            to: COUNT
        }]
    );
    let unsealed = Ledger {
        note: older_note(&clean, 50),
        ..clean.clone()
    }
    .report();
    assert_eq!(
        unsealed.findings,
        [Finding::UnsealedEntries {
            from: 50,
            to: COUNT
        }]
    );
    let never = Ledger {
        note: None,
        ..clean.clone()
    }
    .report();
    assert_eq!(never.findings, [Finding::NeverSealed]);
    let codes = [clean.report(), unknown, cut].map(|report| report.class().exit_code());
    assert_eq!(codes, [0, 3, 4]);
}

#[test]
fn bad_content_outweighs_the_rest() {
    let mut ledger = Ledger::of(org(), COUNT);
    ledger.leaves[3] = vec![1, 2, 3];
    ledger.leaves.truncate(20);
    let report = ledger.report();
    assert_eq!(report.findings[0], Finding::Unreadable { seq: 3 });
    assert_eq!(report.class().exit_code(), 2);
}

#[test]
fn lines_of_a_bundle_are_checked_as_lines() {
    let ledger = Ledger::of(org(), COUNT);
    let bundle = ledger.bundle();
    let without = |line: usize| {
        let mut lines = bundle.clone();
        lines.remove(line);
        verify_export(lines, trust())
    };
    for line in 1..bundle.len() - 1 {
        let findings = without(line).findings;
        assert!(
            findings.contains(&Finding::ManifestDiffers),
            "line {line} removed"
        );
        let mut lines = bundle.clone();
        lines[line] = "{}\n".into();
        let broken = verify_export(lines, trust());
        let number = u64::try_from(line + 1).unwrap();
        assert_eq!(broken.findings[0], Finding::UnreadableLine { line: number });
    }
    assert_eq!(without(0).findings[0], Finding::UnreadableLine { line: 1 });
    assert_eq!(
        without(bundle.len() - 1).findings,
        [Finding::ManifestMissing]
    );
    let mut lines = bundle.clone();
    lines.swap(5, 6);
    assert_eq!(verify_export(lines, trust()).class(), Class::BadContent);
    let mut lines = bundle.clone();
    lines[0] = lines[0].replace("\"size\":60", "\"size\":59");
    let changed = verify_export(lines, trust()).findings;
    assert_eq!(changed, [Finding::HeaderDiffers, Finding::ManifestDiffers]);
    let other = verify_export(
        bundle,
        Trust {
            org: tenant(2),
            ..trust()
        },
    );
    assert!(other.findings.contains(&Finding::WrongOrigin));
    assert_eq!(
        verify_export(Vec::<String>::new(), trust()).class(),
        Class::BadContent
    );
}

#[test]
fn a_flood_of_findings_is_counted_not_kept() {
    let foreign = Ledger::of(tenant(2), 500);
    let report = foreign.report();
    assert!(report.total >= 500 && report.findings.len() == 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_flipped_bit_of_any_leaf_is_found(at in 0usize..20, byte in any::<usize>(), bit in 0u8..8) {
        let mut ledger = Ledger::of(org(), 20);
        let byte = byte % ledger.leaves[at].len();
        ledger.leaves[at][byte] ^= 1 << bit;
        prop_assert_eq!(ledger.report().class(), Class::BadContent);
    }

    #[test]
    fn any_reordering_is_found(order in Just((0usize..12).collect::<Vec<_>>()).prop_shuffle()) {
        let clean = Ledger::of(org(), 12);
        let shuffled = order.iter().map(|&from| clean.leaves[from].clone()).collect();
        let changed = order.windows(2).any(|pair| pair[0] > pair[1]);
        let found = Ledger { leaves: shuffled, ..clean }.report().class() != Class::Clean;
        prop_assert_eq!(found, changed);
    }
}

fn older_note(ledger: &Ledger, size: usize) -> Option<String> {
    Some(note(&signer(), org(), &ledger.leaves[..size]))
}

/// A well-formed leaf that nobody sealed; `relink` gives it its place.
fn forged(at: usize) -> Vec<u8> {
    let seq = u64::try_from(at).unwrap();
    let position = Position {
        tenant: org(),
        seq,
        event_id: tenant(77),
        prev_hash: [0; 32],
    };
    frame(&position, &body(seq + 5_000)).unwrap()
}

/// What a careful attacker does: numbers and links every leaf from `from` on anew.
fn relink(leaves: &mut [Vec<u8>], from: usize) {
    let (before, _) = leaves.split_at(from);
    let frontier = before.iter().fold(Frontier::default(), |mut tree, leaf| {
        tree.append(leaf_hash(leaf));
        tree
    });
    let head = before
        .last()
        .map(|leaf| leaf_hash(leaf))
        .unwrap_or_default();
    let mut chain = Chain::resume(org(), head, frontier);
    for slot in leaves.iter_mut().skip(from) {
        let leaf = Leaf::parse(slot).unwrap();
        let Appended { leaf_bytes, .. } = chain
            .append(leaf.position.event_id, &leaf.entry().unwrap())
            .unwrap();
        *slot = leaf_bytes;
    }
}

fn edit_text(leaf: &mut [u8], old: &[u8], new: &[u8]) -> bool {
    let at = leaf
        .windows(old.len())
        .position(|window| window == old)
        .unwrap();
    leaf[at..at + old.len()].copy_from_slice(new);
    true
}

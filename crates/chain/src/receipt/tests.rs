use super::*;
use crate::chain::Chain;
use crate::chain::tests::{body, tenant};
use crate::checkpoint::Checkpoint;
use crate::cosignature::WitnessSigner;
use crate::global::interval_root;
use crate::keys::NamedSigner;
use crate::merkle::{Frontier, leaf_hash, prove_inclusion};
use crate::statement::sign;
use proptest::prelude::*;
use serde_json::{Value, json};

const LOG: &str = "writ.test/ledger";

fn checkpoints() -> NamedSigner {
    NamedSigner::from_seed(LOG, &[1; 32]).unwrap()
}

fn statements() -> NamedSigner {
    NamedSigner::from_seed("writ.test/export", &[2; 32]).unwrap()
}

fn witness() -> WitnessSigner {
    WitnessSigner::from_seed("witness.test/w", &[3; 32]).unwrap()
}

fn trusted() -> Trusted {
    Trusted {
        checkpoint: vec![checkpoints().verifier().clone()],
        export: vec![statements().verifier().clone()],
        ..Trusted::default()
    }
}

fn decision(n: u64) -> EntryBody {
    EntryBody {
        kind: "decision.made.v1".into(),
        aggregate_id: Some(format!("dec_{n}")),
        ..body(n)
    }
}

fn policy(n: u64) -> EntryBody {
    EntryBody {
        kind: "policy.updated.v1".into(),
        aggregate_id: Some(format!("pol_{n}")),
        ..body(n)
    }
}

fn note(origin: String, tree: &Frontier, signers: &[&NamedSigner]) -> String {
    let head = Checkpoint {
        origin,
        size: tree.size(),
        root: tree.root(),
        extensions: Vec::new(),
    };
    checkpoint::sign(&head, signers).unwrap()
}

/// A receipt of a decision.
fn receipt(signers: &[&NamedSigner]) -> Receipt {
    receipt_of(decision, Some("dec_5"), signers)
}

/// A receipt of entry 5 of 11, of the second of three organisations, in interval 4 of 9.
fn receipt_of(
    entry: fn(u64) -> EntryBody,
    decision: Option<&str>,
    signers: &[&NamedSigner],
) -> Receipt {
    let mut chain = Chain::new(tenant(2));
    let appended: Vec<_> = (0..11u64)
        .map(|n| {
            chain
                .append(tenant(100 + u128::from(n)), &entry(n))
                .unwrap()
        })
        .collect();
    let leaf = &appended[5];
    let hashes: Vec<Hash> = appended.iter().map(|it| it.leaf_hash).collect();
    let head = |n: u128, size, root| TenantHead {
        tenant: tenant(n),
        size,
        root,
    };
    let heads = [
        head(1, 3, [1; 32]),
        head(2, 11, chain.frontier().root()),
        head(3, 9, [3; 32]),
    ];
    let head_hashes: Vec<Hash> = heads.iter().map(TenantHead::leaf_hash).collect();
    let intervals: Vec<Hash> = (0..9u8)
        .map(|n| match n {
            4 => leaf_hash(&interval_root(&heads).unwrap()),
            n => leaf_hash(&[n]),
        })
        .collect();
    let mut global = Frontier::default();
    intervals.iter().for_each(|hash| global.append(*hash));
    let own = tenant_origin(LOG, tenant(2));
    let head = note(own, chain.frontier(), &[&checkpoints()]);
    let paths = |hashes: &[Hash], index| {
        path_text(&prove_inclusion(hashes, index, hashes.len() as u64).unwrap())
    };
    Receipt {
        format: FORMAT.into(),
        org: tenant(2),
        decision_id: decision.map(str::to_owned),
        event_id: tenant(105),
        entry: serde_json::to_value(entry(5)).unwrap(),
        leaf: BASE64.encode(&leaf.leaf_bytes),
        inclusion: Inclusion {
            index: 5,
            path: paths(&hashes, 5),
            checkpoint: head,
        },
        interval: Interval {
            index: 1,
            size: 3,
            path: paths(&head_hashes, 1),
        },
        global: Inclusion {
            index: 4,
            path: paths(&intervals, 4),
            checkpoint: note(global_origin(LOG), &global, signers),
        },
        witnessed: false,
        issued_at: 1_790_000_000_000_000,
    }
}

fn signed(receipt: Receipt) -> Signed<Receipt> {
    sign(receipt, &statements()).unwrap()
}

#[test]
fn a_receipt_verifies_after_a_journey_as_json() {
    let text = serde_json::to_string_pretty(&signed(receipt(&[&checkpoints()]))).unwrap();
    let read: Signed<Receipt> = serde_json::from_str(&text).unwrap();
    let verified = verify(&read, &trusted()).unwrap();
    assert_eq!(verified.entry(), &decision(5));
    assert_eq!(
        (verified.size(), verified.signed_by()),
        (11, &[LOG.to_owned()][..])
    );
    assert!(verified.witnesses().is_empty());
}

#[test]
fn a_witness_counts_only_for_who_trusts_it() {
    let mut cosigned = receipt(&[&checkpoints()]);
    let note = &mut cosigned.global.checkpoint;
    let text = note.get(..note.rfind("\n\n").unwrap() + 1).unwrap();
    note.push_str(&witness().cosign(text, 1_790_000_000));
    let unsaid = signed(cosigned.clone());
    assert_eq!(verify(&unsaid, &trusted()), Err(ReceiptRefusal::Witnessed));
    cosigned.witnessed = true;
    let signed = signed(cosigned);
    assert!(verify(&signed, &trusted()).unwrap().witnesses().is_empty());
    let mut more = trusted();
    more.witness.push(witness().verifier().clone());
    let verified = verify(&signed, &more).unwrap();
    assert_eq!(
        verified.witnesses(),
        [("witness.test/w".to_owned(), 1_790_000_000)]
    );
}

#[test]
fn only_the_receipt_of_a_decision_names_one() {
    let of = |entry, decision| {
        let receipt = receipt_of(entry, decision, &[&checkpoints()]);
        verify(&signed(receipt), &trusted()).map(|it| it.entry().kind.clone())
    };
    assert_eq!(of(policy, None).unwrap(), "policy.updated.v1");
    let differs = Err(ReceiptRefusal::Differs("decisionId"));
    assert_eq!(of(policy, Some("pol_5")), differs);
    assert_eq!(of(decision, None), differs);
}

/// Even who holds the key for statements cannot make a receipt of what was not recorded.
#[test]
fn nothing_in_a_receipt_can_be_another_though_it_is_signed_anew() {
    let good = serde_json::to_value(receipt(&[&checkpoints()])).unwrap();
    let other = serde_json::to_value({
        let mut chain = Chain::new(tenant(2));
        BASE64.encode(chain.append(tenant(105), &decision(5)).unwrap().leaf_bytes)
    });
    let changes: Vec<(&str, Value)> = vec![
        ("/org", json!(tenant(3))),
        ("/decisionId", json!("dec_6")),
        ("/eventId", json!(tenant(106))),
        ("/entry/outcome", json!("allowed")),
        ("/leaf", other.unwrap()),
        ("/inclusion/index", json!(6)),
        ("/inclusion/path", json!([])),
        (
            "/inclusion/checkpoint",
            good["global"]["checkpoint"].clone(),
        ),
        ("/interval/index", json!(0)),
        ("/interval/size", json!(2)),
        ("/interval/path/0", good["interval"]["path"][1].clone()),
        ("/global/index", json!(5)),
        ("/global/path/0", good["global"]["path"][1].clone()),
        (
            "/global/checkpoint",
            good["inclusion"]["checkpoint"].clone(),
        ),
        ("/format", json!("writ-receipt/2")),
    ];
    for (place, value) in changes {
        let mut changed = good.clone();
        *changed.pointer_mut(place).unwrap() = value;
        let changed: Receipt = serde_json::from_value(changed).unwrap();
        let refused = verify(&signed(changed), &trusted());
        assert_eq!(refused.unwrap_err().class(), Class::BadContent, "{place}");
    }
}

#[test]
fn keys_the_reader_does_not_trust_show_nothing() {
    let signed = signed(receipt(&[&checkpoints()]));
    let without = |forget: fn(&mut Trusted)| {
        let mut some = trusted();
        forget(&mut some);
        verify(&signed, &some).unwrap_err().class()
    };
    assert_eq!(without(|keys| keys.checkpoint.clear()), Class::UnknownKey);
    assert_eq!(without(|keys| keys.export.clear()), Class::UnknownKey);
    let swapped = without(|keys| std::mem::swap(&mut keys.checkpoint, &mut keys.export));
    assert_eq!(
        swapped,
        Class::UnknownKey,
        "each key is good for its own use only"
    );
    let forger = NamedSigner::from_seed("writ.test/export", &[9; 32]).unwrap();
    let forged = sign(signed.statement.clone(), &forger).unwrap();
    assert_eq!(
        verify(&forged, &trusted()).unwrap_err().class(),
        Class::UnknownKey
    );
    let named = Signed {
        key_id: signed.key_id.clone(),
        ..forged
    };
    assert_eq!(
        verify(&named, &trusted()).unwrap_err().class(),
        Class::BadContent
    );
}

proptest! {
    #[test]
    fn a_changed_byte_is_found(at in 0usize..100_000, to in 0u8..128) {
        let mut text = serde_json::to_vec(&signed(receipt(&[&checkpoints()]))).unwrap();
        let at = at % text.len();
        prop_assume!(text[at] != to);
        text[at] = to;
        if let Ok(read) = serde_json::from_slice::<Signed<Receipt>>(&text) {
            let good = signed(receipt(&[&checkpoints()]));
            prop_assert!(read == good || verify(&read, &trusted()).is_err());
        }
    }
}

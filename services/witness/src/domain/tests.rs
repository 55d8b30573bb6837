use super::*;
use writ_chain::checkpoint::sign;
use writ_chain::keys::NamedSigner;
use writ_chain::merkle::{leaf_hash, prove_consistency, root_of};

const ORIGIN: &str = "log.test/global";

fn log() -> NamedSigner {
    NamedSigner::from_seed("log.test", &[1; 32]).unwrap()
}

fn witness() -> Witness {
    Witness {
        signer: WitnessSigner::from_seed("witness.test", &[2; 32]).unwrap(),
        logs: BTreeMap::from([(ORIGIN.to_owned(), vec![log().verifier().clone()])]),
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn root(size: u64) -> Hash {
    root_of(&leaves(size)[..], size).unwrap()
}

fn head(size: u64) -> Checkpoint {
    Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: root(size),
        extensions: Vec::new(),
    }
}

fn body(old: u64, new: u64, note: &str) -> String {
    let mut body = format!("old {old}\n");
    if old <= new {
        for hash in prove_consistency(&leaves(new)[..], old, new).unwrap() {
            body.push_str(&format!("{}\n", BASE64.encode(hash)));
        }
    }
    format!("{body}\n{note}")
}

fn asked(body: &str, latest: Option<u64>) -> Result<u64, Refusal> {
    let latest = latest.map(|size| Latest {
        size,
        root: root(size),
    });
    let request = Request::parse(body)?;
    let verified = witness().examine(&request, |_| latest)?;
    Ok(verified.checkpoint().size)
}

fn honest(old: u64, new: u64) -> String {
    body(old, new, &sign(&head(new), &[&log()]).unwrap())
}

#[test]
fn a_log_that_grew_is_cosigned() {
    for (old, new) in [(0, 0), (0, 5), (5, 5), (5, 6), (5, 64), (64, 300)] {
        let latest = (old > 0).then_some(old);
        assert_eq!(asked(&honest(old, new), latest), Ok(new), "{old} to {new}");
    }
}

#[test]
fn each_trouble_has_its_refusal() {
    assert_eq!(asked(&honest(0, 7), Some(5)), Err(Refusal::AnotherSize(5)));
    assert_eq!(asked(&honest(4, 7), Some(5)), Err(Refusal::AnotherSize(5)));
    assert_eq!(asked(&honest(5, 7), None), Err(Refusal::AnotherSize(0)));
    assert_eq!(asked(&honest(7, 5), Some(7)), Err(Refusal::OldIsLarger));
    let other = Checkpoint {
        root: [9; 32],
        ..head(7)
    };
    let forked = sign(&other, &[&log()]).unwrap();
    assert_eq!(
        asked(&body(5, 7, &forked), Some(5)),
        Err(Refusal::Inconsistent)
    );
    assert_eq!(
        asked(&body(7, 7, &forked), Some(7)),
        Err(Refusal::Inconsistent)
    );
    let empty = Checkpoint {
        root: [9; 32],
        ..head(0)
    };
    let empty = sign(&empty, &[&log()]).unwrap();
    assert_eq!(asked(&body(0, 0, &empty), None), Err(Refusal::Inconsistent));
    let stranger = NamedSigner::from_seed("log.test", &[3; 32]).unwrap();
    let strange = sign(&head(7), &[&stranger]).unwrap();
    assert_eq!(asked(&body(0, 7, &strange), None), Err(Refusal::NotSigned));
    let changed = honest(0, 7).replace("\n7\n", "\n8\n");
    assert_eq!(asked(&changed, None), Err(Refusal::NotSigned));
    let elsewhere = Checkpoint {
        origin: "other".to_owned(),
        ..head(7)
    };
    let elsewhere = sign(&elsewhere, &[&log()]).unwrap();
    assert_eq!(
        asked(&body(0, 7, &elsewhere), None),
        Err(Refusal::UnknownLog)
    );
}

#[test]
fn a_proof_that_was_changed_or_is_not_needed_is_refused() {
    let good = honest(5, 12);
    let lines: Vec<&str> = good.split('\n').collect();
    assert!(lines.len() > 8);
    let without = |at: usize| {
        let mut lines = lines.clone();
        lines.remove(at);
        lines.join("\n")
    };
    assert_eq!(asked(&without(2), Some(5)), Err(Refusal::Inconsistent));
    let more = good.replacen("old 5\n", &format!("old 5\n{}\n", lines[1]), 1);
    assert_eq!(asked(&more, Some(5)), Err(Refusal::Inconsistent));
    let needless = honest(0, 7).replacen("old 0\n", &format!("old 0\n{}\n", lines[1]), 1);
    assert_eq!(asked(&needless, None), Err(Refusal::Inconsistent));
}

#[test]
fn what_is_no_request_is_malformed() {
    let good = honest(5, 12);
    let long = good.replacen("old 5\n", &format!("old 5\n{}", "AAAA\n".repeat(64)), 1);
    for bad in [
        "",
        "old 5\n",
        &good.replace("old 5", "old 05"),
        &good.replace("old 5", "old -5"),
        &good.replace("old 5", "new 5"),
        &good.replace("old 5", "old 5\nnot base64"),
        &long,
        "old 0\n\nnot a note",
    ] {
        assert_eq!(asked(bad, Some(5)), Err(Refusal::Malformed), "{bad}");
    }
}

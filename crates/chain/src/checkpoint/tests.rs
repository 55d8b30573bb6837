use super::*;
use crate::note::MAX_NOTE_BYTES;
use proptest::prelude::*;

fn signer(name: &str, seed: u8) -> NamedSigner {
    NamedSigner::from_seed(name, &[seed; 32]).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        origin: "example.org/log".into(),
        size: 42,
        root: [5; 32],
        extensions: vec![],
    }
}

fn note() -> (String, NamedVerifier) {
    let signer = signer("example.org", 1);
    (
        sign(&checkpoint(), &[&signer]).unwrap(),
        signer.verifier().clone(),
    )
}

#[test]
fn a_note_reads_back() {
    let (note, key) = note();
    let verified = open(&note, &[key]).unwrap();
    assert_eq!(verified.checkpoint(), &checkpoint());
    assert_eq!(verified.signed_by(), ["example.org"]);
    let root = BASE64.encode([5; 32]);
    assert!(
        note.starts_with(&format!("example.org/log\n42\n{root}\n\n— example.org ")),
        "{note}"
    );
}

#[test]
fn extensions_are_signed_and_kept() {
    let with = Checkpoint {
        extensions: vec!["key=value".into(), "more".into()],
        ..checkpoint()
    };
    let signer = signer("example.org", 1);
    let note = sign(&with, &[&signer]).unwrap();
    assert_eq!(
        open(&note, &[signer.verifier().clone()])
            .unwrap()
            .checkpoint(),
        &with
    );
}

/// The note of Go's `golang.org/x/mod/sumdb/note` documentation, which is no checkpoint: the
/// signature must be found good before the text is found wanting by nothing but its shape.
#[test]
fn signatures_are_those_of_other_implementations() {
    let text = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n";
    let key =
        NamedVerifier::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
            .unwrap();
    let blob = BASE64
        .decode(
            "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=",
        )
        .unwrap();
    assert_eq!(blob[..4], key.id());
    assert!(key.verifies(text.as_bytes(), &blob[4..]));
}

#[test]
fn unknown_keys_are_ignored_but_are_not_enough() {
    let (ours, theirs) = (signer("example.org", 1), signer("witness.org", 2));
    let note = sign(&checkpoint(), &[&theirs, &ours]).unwrap();
    let trusted = [ours.verifier().clone()];
    assert_eq!(open(&note, &trusted).unwrap().signed_by(), ["example.org"]);
    let foreign = sign(&checkpoint(), &[&theirs]).unwrap();
    assert_eq!(open(&foreign, &trusted), Err(NoteError::UnknownKey));
    let same_name = sign(&checkpoint(), &[&signer("example.org", 3)]).unwrap();
    assert_eq!(open(&same_name, &trusted), Err(NoteError::UnknownKey));
}

#[test]
fn a_wrong_signature_of_a_known_key_refuses_the_note_even_beside_good_ones() {
    let (ours, theirs) = (signer("example.org", 1), signer("witness.org", 2));
    let note = sign(&checkpoint(), &[&ours, &theirs]).unwrap();
    let other = sign(
        &Checkpoint {
            size: 43,
            ..checkpoint()
        },
        &[&theirs],
    )
    .unwrap();
    let (bad, good) = (other.lines().last().unwrap(), note.lines().last().unwrap());
    let mixed = note.replace(good, bad);
    let trusted = [ours.verifier().clone(), theirs.verifier().clone()];
    let refused = NoteError::BadSignature {
        name: "witness.org".into(),
    };
    assert_eq!(open(&mixed, &trusted), Err(refused));
    assert!(open(&mixed, &trusted[..1]).is_ok());
}

#[test]
fn a_signature_that_comes_twice_counts_once() {
    let (note, key) = note();
    let last = note.lines().last().unwrap().to_owned();
    let twice = format!("{note}{last}\n");
    assert_eq!(open(&twice, &[key]).unwrap().signed_by().len(), 1);
}

#[test]
fn what_is_not_a_checkpoint_is_malformed() {
    let (note, key) = note();
    for bad in [
        String::new(),
        note.trim_end().to_owned(),
        note.replace("\n\n", "\n"),
        note.replace("\n42\n", "\n042\n"),
        note.replace("\n42\n", "\n+42\n"),
        note.replace("\n42\n", "\n\n"),
        note.replace("\n42\n", "\n99999999999999999999\n"),
        note.replace("— ", "- "),
        note.replace('\n', "\r\n"),
        note.replace("example.org/log\n", "\n"),
        note.replace("BQUF", "*QUF"),
        note.replacen("BQUF", "", 1),
        format!("{note}x\n"),
        "x".repeat(MAX_NOTE_BYTES + 1),
    ] {
        assert_eq!(
            open(&bad, std::slice::from_ref(&key)),
            Err(NoteError::Malformed),
            "{bad}"
        );
    }
}

#[test]
fn origins_stay_on_their_line() {
    for origin in ["", "a\nb", "a\u{7}"] {
        let bad = Checkpoint {
            origin: origin.into(),
            ..checkpoint()
        };
        assert_eq!(bad.to_text(), Err(NoteError::NotALine));
    }
    assert_eq!(
        tenant_origin("writ.dev", Uuid::nil()),
        format!("writ.dev/{}", Uuid::nil())
    );
}

proptest! {
    #[test]
    fn every_changed_byte_of_the_text_is_found(at in any::<usize>(), bit in 0u8..7) {
        let (note, key) = note();
        let mut bytes = note.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(open(&changed, &[key]).is_err(), "{changed}");
        }
    }
}

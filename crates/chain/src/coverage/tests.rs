use super::*;
use crate::checkpoint::Checkpoint;
use crate::keys::NamedSigner;
use crate::statement::sign;

const ORG: Uuid = Uuid::from_u128(7);

fn signer(name: &str, seed: u8) -> NamedSigner {
    NamedSigner::from_seed(name, &[seed; 32]).unwrap()
}

fn trusted() -> Trusted {
    Trusted {
        checkpoint: vec![signer("log", 1).verifier().clone()],
        export: vec![signer("export", 2).verifier().clone()],
        ..Trusted::default()
    }
}

fn coverage(org: Uuid) -> Coverage {
    let head = Checkpoint {
        origin: tenant_origin("log", org),
        size: 9,
        root: [1; 32],
        extensions: Vec::new(),
    };
    Coverage {
        format: FORMAT.into(),
        org: ORG,
        agent: "support".into(),
        from: 0,
        to: 10,
        decisions: 3,
        outcomes: Outcomes {
            allowed: 3,
            ..Outcomes::default()
        },
        names: vec!["support".into()],
        unnamed: Some(0),
        heard_seconds: Some(0),
        silent_seconds: Some(1),
        ungoverned_seconds: 0,
        ungoverned_acts: 0,
        lost_reports: 0,
        missing: Some(0),
        emitters: vec![Emitter {
            emitter: "e".into(),
            after: 4,
            last: 7,
            present: 3,
            tail: Tail::Continued,
        }],
        silent_emitters: 0,
        excludes: EXCLUDES.map(str::to_owned).to_vec(),
        checkpoint: checkpoint::sign(&head, &[&signer("log", 1)]).unwrap(),
        issued_at: 11,
    }
}

fn refused(coverage: Coverage) -> Option<CoverageRefusal> {
    let signed = sign(coverage, &signer("export", 2)).unwrap();
    verify(&signed, &trusted()).err()
}

#[test]
fn a_statement_verifies_with_the_keys_for_its_parts() {
    assert_eq!(refused(coverage(ORG)), None);
    let signed = sign(coverage(ORG), &signer("export", 3)).unwrap();
    let refusal = verify(&signed, &trusted()).unwrap_err();
    assert_eq!(refusal.class(), Class::UnknownKey);
    let other = refused(coverage(Uuid::from_u128(8)));
    assert_eq!(other, Some(CoverageRefusal::WrongOrigin));
}

#[test]
fn nothing_missing_cannot_be_said_of_an_unknown_end_or_over_a_hole() {
    let mut unknown = coverage(ORG);
    unknown.emitters[0].tail = Tail::Unknown;
    assert_eq!(
        refused(unknown.clone()),
        Some(CoverageRefusal::Contradiction)
    );
    unknown.missing = None;
    assert_eq!(refused(unknown), None);
    let mut hole = coverage(ORG);
    hole.emitters[0].present = 2;
    assert_eq!(refused(hole), Some(CoverageRefusal::Contradiction));
}

#[test]
fn windows_count_once_and_only_inside_the_period() {
    assert_eq!(union_within(&[], 0, 100), 0);
    let windows = [
        (-50, 10),
        (5, 20),
        (30, 40),
        (32, 35),
        (90, 500),
        (200, 300),
        (60, 60),
    ];
    assert_eq!(union_within(&windows, 0, 100), 20 + 10 + 10);
}

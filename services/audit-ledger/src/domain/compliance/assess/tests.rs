use super::*;

fn control() -> Control {
    Control {
        id: "X.1".into(),
        group: "X".into(),
        title: "a control".into(),
        policies: vec!["pii_access".into(), "data_restriction".into()],
        needs: vec![Evidence::DecisionsRecorded, Evidence::LedgerSealed],
        supports: vec![Evidence::PausesSet],
        against: vec![Evidence::GapsFound],
    }
}

fn counted(count: u64, samples: &[i64]) -> Counted {
    Counted {
        count,
        first_seq: 1,
        last_seq: samples.first().copied().unwrap_or(1),
        samples: samples.to_vec(),
    }
}

fn whole() -> Found {
    let held = Held {
        count: 2,
        at_end: 1,
        samples: vec![4],
    };
    Found {
        counted: HashMap::from([
            ("decisions.recorded".into(), counted(120, &[90, 80, 70])),
            ("hits:pii_access".into(), counted(3, &[60])),
            ("changes:pii_access".into(), counted(5, &[4])),
        ]),
        standing: HashMap::from([("policy:pii_access".into(), held)]),
        checkpoints: 9,
    }
}

#[test]
fn a_control_operated_when_all_it_needs_was_found() {
    let judged = assess(&control(), &whole());
    assert_eq!(judged.assessment, Assessment::Operated);
    assert!(
        judged.rule.contains("decisions.recorded: 120"),
        "{}",
        judged.rule
    );
    assert!(judged.gaps.is_empty() && judged.recommendations.is_empty());
    let policy = &judged.policies[0];
    assert_eq!(
        (policy.in_force, policy.at_end, policy.changes, policy.hits),
        (2, 1, 5, 3)
    );
    assert_eq!(judged.samples, [4, 60, 90, 80]);
}

#[test]
fn each_thing_that_is_missing_makes_it_partly_and_is_named() {
    type Loss = fn(&mut Found);
    let losses: [(Loss, &str); 3] = [
        (|found| found.standing.clear(), "no policy in force"),
        (
            |found| drop(found.counted.remove("decisions.recorded")),
            "decisions about acts",
        ),
        (|found| found.checkpoints = 0, "signed checkpoints"),
    ];
    for (loss, gap) in losses {
        let mut found = whole();
        loss(&mut found);
        let judged = assess(&control(), &found);
        assert_eq!(judged.assessment, Assessment::Partly, "{gap}");
        assert_eq!((judged.gaps.len(), judged.recommendations.len()), (1, 1));
        assert!(judged.gaps[0].contains(gap), "{:?}", judged.gaps);
    }
}

#[test]
fn what_speaks_against_a_control_makes_it_partly_and_is_shown_first() {
    let mut found = whole();
    found.counted.insert("gaps.found".into(), counted(2, &[33]));
    let judged = assess(&control(), &found);
    assert_eq!(judged.assessment, Assessment::Partly);
    assert_eq!(judged.samples[0], 33);
    assert!(
        judged.gaps[0].starts_with("2 found: holes"),
        "{:?}",
        judged.gaps
    );
}

#[test]
fn what_only_supports_or_speaks_against_is_no_evidence() {
    let counted = HashMap::from([
        ("pauses.set".into(), counted(1, &[1])),
        ("gaps.found".into(), counted(1, &[2])),
    ]);
    let found = Found {
        counted,
        ..Found::default()
    };
    assert_eq!(
        assess(&control(), &found).assessment,
        Assessment::NoEvidence
    );
    assert_eq!(
        assess(&control(), &Found::default()).assessment,
        Assessment::NoEvidence
    );
}

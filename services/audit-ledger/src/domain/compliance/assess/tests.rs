use super::*;

fn control() -> Control {
    Control {
        id: "X.1".into(),
        group: "X".into(),
        title: "a control".into(),
        policies: vec!["pii_access".into(), "data_restriction".into()],
        watching: false,
        unshown: None,
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
        first_seq: 3,
        last_seq: 4,
        samples: vec![4],
    };
    Found {
        counted: HashMap::from([
            ("decisions.recorded".into(), counted(120, &[90, 80, 70])),
            ("hits:pii_access".into(), counted(3, &[60])),
            ("changes:pii_access".into(), counted(5, &[4])),
        ]),
        standing: HashMap::from([("enforcing:pii_access".into(), held)]),
        sealed: Sealed {
            count: 9,
            sizes: Some((2, 120)),
        },
        unrecorded: None,
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
    assert_eq!(policy.seqs, Some((3, 4)));
    let sealed = &judged.evidence[1];
    assert_eq!(
        (sealed.count, sealed.seqs, sealed.sizes),
        (9, None, Some((2, 120)))
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
        (
            |found| found.sealed = Sealed::default(),
            "signed checkpoints",
        ),
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
fn a_policy_that_only_watches_is_enough_where_the_control_is_about_watching() {
    let mut found = whole();
    let held = found.standing.remove("enforcing:pii_access").unwrap();
    found.standing.insert("watching:pii_access".into(), held);
    let stops = assess(&control(), &found);
    assert_eq!(stops.assessment, Assessment::Partly);
    assert!(stops.gaps[0].contains("2 only warn"), "{:?}", stops.gaps);
    let policy = &stops.policies[0];
    assert_eq!((policy.in_force, policy.watching), (0, 2));
    let watches = Control {
        watching: true,
        ..control()
    };
    assert_eq!(assess(&watches, &found).assessment, Assessment::Operated);
}

#[test]
fn nothing_operated_in_days_of_which_nothing_is_recorded() {
    let mut found = whole();
    found.unrecorded = DateTime::from_timestamp(1_795_000_000, 0);
    let judged = assess(&control(), &found);
    assert_eq!(judged.assessment, Assessment::Partly);
    assert!(
        judged.rule.contains("part of the window"),
        "{}",
        judged.rule
    );
    assert_eq!(
        judged.gaps,
        ["nothing was recorded before 2026-11-18T11:06:40Z"]
    );
    assert!(judged.recommendations[0].contains("2026-11-18"));
}

#[test]
fn a_control_that_names_more_than_entries_can_show_never_operated_and_says_what_is_not_shown() {
    let names_more = Control {
        unshown: Some("who is responsible".into()),
        ..control()
    };
    let judged = assess(&names_more, &whole());
    assert_eq!(judged.assessment, Assessment::Partly);
    assert!(judged.rule.contains("cannot show all"), "{}", judged.rule);
    assert_eq!(judged.gaps, ["not shown: who is responsible"]);
    let nothing_else = Control {
        policies: Vec::new(),
        needs: Vec::new(),
        against: Vec::new(),
        ..names_more
    };
    let judged = assess(&nothing_else, &whole());
    assert_eq!(judged.assessment, Assessment::NoEvidence);
    assert!(judged.rule.starts_with("No entry"), "{}", judged.rule);
    assert_eq!(judged.gaps, ["not shown: who is responsible"]);
}

#[test]
fn what_holds_cites_the_entries_that_say_so() {
    let standing = Control {
        needs: vec![Evidence::AgentsStanding],
        ..control()
    };
    let held = Held {
        count: 1,
        at_end: 1,
        first_seq: 7,
        last_seq: 9,
        samples: vec![9],
    };
    let mut found = whole();
    found.standing.insert("agents.standing".into(), held);
    let judged = assess(&standing, &found);
    assert_eq!(judged.evidence[0].seqs, Some((7, 9)));
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

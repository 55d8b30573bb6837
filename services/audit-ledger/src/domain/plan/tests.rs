use proptest::prelude::*;
use writ_chain::leaf::{Leaf, Source};

use super::*;

fn arrival(org: u128, event: u128, number: Option<(&str, u64)>) -> Arrival {
    let source = Source {
        stream: "EVT_GATE".into(),
        subject: "writ.evt.gate.1.decision".into(),
        emitter: "e".into(),
        emitter_seq: number.map(|(_, seq)| seq),
        version: None,
    };
    Arrival {
        org: OrgId(Uuid::from_u128(org)),
        event_id: EventId(Uuid::from_u128(event)),
        single: false,
        envelope: event.to_be_bytes().to_vec(),
        body: EntryBody {
            kind: "decision.made.v1".into(),
            ..unreadable(source, 5)
        },
        index: Index::default(),
        bearing: Bearing::default(),
        number: number.map(|(source, seq)| Number {
            source: source.into(),
            seq,
        }),
    }
}

#[derive(Default)]
struct Ledger {
    known: HashSet<(Uuid, Uuid)>,
    numbers: Numbers,
    chains: HashMap<Uuid, Chain>,
}

impl Ledger {
    fn take(&mut self, arrivals: Vec<Arrival>) -> Plan {
        let mut salt = 0u8;
        plan(
            arrivals,
            &mut self.known,
            &mut self.numbers,
            &mut self.chains,
            || {
                salt = salt.wrapping_add(1);
                [salt; 32]
            },
        )
    }
}

fn kinds(plan: &Plan) -> Vec<&str> {
    plan.entries
        .iter()
        .map(|entry| entry.body.kind.as_str())
        .collect()
}

#[test]
fn a_fact_is_one_entry_however_often_it_comes() {
    let mut ledger = Ledger::default();
    let first = ledger.take(vec![
        arrival(1, 1, None),
        arrival(1, 1, None),
        arrival(2, 1, None),
    ]);
    assert_eq!((first.entries.len(), first.repeated), (2, 1));
    let again = ledger.take(vec![arrival(1, 1, None), arrival(1, 2, None)]);
    assert_eq!((again.entries.len(), again.repeated), (1, 1));
    assert_eq!(again.entries[0].seq, 1);
}

#[test]
fn a_hole_in_the_numbers_is_an_entry_before_what_follows_it() {
    let mut ledger = Ledger::default();
    let plan = ledger.take(vec![
        arrival(1, 1, Some(("a", 1))),
        arrival(1, 2, Some(("a", 4))),
        arrival(1, 3, Some(("b", 1))),
        arrival(1, 4, Some(("a", 5))),
    ]);
    let made = "decision.made.v1";
    assert_eq!(
        kinds(&plan),
        [made, "ledger.gap_detected.v1", made, made, made]
    );
    assert_eq!(plan.entries[1].body.target.as_deref(), Some("a:2-3"));
    assert_eq!(plan.gaps, 1);
    assert_eq!(ledger.numbers[&(Uuid::from_u128(1), "a".into())], 5);
}

#[test]
fn sources_number_for_each_organisation_apart() {
    let mut ledger = Ledger::default();
    let plan = ledger.take(vec![
        arrival(1, 1, Some(("a", 1))),
        arrival(2, 2, Some(("a", 1))),
    ]);
    assert_eq!(plan.gaps, 0);
}

#[test]
fn a_number_that_comes_late_is_recorded_and_opens_no_hole() {
    let mut ledger = Ledger::default();
    ledger.take(vec![arrival(1, 1, Some(("a", 3)))]);
    let late = ledger.take(vec![
        arrival(1, 2, Some(("a", 2))),
        arrival(1, 3, Some(("a", 4))),
    ]);
    assert_eq!((late.entries.len(), late.gaps), (2, 0));
}

#[test]
fn a_fact_recorded_twice_uses_both_its_numbers_up() {
    // A denial that was kept for later, and whose first try was stored after all.
    let mut ledger = Ledger::default();
    let plan = ledger.take(vec![
        arrival(1, 1, Some(("a", 1))),
        arrival(1, 1, Some(("a", 2))),
        arrival(1, 2, Some(("a", 3))),
    ]);
    assert_eq!((plan.entries.len(), plan.repeated, plan.gaps), (2, 1, 0));
    let holed = ledger.take(vec![arrival(1, 1, Some(("a", 5)))]);
    assert_eq!(kinds(&holed), ["ledger.gap_detected.v1"]);
}

#[test]
fn a_body_too_large_for_a_leaf_does_not_stop_the_ledger() {
    let mut huge = arrival(1, 1, None);
    huge.body.target = Some("x".repeat(100_000));
    let plan = Ledger::default().take(vec![huge, arrival(1, 2, None)]);
    assert_eq!(
        kinds(&plan),
        ["ledger.unreadable_recorded.v1", "decision.made.v1"]
    );
}

proptest! {
    /// Cut into any batches, with any repetitions, the same facts give the same chain.
    #[test]
    fn batches_and_repetitions_do_not_change_the_chain(
        facts in proptest::collection::vec((1u128..4, 0u128..40, 1u64..30), 1..60),
        cut in 1usize..20,
    ) {
        let all = || facts.iter().map(|&(org, event, seq)| arrival(org, event, Some(("a", seq))));
        let mut once = Ledger::default();
        once.take(all().collect());
        let mut cut_up = Ledger::default();
        let facts: Vec<Arrival> = all().collect();
        let mut previous = Vec::new();
        for batch in facts.chunks(cut) {
            // A batch whose outcome was unknown comes again before the next.
            let again = [previous, batch.to_vec()].concat();
            let plan = cut_up.take(again);
            for entry in &plan.entries {
                let leaf = Leaf::parse(&entry.leaf_bytes).unwrap();
                prop_assert_eq!(leaf.position.seq, entry.seq);
            }
            previous = batch.to_vec();
        }
        for (org, chain) in &once.chains {
            prop_assert_eq!(cut_up.chains[org].size(), chain.size());
        }
    }
}

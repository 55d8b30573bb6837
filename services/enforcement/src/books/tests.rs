use super::*;

const NOW: i64 = 1_800_000_000 * SECOND;
const UNCLAIMED: i64 = 90 * SECOND;
const ORG: OrgId = OrgId(Uuid::from_u128(1));

fn booking(n: u128) -> Booking {
    Booking {
        decision: DecisionId(Uuid::from_u128(n)),
        policy: PolicyId(Uuid::from_u128(50)),
        counter: "all_20261120".into(),
    }
}

fn increment(id: String, delta: i64, at_us: i64) -> Increment {
    Increment {
        org: ORG,
        key: booking(1).key(),
        delta,
        id,
        cause: String::new(),
        stored_at_us: at_us,
    }
}

fn booked(books: &mut Books, n: u128, amount: i64, at_us: i64) {
    books.counted(&increment(booking(n).to_string(), amount, at_us));
}

fn decided(books: &mut Books, n: u128, outcome: Outcome, unit: BudgetUnit, at_us: i64) {
    let fact = wire::Decision {
        external_agent_id: "bot".into(),
        environment: "production".into(),
        outcome: outcome.into(),
        budget_marks: vec![wire::BudgetMark {
            unit: unit.into(),
            counter: booking(n).counter,
            ..wire::BudgetMark::default()
        }],
        ..wire::Decision::default()
    };
    books.decided(ORG, booking(n).decision, &fact, at_us);
}

/// A booking of money and the decision that allowed it.
fn allowed(books: &mut Books, n: u128, amount: i64, at_us: i64) {
    booked(books, n, amount, at_us);
    decided(books, n, Outcome::Allow, BudgetUnit::MicroUsd, at_us);
}

fn spent(trace: &str, decision: Option<u128>, cost_micros: i64, at_us: i64) -> Spent {
    Spent {
        trace: trace.into(),
        actor: Actor {
            org: ORG,
            agent: "bot".into(),
            environment: "production".into(),
        },
        decision: decision.map(|n| booking(n).decision),
        cost_micros,
        at_us,
    }
}

fn due(books: &mut Books, now_us: i64) -> Vec<(u128, Ending, i64)> {
    let ends = books.due(now_us, UNCLAIMED).into_iter();
    ends.map(|end| (end.booking.decision.0.as_u128(), end.ending, end.delta))
        .collect()
}

#[test]
fn what_no_decision_claims_is_given_back_once_and_not_too_early() {
    let mut books = Books::default();
    booked(&mut books, 1, 70, NOW);
    assert_eq!(due(&mut books, NOW + UNCLAIMED - 1), []);
    let late = NOW + UNCLAIMED;
    assert_eq!(due(&mut books, late), [(1, Ending::Void, -70)]);
    assert_eq!(due(&mut books, late + SECOND), []);
}

#[test]
fn what_its_caller_gave_back_is_not_given_back_again() {
    let mut books = Books::default();
    booked(&mut books, 1, 70, NOW);
    let end = booking(1).ending(Ending::Void);
    books.counted(&increment(end, -70, NOW + 1));
    assert_eq!(due(&mut books, NOW + UNCLAIMED), []);
}

#[test]
fn a_refused_act_gives_back_what_its_caller_could_not() {
    let mut books = Books::default();
    booked(&mut books, 1, 70, NOW);
    decided(&mut books, 1, Outcome::Deny, BudgetUnit::Calls, NOW);
    assert_eq!(due(&mut books, NOW + UNCLAIMED), [(1, Ending::Void, -70)]);
}

#[test]
fn an_act_that_went_on_stays_counted() {
    let mut books = Books::default();
    booked(&mut books, 1, 1, NOW);
    decided(&mut books, 1, Outcome::Allow, BudgetUnit::Calls, NOW);
    booked(&mut books, 2, 1, NOW);
    let unreadable = wire::Decision::default();
    books.decided(ORG, booking(2).decision, &unreadable, NOW);
    assert_eq!(due(&mut books, NOW + REACH), []);
}

#[test]
fn a_trace_that_names_its_decision_settles_the_difference() {
    let mut books = Books::default();
    allowed(&mut books, 1, 70, NOW);
    allowed(&mut books, 2, 70, NOW + 1);
    books.spent(spent("t1", Some(2), 100, NOW + SECOND));
    assert_eq!(
        due(&mut books, NOW + 2 * SECOND),
        [],
        "its booking may be on its way"
    );
    let late = NOW + SECOND + SETTLING;
    assert_eq!(due(&mut books, late), [(2, Ending::Settle, 30)]);
    books.spent(spent("t2", Some(2), 100, late));
    assert_eq!(due(&mut books, late + SETTLING), [], "it is settled");
}

#[test]
fn a_trace_that_names_none_settles_the_oldest_of_its_agent_made_before_it() {
    let mut books = Books::default();
    allowed(&mut books, 1, 70, NOW);
    allowed(&mut books, 2, 70, NOW + 1);
    allowed(&mut books, 3, 70, NOW + 9 * SECOND);
    for trace in ["t1", "t2", "t3"] {
        books.spent(spent(trace, None, 50, NOW + SECOND));
    }
    let mut other = spent("t4", None, 50, NOW + 10 * SECOND);
    other.actor.agent = "another".into();
    books.spent(other);
    let ends = due(&mut books, NOW + SETTLING * 2);
    assert_eq!(ends, [(1, Ending::Settle, -20), (2, Ending::Settle, -20)]);
}

#[test]
fn a_trace_that_settled_something_settles_nothing_else() {
    let mut books = Books::default();
    allowed(&mut books, 1, 70, NOW);
    allowed(&mut books, 2, 70, NOW);
    // Another replica was first.
    books.spent(spent("t1", None, 50, NOW + SECOND));
    books.counted(&Increment {
        cause: "t1".into(),
        ..increment(booking(1).ending(Ending::Settle), -20, NOW + 2 * SECOND)
    });
    assert_eq!(due(&mut books, NOW + MINUTE), []);
}

#[test]
fn calls_have_no_cost_to_settle() {
    let mut books = Books::default();
    booked(&mut books, 1, 1, NOW);
    decided(&mut books, 1, Outcome::Allow, BudgetUnit::Calls, NOW);
    books.spent(spent("t1", Some(1), 50, NOW + SECOND));
    books.spent(spent("t2", None, 50, NOW + SECOND));
    assert_eq!(due(&mut books, NOW + MINUTE), []);
}

#[test]
fn a_trace_of_another_organisation_settles_nothing() {
    let mut books = Books::default();
    allowed(&mut books, 1, 70, NOW);
    let mut foreign = spent("t1", Some(1), 0, NOW + SECOND);
    foreign.actor.org = OrgId(Uuid::from_u128(2));
    books.spent(foreign);
    assert_eq!(due(&mut books, NOW + MINUTE), []);
}

#[test]
fn after_fifteen_minutes_the_estimate_is_final() {
    let mut books = Books::default();
    allowed(&mut books, 1, 70, NOW);
    assert_eq!(due(&mut books, NOW + FINAL), []);
    books.spent(spent("t1", Some(1), 100, NOW + FINAL));
    assert_eq!(due(&mut books, NOW + FINAL + SETTLING), []);
}

#[test]
fn a_held_act_is_given_back_when_nobody_approves_it_and_waits_longer_for_its_trace() {
    let mut books = Books::default();
    for n in [1, 2] {
        booked(&mut books, n, 70, NOW);
        decided(&mut books, n, Outcome::Hold, BudgetUnit::MicroUsd, NOW);
    }
    assert_eq!(due(&mut books, NOW + 20 * MINUTE), []);
    books.refused([booking(1).decision].into_iter());
    let late = NOW + 21 * MINUTE;
    assert_eq!(due(&mut books, late), [(1, Ending::Void, -70)]);
    books.spent(spent("t1", Some(2), 10, late));
    assert_eq!(due(&mut books, late + MINUTE), [(2, Ending::Settle, -60)]);
}

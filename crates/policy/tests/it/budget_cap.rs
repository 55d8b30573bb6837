//! `budget_cap`: what is reserved where, and what a spent budget does.

use serde_json::{Value, json};
use uuid::Uuid;
use writ_policy::{
    Facts, Mode, OnBehalfOf, Outcome, Phase, PolicySet, PolicyType, Request, Reservation, Unit,
    decide_alone,
};

use crate::support::{NOON, decide, decide_by, policy, problem, request};

fn spending(usd: f64) -> Request {
    Request {
        estimated_cost: Some(usd),
        ..request("go")
    }
}

fn reserved(rule: Value, request: &Request) -> Reservation {
    let decision = decide_by(PolicyType::BudgetCap, rule, request);
    assert_eq!(decision.outcome, Outcome::Allow);
    decision.reservations[0].clone()
}

#[test]
fn the_documented_monthly_cap_is_one_budget_of_all_agents() {
    let rule = json!({"monthly_cap_usd": 500, "warning_threshold_pct": 90, "reset_day": 21});
    let got = reserved(rule.clone(), &spending(0.25));
    assert_eq!((got.unit, got.amount), (Unit::MicroUsd, 250_000));
    assert_eq!((got.cap, got.warn_above), (500_000_000, Some(450_000_000)));
    assert_eq!(got.period, "2026-10", "the month that began on October 21");
    assert!(!got.pause_agent);
    assert_eq!(
        got.violation.message,
        "the budget of $500.00 per month for all agents is used up"
    );
    let mut other = spending(1.0);
    other.agent.id = Uuid::from_u128(99);
    assert_eq!(got.counter, reserved(rule, &other).counter);
}

#[test]
fn periods_have_short_and_long_words_and_an_alias() {
    for (word, period) in [
        ("1m", "2026-11-20T12:00"),
        ("minute", "2026-11-20T12:00"),
        ("1h", "2026-11-20T12"),
        ("hour", "2026-11-20T12"),
        ("1d", "2026-11-20"),
        ("day", "2026-11-20"),
        ("1mo", "2026-11"),
        ("month", "2026-11"),
    ] {
        for field in ["period", "window"] {
            let rule = json!({"cap_usd": 1, field: word});
            assert_eq!(reserved(rule, &spending(0.1)).period, period);
        }
    }
}

#[test]
fn the_warning_threshold_is_a_share_or_a_percentage() {
    for (rule, expected) in [
        (json!({"cap_usd": 10}), 8_000_000),
        (json!({"cap_usd": 10, "warning_threshold": 0.5}), 5_000_000),
        (json!({"cap_usd": 10, "warning_threshold": 1}), 10_000_000),
        (json!({"cap_usd": 10, "warning_threshold": 75}), 7_500_000),
        (json!({"cap_usd": 10, "warning_threshold_pct": 1}), 100_000),
    ] {
        let got = reserved(rule.clone(), &spending(0.1));
        assert_eq!(got.warn_above, Some(expected), "{rule}");
    }
}

#[test]
fn agents_users_and_workspaces_have_budgets_of_their_own() {
    let counter = |scope: &str, change: &dyn Fn(&mut Request)| {
        let mut request = spending(0.1);
        change(&mut request);
        reserved(json!({"cap_usd": 1, "scope": scope}), &request).counter
    };
    let other_agent = |r: &mut Request| r.agent.id = Uuid::from_u128(99);
    assert_ne!(counter("agent", &|_| ()), counter("agent", &other_agent));

    let user = |name: &'static str, agent: u128| {
        move |r: &mut Request| {
            r.agent.id = Uuid::from_u128(agent);
            r.on_behalf_of = Some(OnBehalfOf {
                email: name.into(),
                ..OnBehalfOf::default()
            });
        }
    };
    assert_eq!(
        counter("user", &user("a@b.com", 1)),
        counter("user", &user("a@b.com", 2))
    );
    assert_ne!(
        counter("user", &user("a@b.com", 1)),
        counter("user", &user("c@b.com", 1))
    );

    let tagged = |r: &mut Request| {
        r.agent.tags = vec!["x".into(), "workspace:sales".into()];
        r.metadata = Some(json!({"workspace": "somebody-else's"}));
    };
    let said = |r: &mut Request| r.metadata = Some(json!({"workspace": "sales"}));
    let other = |r: &mut Request| r.metadata = Some(json!({"workspace": "legal"}));
    assert_eq!(counter("workspace", &tagged), counter("workspace", &said));
    assert_ne!(counter("workspace", &other), counter("workspace", &said));
    assert_eq!(counter("organization", &|_| ()), counter("org", &tagged));
}

#[test]
fn spending_without_user_or_workspace_is_charged_to_the_agent_and_says_so() {
    let agents = reserved(json!({"cap_usd": 1, "per": "agent"}), &spending(0.1));
    for scope in ["user", "workspace"] {
        let rule = json!({"cap_usd": 1, "scope": scope});
        let decision = decide_by(PolicyType::BudgetCap, rule, &spending(0.1));
        assert_eq!(decision.reservations[0].counter, agents.counter);
        let why = &decision.considered[0].why;
        assert!(why.contains(&format!("names no {scope}")), "{why}");
    }
}

#[test]
fn the_action_says_what_a_spent_budget_does_within_the_mode() {
    for (action, mode, expected, pauses) in [
        ("block", Mode::Block, Mode::Block, false),
        ("block", Mode::Warn, Mode::Warn, false),
        ("warn", Mode::Block, Mode::Warn, false),
        ("warn", Mode::Monitor, Mode::Monitor, false),
        ("pause_agent", Mode::Block, Mode::Block, true),
    ] {
        let rule = json!({"cap_usd": 1, "action": action});
        let policies = vec![policy(1, PolicyType::BudgetCap, mode, rule)];
        let decision = decide(policies, &spending(0.1));
        let reservation = &decision.reservations[0];
        assert_eq!(
            reservation.violation.enforcement_mode, expected,
            "{action} {mode}"
        );
        assert_eq!(reservation.pause_agent, pauses);
    }
}

#[test]
fn an_act_dearer_than_the_cap_hits_at_once_and_spends_only_where_it_goes_on() {
    let rule = json!({"cap_usd": 1, "period": "1d"});
    let blocked = decide_by(PolicyType::BudgetCap, rule.clone(), &spending(1.01));
    assert_eq!(blocked.outcome, Outcome::Block);
    assert!(blocked.reservations.is_empty());
    assert_eq!(
        blocked.violations[0].message,
        "the estimated cost of $1.01 exceeds the budget of $1.00 per day"
    );
    let policies = vec![policy(1, PolicyType::BudgetCap, Mode::Warn, rule)];
    let mut warned = decide(policies, &spending(1.01));
    assert_eq!(warned.outcome, Outcome::Allow);
    let reservation = warned.reservations[0].clone();
    assert_eq!(reservation.amount, 1_010_000);
    warned.add(reservation.violation);
    assert_eq!(warned.warnings.len(), 1, "one policy, one line");
}

#[test]
fn estimates_follow_the_rules_of_cost_limit() {
    let rule = json!({"cap_usd": 10, "default_estimated_cost": 0.02});
    assert_eq!(reserved(rule, &request("go")).amount, 20_000);
    let plain = json!({"cap_usd": 10});
    assert_eq!(reserved(plain.clone(), &request("go")).amount, 0);
    let policies = vec![policy(1, PolicyType::BudgetCap, Mode::Block, plain.clone())];
    let facts = Facts {
        now_ms: NOON,
        mean_cost: Some(0.5),
    };
    let decision = decide_alone(&PolicySet::compile(policies), &request("go"), &facts);
    assert_eq!(decision.reservations[0].amount, 500_000);
    let unusable = decide_by(PolicyType::BudgetCap, plain, &spending(f64::NAN));
    assert_eq!(unusable.outcome, Outcome::Block);
    assert!(unusable.considered[0].failed);
}

#[test]
fn what_already_happened_is_not_charged_again() {
    let request = Request {
        phase: Phase::Post,
        ..spending(0.1)
    };
    let decision = decide_by(PolicyType::BudgetCap, json!({"cap_usd": 1}), &request);
    assert!(decision.reservations.is_empty());
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    for (rule, place) in [
        (json!({}), "needs at least one of"),
        (json!({"cap_usd": -1}), "/cap_usd"),
        (
            json!({"cap_usd": 1, "monthly_cap_usd": 1}),
            "cannot be given together",
        ),
        (
            json!({"monthly_cap_usd": 1, "period": "1d"}),
            "/period: monthly_cap_usd is per month",
        ),
        (
            json!({"cap_usd": 1, "period": "1d", "reset_day": 3}),
            "/reset_day: only a month",
        ),
        (json!({"cap_usd": 1, "reset_day": 32}), "/reset_day"),
        (json!({"cap_usd": 1, "scope": "session"}), "/scope"),
        (
            json!({"cap_usd": 1, "warning_threshold": 101}),
            "/warning_threshold",
        ),
        (
            json!({"cap_usd": 1, "warning_threshold": 0.5, "warning_threshold_pct": 50}),
            "cannot be given together",
        ),
        (json!({"cap_usd": 1, "action": "explode"}), "/action"),
    ] {
        let problem = problem(PolicyType::BudgetCap, &rule);
        assert!(problem.contains(place), "{rule}: {problem}");
    }
}

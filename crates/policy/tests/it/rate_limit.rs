//! `rate_limit`: which counter a call goes to, and what a full one says.

use serde_json::{Value, json};
use uuid::Uuid;
use writ_policy::{
    Delegation, OnBehalfOf, Outcome, Phase, PolicyType, Request, Reservation, Tier, Unit,
};

use crate::support::{decide_by, problem, request};

fn reserved(rule: Value, request: &Request) -> Reservation {
    let decision = decide_by(PolicyType::RateLimit, rule, request);
    assert_eq!(decision.outcome, Outcome::Allow);
    decision.reservations[0].clone()
}

fn of_user(user: &str, agent: u128) -> Request {
    let mut request = request("go");
    request.agent.id = Uuid::from_u128(agent);
    request.on_behalf_of = Some(OnBehalfOf {
        user_id: user.into(),
        ..OnBehalfOf::default()
    });
    request
}

#[test]
fn one_call_is_reserved_in_the_window_for_the_agent() {
    let got = reserved(json!({"max_requests": 60}), &request("go"));
    assert_eq!((got.unit, got.amount, got.cap), (Unit::Calls, 1, 60));
    assert_eq!(got.period, "2026-11-20T12:00");
    assert_eq!(
        got.violation.message,
        "the limit of 60 requests per minute for this agent is reached"
    );
    let other = of_user("", 7);
    let others = reserved(json!({"max_requests": 60}), &other);
    assert_ne!(got.counter, others.counter);
}

#[test]
fn windows_are_named_by_short_and_long_words() {
    for (word, period) in [
        ("1m", "2026-11-20T12:00"),
        ("minute", "2026-11-20T12:00"),
        ("1h", "2026-11-20T12"),
        ("hour", "2026-11-20T12"),
        ("1d", "2026-11-20"),
        ("day", "2026-11-20"),
    ] {
        let rule = json!({"max_requests": 1, "window": word});
        assert_eq!(reserved(rule, &request("go")).period, period);
    }
    let aliases = json!({"limit": 5, "period": "day", "per": "organization"});
    let got = reserved(aliases, &request("go"));
    assert_eq!((got.cap, got.period.as_str()), (5, "2026-11-20"));
    assert_eq!(got.counter, "all_20261120");
}

#[test]
fn a_user_has_one_limit_across_all_agents_and_subagents_that_act_for_them() {
    let rule = json!({"max_requests": 10, "scope": "user"});
    let first = reserved(rule.clone(), &of_user("ana", 1));
    let mut subagent = of_user("ANA", 2);
    subagent.tier = Some(Tier::Subagent);
    subagent.delegation = Some(Delegation::default());
    assert_eq!(first.counter, reserved(rule.clone(), &subagent).counter);
    let other = of_user("bob", 1);
    assert_ne!(first.counter, reserved(rule, &other).counter);
}

#[test]
fn a_session_has_a_limit_of_its_own() {
    let rule = json!({"max_requests": 10, "scope": "session"});
    let session = |id: &str| Request {
        session_id: id.into(),
        ..request("go")
    };
    let one = reserved(rule.clone(), &session("s1"));
    assert_eq!(one.counter, reserved(rule.clone(), &session("s1")).counter);
    assert_ne!(one.counter, reserved(rule, &session("s2")).counter);
}

#[test]
fn a_call_without_user_or_session_counts_for_its_agent_and_says_so() {
    let agents = reserved(json!({"max_requests": 10}), &request("go"));
    for (scope, word) in [("user", "no user"), ("session", "no session")] {
        let rule = json!({"max_requests": 10, "scope": scope});
        let decision = decide_by(PolicyType::RateLimit, rule, &request("go"));
        assert_eq!(decision.reservations[0].counter, agents.counter);
        assert!(decision.considered[0].why.contains(word), "{scope}");
    }
}

#[test]
fn an_agent_that_is_not_registered_is_counted_by_its_name() {
    let named = |name: &str| {
        let mut request = of_user("", 0);
        request.agent.external_id = name.into();
        reserved(json!({"max_requests": 10}), &request).counter
    };
    assert_eq!(named("a"), named("a"));
    assert_ne!(named("a"), named("b"));
}

#[test]
fn a_tier_has_its_own_cap_and_counter() {
    let rule = json!({"max_requests": 60, "tiers": {"subagent": 5, "background": 0}});
    let of = |tier| Request {
        tier,
        ..request("go")
    };
    let common = reserved(rule.clone(), &of(None));
    let api = reserved(rule.clone(), &of(Some(Tier::Api)));
    let subagent = reserved(rule.clone(), &of(Some(Tier::Subagent)));
    assert_eq!((common.cap, api.cap, subagent.cap), (60, 60, 5));
    assert_eq!(common.counter, api.counter);
    assert_ne!(common.counter, subagent.counter);
    assert!(subagent.violation.message.contains("as subagent"));
    let none = decide_by(PolicyType::RateLimit, rule, &of(Some(Tier::Background)));
    assert_eq!(none.outcome, Outcome::Block);
    assert!(none.reservations.is_empty());
}

#[test]
fn only_listed_tiers_are_limited_where_there_is_no_common_cap() {
    let rule = json!({"tiers": {"subagent": 5}});
    let decision = decide_by(PolicyType::RateLimit, rule, &request("go"));
    assert!(decision.reservations.is_empty());
    assert!(decision.considered[0].why.contains("no limit"));
}

#[test]
fn what_already_happened_is_not_counted_again() {
    let request = Request {
        phase: Phase::Post,
        ..request("go")
    };
    let decision = decide_by(PolicyType::RateLimit, json!({"max_requests": 0}), &request);
    assert_eq!(decision.outcome, Outcome::Allow);
    assert!(decision.reservations.is_empty());
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    for (rule, place) in [
        (json!({}), "needs at least one of"),
        (json!({"max_requests": -1}), "/max_requests"),
        (json!({"max_requests": 1.5}), "/max_requests"),
        (
            json!({"max_requests": 1, "limit": 1}),
            "cannot be given together",
        ),
        (json!({"max_requests": 1, "window": "1mo"}), "/window"),
        (json!({"max_requests": 1, "scope": "workspace"}), "/scope"),
        (json!({"tiers": {"gold": 1}}), "/tiers"),
        (json!({"tiers": {}}), "/tiers"),
    ] {
        let problem = problem(PolicyType::RateLimit, &rule);
        assert!(problem.contains(place), "{rule}: {problem}");
    }
}

//! Prerequisites, selectors and questions to the outside.

use serde_json::json;
use uuid::Uuid;
use writ_policy::{
    AgentRef, ChainTrigger, Considered, Decision, Evaluation, Exception, Facts, Mode, OnBehalfOf,
    Outcome, Policy, PolicySet, PolicyType, Request, Selectors, Tier, evaluate,
};

use crate::support::{NOON, agent, decide, policy, request};

/// Violated when the input has the word.
fn word(n: u128, mode: Mode, word: &str) -> Policy {
    let rule = json!({"expression": format!("input.contains('{word}')")});
    policy(n, PolicyType::Expression, mode, rule)
}

fn after(mut policy: Policy, prerequisites: &[u128], trigger: ChainTrigger) -> Policy {
    policy.prerequisites = prerequisites.iter().map(|n| Uuid::from_u128(*n)).collect();
    policy.chain_trigger = trigger;
    policy
}

fn considered(decision: &Decision, n: u128) -> &Considered {
    let mut all = decision.considered.iter();
    all.find(|c| c.policy_id == Uuid::from_u128(n)).unwrap()
}

#[test]
fn a_trigger_decides_whether_a_policy_is_judged_after_its_prerequisites() {
    for (trigger, input, judged) in [
        (ChainTrigger::AllPassed, "b", true),
        (ChainTrigger::AllPassed, "a b", false),
        (ChainTrigger::AnyViolated, "b", false),
        (ChainTrigger::AnyViolated, "a b", true),
        (ChainTrigger::Always, "b", true),
        (ChainTrigger::Always, "a b", true),
    ] {
        let policies = vec![
            after(word(1, Mode::Block, "b"), &[2], trigger),
            word(2, Mode::Monitor, "a"),
        ];
        let decision = decide(policies, &request(input));
        assert_eq!(considered(&decision, 1).judged, judged, "{trigger} {input}");
        assert_eq!(
            decision.outcome == Outcome::Block,
            judged,
            "{trigger} {input}"
        );
        assert_eq!(decision.considered[0].policy_id, Uuid::from_u128(2));
    }
}

#[test]
fn a_prerequisite_that_is_inactive_out_of_scope_or_gone_counts_as_passed() {
    let mut inactive = word(2, Mode::Monitor, "a");
    inactive.is_active = false;
    let mut elsewhere = word(3, Mode::Monitor, "a");
    elsewhere.applies_to_agents = vec![Uuid::from_u128(99)];
    let last = after(
        word(1, Mode::Block, "a"),
        &[2, 3, 4],
        ChainTrigger::AllPassed,
    );
    let decision = decide(vec![last, inactive, elsewhere], &request("a"));
    assert_eq!(decision.outcome, Outcome::Block);
}

#[test]
fn one_that_failed_counts_as_violated_and_one_that_was_skipped_as_not_passed() {
    let broken = policy(
        2,
        PolicyType::Expression,
        Mode::Monitor,
        json!({"expression": "("}),
    );
    let on_failure = after(word(1, Mode::Block, "a"), &[2], ChainTrigger::AnyViolated);
    let decision = decide(vec![on_failure, broken], &request("a"));
    assert_eq!(decision.outcome, Outcome::Block);
    let chain = vec![
        word(1, Mode::Monitor, "a"),
        after(word(2, Mode::Block, "a"), &[1], ChainTrigger::AllPassed),
        after(word(3, Mode::Block, "a"), &[2], ChainTrigger::AllPassed),
    ];
    let decision = decide(chain, &request("a"));
    assert_eq!(decision.outcome, Outcome::Allow);
    assert_eq!(
        considered(&decision, 3).why,
        "a prerequisite was not judged"
    );
}

#[test]
fn policies_that_wait_for_each_other_fail() {
    let circle = vec![
        after(word(1, Mode::Block, "x"), &[2], ChainTrigger::Always),
        after(word(2, Mode::Warn, "x"), &[1], ChainTrigger::Always),
    ];
    let decision = decide(circle, &request("hello"));
    assert_eq!(decision.outcome, Outcome::Block);
    assert!(considered(&decision, 2).failed);
    assert!(considered(&decision, 1).why.contains("circle"));
}

#[test]
fn every_selector_that_is_given_must_fit() {
    let mut asked = request("a");
    asked.agent = AgentRef {
        tags: vec!["finance".into(), "eu".into()],
        ..asked.agent
    };
    asked.tier = Some(Tier::Subagent);
    asked.on_behalf_of = Some(OnBehalfOf {
        user_id: "u1".into(),
        email: "Ann@Example.com".into(),
        ..OnBehalfOf::default()
    });
    let words = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let selectors =
        |tags: &[&str], environments: &[&str], users: &[&str], tiers: &[Tier]| Selectors {
            tags: words(tags),
            environments: words(environments),
            users: words(users),
            tiers: tiers.to_vec(),
        };
    for (selectors, fits) in [
        (selectors(&[], &[], &[], &[]), true),
        (selectors(&["eu", "us"], &[], &[], &[]), true),
        (selectors(&["us"], &[], &[], &[]), false),
        (selectors(&[], &["production"], &[], &[]), true),
        (selectors(&[], &["staging"], &[], &[]), false),
        (selectors(&[], &[], &["ann@example.com"], &[]), true),
        (selectors(&[], &[], &["u1"], &[]), true),
        (selectors(&[], &[], &["u2"], &[]), false),
        (selectors(&[], &[], &[], &[Tier::Subagent, Tier::Api]), true),
        (selectors(&[], &[], &[], &[Tier::Interactive]), false),
        (
            selectors(&["eu"], &["staging"], &["u1"], &[Tier::Subagent]),
            false,
        ),
        (
            selectors(&["eu"], &["production"], &["u1"], &[Tier::Subagent]),
            true,
        ),
    ] {
        for agents in [vec![], vec![agent()]] {
            let mut policy = word(1, Mode::Block, "a");
            policy.selectors = selectors.clone();
            policy.applies_to_agents = agents;
            let decision = decide(vec![policy], &asked);
            assert_eq!(decision.outcome == Outcome::Block, fits, "{selectors:?}");
        }
    }
}

#[test]
fn selectors_prerequisites_and_triggers_are_part_of_the_hash() {
    let plain = word(1, Mode::Block, "a");
    let hash = |policy: &Policy| PolicySet::compile(vec![policy.clone()]).hash();
    let mut selected = plain.clone();
    selected.selectors.tags = vec!["eu".into()];
    let chained = after(plain.clone(), &[2], ChainTrigger::AllPassed);
    let always = after(plain.clone(), &[2], ChainTrigger::Always);
    let hashes = [&plain, &selected, &chained, &always].map(hash);
    for (i, one) in hashes.iter().enumerate() {
        assert!(hashes[i + 1..].iter().all(|other| other != one));
    }
}

#[test]
fn without_questions_an_act_is_decided_at_once() {
    let set = PolicySet::compile(vec![word(1, Mode::Block, "a")]);
    let evaluation = evaluate(&set, &Request::default(), &Facts::at(NOON));
    assert!(
        matches!(evaluation, Evaluation::Decided(decision) if decision.outcome == Outcome::Allow)
    );
}

#[test]
fn an_exception_leaves_a_policy_out_for_its_agent_until_its_time() {
    let shell = |agent_id, until_ms| Policy {
        exceptions: vec![Exception { agent_id, until_ms }],
        ..policy(
            1,
            PolicyType::ToolInvocation,
            Mode::Block,
            json!({"denied_tools": ["shell"]}),
        )
    };
    let mut asked = request("x");
    asked.tools = vec!["shell".into()];
    let own = Some(asked.agent.id);
    for (agent, until, outcome) in [
        (own, NOON + 1, Outcome::Allow),
        (None, NOON + 1, Outcome::Allow),
        (own, NOON, Outcome::Block),
        (Some(Uuid::nil()), NOON + 1, Outcome::Block),
    ] {
        let decision = decide(vec![shell(agent, until)], &asked);
        assert_eq!(decision.outcome, outcome, "{agent:?} {until}");
        let considered = &decision.considered[0];
        let left_out = outcome == Outcome::Allow;
        assert_eq!(
            (considered.excepted, considered.judged),
            (left_out, !left_out)
        );
    }
}

#[test]
fn what_waits_for_an_excepted_policy_is_judged_as_if_that_had_passed() {
    let first = Policy {
        exceptions: vec![Exception {
            agent_id: None,
            until_ms: NOON + 1,
        }],
        ..policy(
            1,
            PolicyType::ToolInvocation,
            Mode::Monitor,
            json!({"denied_tools": ["*"]}),
        )
    };
    let second = Policy {
        prerequisites: vec![first.id],
        ..policy(
            2,
            PolicyType::ToolInvocation,
            Mode::Block,
            json!({"denied_tools": ["*"]}),
        )
    };
    let mut asked = request("x");
    asked.tools = vec!["shell".into()];
    assert_eq!(decide(vec![first, second], &asked).outcome, Outcome::Block);
}

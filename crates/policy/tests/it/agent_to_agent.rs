//! `agent_to_agent`: every field, alias and error.

use serde_json::{Value, json};
use writ_policy::schema::validate;
use writ_policy::{Decision, Delegation, Evidence, OnBehalfOf, Outcome, PolicyType, Request};

use crate::support::{agent, decide_by, request};

fn decide(rule: &Value, request: &Request) -> Decision {
    decide_by(PolicyType::AgentToAgent, rule.clone(), request)
}

fn denied(rule: &Value, request: &Request) -> bool {
    let decision = decide(rule, request);
    assert!(
        !decision.considered[0].failed,
        "{}",
        decision.considered[0].why
    );
    decision.outcome == Outcome::Block
}

fn first(rule: &Value, request: &Request) -> (String, Evidence) {
    let hit = decide(rule, request).violations[0].clone();
    (hit.message, hit.evidence[0].clone())
}

/// A delegation as it comes on the wire.
fn under(delegation: Value) -> Request {
    let mut request = request("go");
    request.agent.tags = vec!["finance".into()];
    request.metadata = Some(json!({"delegation": delegation}));
    request.read_metadata().unwrap();
    request
}

fn chain(hops: &[&str]) -> Request {
    under(json!({"chain": hops}))
}

fn calling(target: Value) -> Request {
    Request {
        metadata: Some(json!({"targetAgentId": target})),
        ..request("go")
    }
}

#[test]
fn without_another_agent_there_is_nothing_to_judge() {
    let rule = json!({"max_depth": 0, "allowed_callers": [], "allowed_targets": []});
    let decision = decide(&rule, &request("go"));
    assert_eq!(decision.outcome, Outcome::Allow);
    assert_eq!(decision.considered[0].why, "no other agent takes part");
    assert!(!denied(&rule, &calling(Value::Null)));
}

#[test]
fn depth_counts_the_chain_and_the_call_itself() {
    for field in ["max_depth", "max_delegation_depth"] {
        let rule = json!({field: 2});
        assert!(!denied(&rule, &chain(&["a", "b"])));
        assert!(denied(&rule, &chain(&["a", "b", "c"])));
        let mut calling = chain(&["a", "b"]);
        calling.metadata = Some(json!({"targetAgent": {"agentId": "c"}}));
        let (message, evidence) = first(&rule, &calling);
        assert_eq!(message, "work is handed on 3 times, at most 2 may be");
        assert_eq!(evidence.location, "delegation.chain");
        assert!(denied(&json!({field: 0}), &chain(&["a"])));
    }
}

#[test]
fn every_caller_of_the_chain_must_be_allowed() {
    let rule = json!({"allowed_callers": ["planner-*"], "denied_callers": ["planner-old"]});
    assert!(!denied(&rule, &chain(&["planner-1", "planner-2"])));
    let (message, evidence) = first(&rule, &chain(&["planner-1", "Planner-2"]));
    assert_eq!(
        message,
        "this agent is not on the list of those that may be a caller"
    );
    assert_eq!(evidence.location, "delegation.chain[1]");
    let (_, evidence) = first(&rule, &chain(&["PLANNER-OLD"]));
    assert_eq!(evidence.kind, "denied_caller");
    assert!(denied(&json!({"allowed_callers": []}), &chain(&["a"])));
}

#[test]
fn the_agent_that_asks_is_a_caller_when_it_calls_and_a_target_when_it_was_called() {
    for name in [
        "billing-bot".to_owned(),
        agent().to_string(),
        "tag:finance".to_owned(),
    ] {
        let callers = json!({"denied_callers": [name]});
        let targets = json!({"denied_targets": [name]});
        let called = chain(&["a"]);
        let calls = Request {
            metadata: Some(json!({"calleeAgentId": "x"})),
            ..called.clone()
        };
        assert!(
            !denied(&callers, &called) && denied(&targets, &called),
            "{name}"
        );
        assert!(denied(&callers, &calls), "{name}");
        assert_eq!(first(&targets, &called).1.location, "agentId");
    }
}

#[test]
fn targets_are_known_from_metadata() {
    let rule = json!({"allowed_targets": ["search-*", "billing-bot"]});
    for target in [
        json!("search-1"),
        json!({"agentId": "search-1"}),
        json!({"id": "search-2"}),
    ] {
        assert!(!denied(&rule, &calling(target)));
    }
    for target in [
        json!("mail"),
        json!(7),
        json!({"name": "search-1"}),
        json!(["search-1"]),
    ] {
        let (_, evidence) = first(&rule, &calling(target));
        assert_eq!(evidence.kind, "target_not_allowed");
        assert_eq!(evidence.location, "metadata.targetAgentId");
    }
}

#[test]
fn an_asserted_delegation_may_be_refused() {
    let rule = json!({"require_verified": true});
    let mut request = chain(&["a"]);
    assert_eq!(first(&rule, &request).1.kind, "unverified");
    request.delegation.as_mut().unwrap().verified = true;
    assert!(!denied(&rule, &request));
    assert!(!denied(&json!({}), &chain(&["a"])));
}

#[test]
fn an_agent_may_not_take_part_in_its_own_delegation() {
    let own = agent().to_string().to_uppercase();
    for hops in [
        vec!["a", "b", "A"],
        vec!["billing-bot", "a"],
        vec![own.as_str()],
    ] {
        let (message, evidence) = first(&json!({}), &chain(&hops));
        assert_eq!(
            message, "an agent takes part in its own delegation",
            "{hops:?}"
        );
        assert_eq!(evidence.kind, "cycle");
        assert!(!denied(&json!({"allow_cycles": true}), &chain(&hops)));
    }
    assert!(denied(&json!({}), &calling(json!("billing-bot"))));
    assert!(!denied(&json!({}), &chain(&["a", "b"])));
}

#[test]
fn no_step_may_have_more_scopes_than_the_one_before() {
    let steps = |first: Value, second: Value, last: Value| {
        under(json!({
            "chain": [{"agentId": "a", "scopes": first}, {"agentId": "b", "scopes": second}],
            "scopes": last,
        }))
    };
    let rule = json!({});
    assert!(!denied(
        &rule,
        &steps(json!(["r", "w"]), json!(["r"]), json!(["r"]))
    ));
    assert!(!denied(
        &rule,
        &steps(json!(["r", "w"]), Value::Null, json!(["w"]))
    ));
    assert!(!denied(
        &rule,
        &steps(Value::Null, Value::Null, json!(["w"]))
    ));
    let wider = steps(json!(["r"]), json!(["r", "w"]), json!(["r"]));
    assert_eq!(
        first(&rule, &wider).1.location,
        "delegation.chain[1].scopes"
    );
    let skipped = steps(json!(["r"]), Value::Null, json!(["w"]));
    assert_eq!(first(&rule, &skipped).1.location, "delegation.scopes");
    assert!(!denied(&json!({"require_narrowing": false}), &wider));
}

#[test]
fn only_listed_scopes_may_be_handed_on() {
    let rule = json!({"allowed_scopes": ["*:read"]});
    let handing = |scopes: Value| under(json!({"chain": ["a"], "scopes": scopes}));
    assert!(!denied(&rule, &handing(json!(["crm:read", "erp:read"]))));
    assert!(!denied(&rule, &handing(json!([]))));
    assert!(denied(&rule, &handing(json!(["crm:read", "crm:write"]))));
    assert_eq!(
        first(&rule, &handing(Value::Null)).1.kind,
        "scope_not_allowed"
    );
    let mut narrowed = handing(json!(["crm:read", "crm:write"]));
    narrowed.on_behalf_of = Some(OnBehalfOf {
        scopes: Some(vec!["crm:read".into()]),
        ..OnBehalfOf::default()
    });
    assert!(!denied(&rule, &narrowed));
}

#[test]
fn all_that_is_wrong_is_listed() {
    let rule = json!({"max_depth": 1, "require_verified": true, "denied_callers": ["b"]});
    let decision = decide(&rule, &chain(&["a", "b", "a"]));
    let kinds = decision.violations[0]
        .evidence
        .iter()
        .map(|e| e.kind.as_str());
    let expected = ["delegation_depth", "unverified", "cycle", "denied_caller"];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
    assert!(decision.violations[0].message.ends_with("(and 3 more)"));
}

#[test]
fn a_long_chain_is_judged_all_the_same() {
    let hops: Vec<String> = (0..50_000).map(|n| format!("agent-{n}")).collect();
    let request = Request {
        delegation: Some(Delegation {
            chain: serde_json::from_value(json!(hops)).unwrap(),
            ..Delegation::default()
        }),
        ..request("go")
    };
    assert!(denied(&json!({"max_depth": 10}), &request));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (rule, problem) in [
        (json!({"max_depth": -1}), "/max_depth: "),
        (json!({"max_depth": 101}), "/max_depth: "),
        (json!({"allowed_callers": ["["]}), "/allowed_callers/0: "),
        (json!({"denied_callers": ["a", "["]}), "/denied_callers/1: "),
        (json!({"allowed_targets": ["["]}), "/allowed_targets/0: "),
        (json!({"denied_targets": [""]}), "/denied_targets/0: "),
        (json!({"allowed_scopes": ["["]}), "/allowed_scopes/0: "),
        (
            json!({"max_depth": 1, "max_delegation_depth": 1}),
            ": 'max_depth' and 'max_del",
        ),
        (json!({"depth": 1}), ": unknown field 'depth'"),
    ] {
        let problems = validate(PolicyType::AgentToAgent, &rule).unwrap_err();
        let first = problems[0].to_string();
        assert!(first.starts_with(problem), "{rule}: {first}");
    }
}

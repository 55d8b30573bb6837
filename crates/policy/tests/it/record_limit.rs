//! `record_limit`: where the number of records is read, and what it is held against.

use serde_json::{Value, json};
use writ_policy::{Decision, Mode, Outcome, Phase, PolicyType, Request, ToolOutput, Unit};

use crate::support::{decide, decide_by, policy, problem, request};

fn per_call(cap: u64, request: &Request) -> Decision {
    let rule = json!({"max_records_per_call": cap});
    decide_by(PolicyType::RecordLimit, rule, request)
}

fn with_metadata(metadata: Value) -> Request {
    Request {
        metadata: Some(metadata),
        ..request("go")
    }
}

fn with_outputs(outputs: &[Value]) -> Request {
    let tool = |output: &Value| ToolOutput {
        name: "db.read".into(),
        output: output.clone(),
        ..ToolOutput::default()
    };
    Request {
        tool_outputs: outputs.iter().map(tool).collect(),
        ..request("go")
    }
}

#[test]
fn records_are_counted_wherever_they_are_said() {
    let tool_input = |sql: &str| Request {
        tool_outputs: vec![ToolOutput {
            name: "db.read".into(),
            input: json!({"sql": sql}),
            ..ToolOutput::default()
        }],
        ..request("go")
    };
    for (request, location) in [
        (
            with_metadata(json!({"recordCount": 3})),
            "metadata.recordCount",
        ),
        (
            with_metadata(json!({"record_count": "3"})),
            "metadata.recordCount",
        ),
        (
            with_metadata(json!({"recordCount": 3.0})),
            "metadata.recordCount",
        ),
        (with_outputs(&[json!([1, 2, 3])]), "toolOutputs"),
        (with_outputs(&[json!({"rows": [1, 2, 3]})]), "toolOutputs"),
        (with_outputs(&[json!({"rowCount": 3})]), "toolOutputs"),
        (with_outputs(&[json!("[1, 2, 3]")]), "toolOutputs"),
        (
            with_outputs(&[json!([1]), json!({"items": [1, 2]})]),
            "toolOutputs",
        ),
        (request("SELECT * FROM t LIMIT 3"), "input"),
        (
            with_metadata(json!({"toolInput": {"query": "select a from t limit 3"}})),
            "metadata.toolInput.query",
        ),
        (
            tool_input("SELECT TOP 3 * FROM t"),
            "toolOutputs[0].input.sql",
        ),
    ] {
        let within = per_call(3, &request);
        assert_eq!(within.outcome, Outcome::Allow, "{location}");
        assert!(within.warnings.is_empty());
        let over = per_call(2, &request);
        assert_eq!(over.outcome, Outcome::Block, "{location}");
        let hit = &over.violations[0];
        assert_eq!(hit.message, "3 records exceed the limit of 2 per call");
        assert_eq!(hit.evidence[0].location, location);
    }
}

#[test]
fn the_largest_number_counts() {
    let mut request = with_outputs(&[json!([1, 2, 3])]);
    request.metadata = Some(json!({"recordCount": 1}));
    request.input = "SELECT * FROM t LIMIT 2".into();
    assert_eq!(per_call(3, &request).outcome, Outcome::Allow);
    assert_eq!(per_call(2, &request).outcome, Outcome::Block);
}

#[test]
fn text_of_a_tools_answer_is_not_a_query() {
    let request = with_outputs(&[json!("SELECT * FROM t")]);
    let rule = json!({"max_records_per_call": 1, "unbounded": "deny"});
    let decision = decide_by(PolicyType::RecordLimit, rule, &request);
    assert_eq!(decision.outcome, Outcome::Allow);
}

#[test]
fn a_query_without_a_limit_does_what_the_rule_says() {
    let query = request("SELECT * FROM customers");
    for (unbounded, outcome, warned) in [
        (json!("allow"), Outcome::Allow, 0),
        (json!("warn"), Outcome::Allow, 1),
        (json!("deny"), Outcome::Block, 0),
    ] {
        let rule = json!({"max_records_per_call": 5, "unbounded": unbounded});
        let decision = decide_by(PolicyType::RecordLimit, rule, &query);
        assert_eq!(decision.outcome, outcome, "{unbounded}");
        assert_eq!(decision.warnings.len(), warned);
    }
    let plain = per_call(5, &query);
    assert_eq!(plain.warnings[0].evidence[0].kind, "unbounded_query");
}

#[test]
fn a_day_is_reserved_before_the_act_for_whom_the_rule_says() {
    let reading = with_metadata(json!({"recordCount": 30}));
    let rule = json!({"daily_limit": 100, "per": "agent"});
    let decision = decide_by(PolicyType::RecordLimit, rule, &reading);
    let reservation = &decision.reservations[0];
    assert_eq!(
        (reservation.unit, reservation.amount, reservation.cap),
        (Unit::Records, 30, 100)
    );
    assert_eq!(reservation.period, "2026-11-20");
    assert!(reservation.counter.starts_with("agent_"));
    let together = json!({"max_records_per_day": 100});
    let decision = decide_by(PolicyType::RecordLimit, together.clone(), &reading);
    assert_eq!(decision.reservations[0].counter, "all_20261120");
    let after = Request {
        phase: Phase::Post,
        ..reading
    };
    let decision = decide_by(PolicyType::RecordLimit, together.clone(), &after);
    assert!(decision.reservations.is_empty());
    let nothing = decide_by(PolicyType::RecordLimit, together, &request("go"));
    assert!(nothing.reservations.is_empty());
}

#[test]
fn more_than_a_day_allows_hits_at_once() {
    let rule = json!({"max_records_per_day": 10});
    let reading = with_metadata(json!({"recordCount": 11}));
    let policies = vec![policy(1, PolicyType::RecordLimit, Mode::Block, rule)];
    let decision = decide(policies, &reading);
    assert_eq!(decision.outcome, Outcome::Block);
    assert!(decision.reservations.is_empty());
}

#[test]
fn a_count_that_is_no_number_denies() {
    for count in [
        json!(-1),
        json!("many"),
        json!(1.5),
        json!([1]),
        json!(1e300),
    ] {
        let decision = per_call(10, &with_metadata(json!({"recordCount": count})));
        assert_eq!(decision.outcome, Outcome::Block, "{count}");
        assert!(decision.considered[0].failed);
    }
    let absent = per_call(10, &with_metadata(json!({"recordCount": null})));
    assert_eq!(absent.outcome, Outcome::Allow);
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    for (rule, place) in [
        (json!({}), "needs at least one of"),
        (json!({"max_records_per_call": -1}), "/max_records_per_call"),
        (
            json!({"max_records": 1, "max_records_per_call": 1}),
            "cannot be given together",
        ),
        (json!({"max_records": 1, "scope": "workspace"}), "/scope"),
        (
            json!({"max_records": 1, "unbounded": "maybe"}),
            "/unbounded",
        ),
    ] {
        let problem = problem(PolicyType::RecordLimit, &rule);
        assert!(problem.contains(place), "{rule}: {problem}");
    }
}

//! `action_approval`: every field, alias and error.

use serde_json::{Value, json};
use writ_policy::schema::validate;
use writ_policy::{Decision, Outcome, PolicyType, Request};

use crate::support::{decide_by, request};

fn calling(tools: &[&str]) -> Request {
    Request {
        tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
        ..request("go")
    }
}

fn decide(rule: Value, tools: &[&str]) -> Decision {
    decide_by(PolicyType::ActionApproval, rule, &calling(tools))
}

fn hits(rule: Value, tool: &str) -> bool {
    decide(rule, &[tool]).outcome == Outcome::Block
}

#[test]
fn an_action_is_found_by_its_whole_name_and_by_its_last_segment() {
    for field in ["actions", "tool_patterns", "tools"] {
        for (tool, hit) in [
            ("delete_user", true),
            ("crm.v2.delete_user", true),
            ("CRM.Delete_User ", true),
            ("payments.refund", true),
            ("refund", false),
            ("crm.undelete_user", false),
        ] {
            let rule = json!({field: ["delete_*", "payments.refund"]});
            assert_eq!(hits(rule, tool), hit, "{field} {tool}");
        }
    }
}

#[test]
fn the_message_names_the_first_tool_and_the_evidence_every_one() {
    let rule = json!({"actions": ["drop_*", "pay"]});
    let decision = decide(rule, &["read", "db.pay", "drop_all"]);
    let hit = &decision.violations[0];
    assert_eq!(hit.message, "action 'db.pay' needs approval (and 1 more)");
    let found: Vec<_> = hit.evidence.iter().collect();
    assert_eq!(found[0].kind, "actions[1]");
    assert_eq!(found[0].location, "tools[1]");
    assert_eq!(found[1].kind, "actions[0]");
    assert_eq!(found[1].location, "tools[2]");
}

#[test]
fn without_a_list_the_dangerous_ones_count() {
    for tool in [
        "db.drop_table",
        "transfer_funds",
        "shell",
        "create_payment",
        "iam.grant_role",
    ] {
        assert!(hits(json!({}), tool), "{tool}");
    }
    for tool in [
        "search",
        "db.read",
        "payroll.list",
        "calendar.create",
        "executive.find",
    ] {
        assert!(!hits(json!({}), tool), "{tool}");
    }
}

#[test]
fn an_exception_needs_the_exact_whole_name() {
    let rule = json!({"actions": ["db.*"], "except": ["db.read"]});
    assert!(!hits(rule.clone(), "db.read"));
    assert!(hits(rule.clone(), "DB.Read"));
    assert!(hits(rule.clone(), "db.drop"));
    let decision = decide(rule, &["db.read", "db.drop"]);
    assert_eq!(decision.violations[0].evidence[0].location, "tools[1]");
}

#[test]
fn environments_narrow_where_it_counts() {
    let rule = json!({"actions": ["pay"], "environments": ["prod*"]});
    assert!(hits(rule.clone(), "pay"));
    let elsewhere = Request {
        environment: "staging".into(),
        ..calling(&["pay"])
    };
    let decision = decide_by(PolicyType::ActionApproval, rule, &elsewhere);
    assert_eq!(decision.outcome, Outcome::Allow);
    assert_eq!(
        decision.considered[0].why,
        "does not count in this environment"
    );
}

#[test]
fn without_a_tool_nothing_needs_approval() {
    let decision = decide(json!({}), &[]);
    assert_eq!(decision.considered[0].why, "no tool is named");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (rule, problem) in [
        (json!({"actions": ["ok", "[a"]}), "/actions/1: "),
        (json!({"except": ["{a"]}), "/except/0: "),
        (json!({"environments": ["[z-a]"]}), "/environments/0: "),
        (json!({"actions": []}), "/actions: "),
        (json!({"environments": []}), "/environments: "),
        (json!({"actions": "pay"}), "/actions: "),
        (json!({"actions": [""]}), "/actions/0: "),
        (
            json!({"actions": ["a"], "tools": ["b"]}),
            ": 'actions' and 'tools' cannot",
        ),
        (json!({"approvers": ["bob"]}), ": unknown field 'approvers'"),
    ] {
        let problems = validate(PolicyType::ActionApproval, &rule).unwrap_err();
        assert!(
            problems[0].to_string().starts_with(problem),
            "{rule}: {}",
            problems[0]
        );
    }
}

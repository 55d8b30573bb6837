//! `access_control`: every field, alias and error.

use serde_json::{Value, json};
use writ_policy::schema::validate;
use writ_policy::{
    Decision, Delegation, Facts, Hop, Mode, OnBehalfOf, Outcome, PolicySet, PolicyType, Request,
    decide_alone,
};

use crate::support::{NOON, decide_by, policy, request};

fn calling(tools: &[&str]) -> Request {
    Request {
        tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
        ..request("go")
    }
}

fn person(user: &str, roles: &[&str], verified: bool) -> OnBehalfOf {
    OnBehalfOf {
        user_id: user.into(),
        email: format!("{user}@example.com"),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        scopes: None,
        verified,
    }
}

fn by(person: OnBehalfOf, tools: &[&str]) -> Request {
    Request {
        on_behalf_of: Some(person),
        ..calling(tools)
    }
}

fn decide(rule: &Value, request: &Request) -> Decision {
    decide_by(PolicyType::AccessControl, rule.clone(), request)
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

fn message(rule: &Value, request: &Request) -> String {
    decide(rule, request).violations[0].message.clone()
}

#[test]
fn the_most_specific_rule_wins() {
    let rule = json!({
        "rules": [
            {"effect": "allow", "tools": ["db.*"]},
            {"effect": "deny", "users": ["bob"]},
            {"effect": "allow", "users": ["bob"], "tools": ["db.read"]},
            {"effect": "deny", "roles": ["guest"], "tools": ["db.read"]},
            {"effect": "allow", "roles": ["guest"]},
        ],
        "default_effect": "deny",
    });
    for (user, roles, tool, refused) in [
        ("ann", vec![], "db.drop", false),
        ("ann", vec![], "mail", true),
        ("bob", vec![], "db.read", false),
        ("bob", vec![], "db.drop", true),
        ("bob", vec!["guest"], "db.read", false),
        ("cat", vec!["guest"], "db.read", true),
        ("cat", vec!["guest"], "mail", false),
        ("cat", vec!["guest"], "db.drop", false),
    ] {
        let request = by(person(user, &roles, true), &[tool]);
        assert_eq!(denied(&rule, &request), refused, "{user} {roles:?} {tool}");
    }
}

#[test]
fn of_equally_specific_rules_the_one_that_denies_wins() {
    for order in [["allow", "deny"], ["deny", "allow"]] {
        let rule = json!({"rules": [
            {"effect": order[0], "tools": ["x"]},
            {"effect": order[1], "tools": ["x"]},
        ]});
        assert!(denied(&rule, &calling(&["x"])), "{order:?}");
    }
}

#[test]
fn conditions_of_place_and_time_must_hold_for_a_rule_to_count() {
    let rule = json!({
        "rules": [
            {"effect": "deny", "tools": ["deploy"], "environments": ["production"],
             "time_windows": [{"days": ["fri"], "hours": "11:00-13:00"}]},
        ],
    });
    assert!(denied(&rule, &calling(&["deploy"])));
    let staging = Request {
        environment: "staging".into(),
        ..calling(&["deploy"])
    };
    assert!(!denied(&rule, &staging));
    let policies = vec![policy(1, PolicyType::AccessControl, Mode::Block, rule)];
    let at_two = Facts::at(NOON + 2 * 3_600_000);
    let decision = decide_alone(
        &PolicySet::compile(policies),
        &calling(&["deploy"]),
        &at_two,
    );
    assert_eq!(decision.outcome, Outcome::Allow);
}

#[test]
fn the_default_follows_from_the_rules_where_it_is_not_said() {
    let allowing = json!({"rules": [{"effect": "allow", "tools": ["search"]}]});
    assert!(denied(&allowing, &calling(&["mail"])));
    assert_eq!(
        message(&allowing, &calling(&["mail"])),
        "tool 'mail' is allowed by no rule"
    );
    assert!(!denied(&allowing, &calling(&["search"])));
    let denying = json!({"rules": [{"effect": "deny", "tools": ["search"]}]});
    assert!(!denied(&denying, &calling(&["mail"])));
    for field in ["default_effect", "default"] {
        let lock = json!({field: "deny"});
        assert_eq!(
            message(&lock, &calling(&["x"])),
            "tool 'x' is denied by default"
        );
        assert!(denied(&lock, &request("no tool")));
        assert!(!denied(&json!({field: "allow"}), &calling(&["x"])));
    }
}

#[test]
fn rules_about_tools_only_leave_acts_without_a_tool_alone() {
    let about_tools = json!({"rules": [{"effect": "allow", "users": ["ann"], "tools": ["db.*"]}]});
    assert!(!denied(&about_tools, &request("hello")));
    let about_persons = json!({"rules": [{"effect": "allow", "users": ["ann"]}]});
    assert!(denied(&about_persons, &request("hello")));
    assert!(!denied(&about_persons, &by(person("ann", &[], false), &[])));
}

#[test]
fn every_tool_is_judged_and_the_first_refused_one_named() {
    let rule = json!({"rules": [{"effect": "deny", "tools": ["b", "c"]}]});
    let decision = decide(&rule, &calling(&["a", "b", "C"]));
    let hit = &decision.violations[0];
    assert_eq!(
        hit.message,
        "tool 'b' is denied by rules[0] (tool) (and 1 more)"
    );
    assert_eq!(hit.evidence[0].kind, "rules[0]");
    assert_eq!(hit.evidence[1].location, "tools[2]");
}

#[test]
fn asserted_roles_do_not_widen_but_narrow() {
    let rule = json!({"rules": [
        {"effect": "allow", "roles": ["admin"], "tools": ["db.*"]},
        {"effect": "deny", "roles": ["guest"], "tools": ["db.drop"]},
    ]});
    let asserted = by(person("ann", &["admin"], false), &["db.read"]);
    assert!(denied(&rule, &asserted));
    assert!(message(&rule, &asserted).ends_with("only asserted do not widen access"));
    assert!(!denied(
        &rule,
        &by(person("ann", &["admin"], true), &["db.read"])
    ));
    let both = ["admin", "guest"];
    assert!(denied(&rule, &by(person("ann", &both, true), &["db.drop"])));
    assert!(denied(
        &rule,
        &by(person("ann", &["guest"], false), &["db.drop"])
    ));
    let mut trusting = rule;
    trusting["allow_asserted"] = json!(true);
    assert!(!denied(&trusting, &asserted));
}

#[test]
fn scopes_are_what_every_step_allows_and_one_step_must_be_proven() {
    let strings = |list: &[&str]| Some(list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
    let with = |own: Option<Vec<String>>, verified, handed: Option<Vec<String>>| {
        let mut request = calling(&["pay"]);
        request.on_behalf_of = Some(OnBehalfOf {
            scopes: own,
            ..person("ann", &[], verified)
        });
        request.delegation = Some(Delegation {
            scopes: handed,
            chain: vec![Hop::default()],
            ..Delegation::default()
        });
        request
    };
    for rule in [
        json!({"required_scopes": ["pay:write"]}),
        json!({"scopes": ["pay:*"]}),
        json!({"rules": [{"effect": "allow", "scopes": ["pay:write"]}]}),
    ] {
        let held = strings(&["pay:write", "pay:read"]);
        assert!(!denied(&rule, &with(held.clone(), true, None)), "{rule}");
        assert!(denied(&rule, &with(held.clone(), false, None)), "{rule}");
        assert!(
            denied(&rule, &with(held.clone(), true, strings(&[]))),
            "{rule}"
        );
        assert!(denied(&rule, &with(None, true, None)), "{rule}");
        assert!(denied(&rule, &with(None, true, held.clone())), "{rule}");
        let mut proven = with(None, false, held.clone());
        proven.delegation.as_mut().unwrap().verified = true;
        assert!(!denied(&rule, &proven), "{rule}");
        let mut trusting = rule.clone();
        trusting["allow_asserted"] = json!(true);
        assert!(!denied(&trusting, &with(held, false, None)), "{rule}");
    }
    let narrowing = json!({"rules": [{"effect": "deny", "scopes": ["pay:write"]}]});
    assert!(denied(
        &narrowing,
        &with(strings(&["PAY:write"]), false, None)
    ));
    let required = json!({"required_scopes": ["pay:write"]});
    let asserted = with(strings(&["pay:write"]), false, None);
    assert!(message(&required, &asserted).contains("not proven, only asserted"));
    assert!(message(&required, &calling(&[])).contains("is not held"));
}

#[test]
fn lists_of_tools_and_environments_work_without_rules() {
    for field in ["allowed_tools", "tools"] {
        let rule = json!({field: ["db.*"], "denied_tools": ["db.drop"]});
        assert!(!denied(&rule, &calling(&["db.read"])));
        assert_eq!(
            message(&rule, &calling(&["db.read", "DB.Drop"])),
            "tool 'DB.Drop' is denied"
        );
        assert_eq!(
            message(&rule, &calling(&["mail"])),
            "tool 'mail' is not on the list"
        );
        assert!(!denied(&rule, &request("no tool")));
    }
    for field in ["allowed_environments", "environments"] {
        let rule = json!({field: ["staging"]});
        let hit = decide(&rule, &calling(&[])).violations[0].clone();
        assert_eq!(hit.message, "this environment is not on the list");
        assert_eq!(hit.evidence[0].location, "environment");
    }
    assert!(denied(
        &json!({"denied_environments": ["Prod*"]}),
        &calling(&[])
    ));
    assert!(!denied(
        &json!({"denied_environments": ["staging"]}),
        &calling(&[])
    ));
}

#[test]
fn lists_of_persons_and_roles_work_without_rules() {
    for field in ["allowed_users", "users"] {
        let rule = json!({field: ["ann", "*@corp.example"]});
        assert!(!denied(&rule, &by(person("Ann", &[], false), &[])));
        assert!(denied(&rule, &by(person("bob", &[], true), &[])));
        assert!(message(&rule, &request("x")).contains("nobody is named"));
    }
    let rule = json!({"denied_users": ["bob@example.com"]});
    assert!(denied(&rule, &by(person("bob", &[], false), &[])));
    assert!(!denied(&rule, &request("x")));
    for field in ["allowed_roles", "roles"] {
        let rule = json!({field: ["clerk"], "denied_roles": ["intern"]});
        assert!(!denied(&rule, &by(person("ann", &["clerk"], true), &[])));
        assert!(denied(&rule, &by(person("ann", &["Clerk"], true), &[])));
        assert!(denied(
            &rule,
            &by(person("ann", &["clerk", "Intern"], true), &[])
        ));
        let asserted = by(person("ann", &["clerk"], false), &[]);
        assert_eq!(
            message(&rule, &asserted),
            "no listed role is proven, only asserted"
        );
        assert_eq!(message(&rule, &request("x")), "no listed role is held");
    }
}

#[test]
fn windows_of_time_close_and_open_the_policy() {
    let open = json!({"time_windows": [{"hours": "00:00-01:00"}, {"hours": "12:00-12:01"}]});
    assert!(!denied(&open, &request("x")));
    let closed = json!({"time_windows": [{"days": ["saturday", "sun"], "timezone": "Asia/Tokyo"}]});
    assert_eq!(message(&closed, &request("x")), "outside the allowed times");
}

#[test]
fn no_message_says_who_the_person_is() {
    let rule = json!({"denied_users": ["ann"], "rules": [{"effect": "deny", "users": ["bob"]}]});
    for user in ["ann", "bob"] {
        let decision = decide(&rule, &by(person(user, &[], true), &["x"]));
        assert_eq!(decision.outcome, Outcome::Block);
        assert!(!serde_json::to_string(&decision).unwrap().contains(user));
    }
}

/// Each rule is refused with a problem that begins like this.
fn refused(rules: &[(Value, &str)]) {
    for (rule, problem) in rules {
        let problems = validate(PolicyType::AccessControl, rule).unwrap_err();
        let first = problems[0].to_string();
        assert!(first.starts_with(problem), "{rule}: {first}");
    }
}

#[test]
fn lists_that_cannot_be_meant_are_refused() {
    let window = |window: Value| json!({"time_windows": [window]});
    refused(&[
        (json!({}), ": needs at least one of "),
        (json!({"allowed_tools": ["[a"]}), "/allowed_tools/0: "),
        (json!({"denied_roles": ["x", "{"]}), "/denied_roles/1: "),
        (
            json!({"required_scopes": ["x", "["]}),
            "/required_scopes/1: ",
        ),
        (json!({"time_windows": []}), "/time_windows: "),
        (
            window(json!({"days": ["fry"]})),
            "/time_windows/0/days/0: must be one of",
        ),
        (window(json!({"hours": "9-5"})), "/time_windows/0/hours: "),
        (
            window(json!({"hours": "08:00-08:00"})),
            "/time_windows/0/hours: must read",
        ),
        (
            window(json!({"time_zone": "Mars"})),
            "/time_windows/0/time_zone: is not an",
        ),
        (
            window(json!({"zone": "UTC"})),
            "/time_windows/0: unknown field 'zone'",
        ),
        (
            json!({"users": [], "allowed_users": []}),
            ": 'allowed_users' and 'users'",
        ),
        (json!({"groups": ["x"]}), ": unknown field 'groups'"),
    ]);
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    let second = |rule: Value| json!({"rules": [{"effect": "allow"}, rule]});
    refused(&[
        (
            second(json!({"effect": "block"})),
            "/rules/1/effect: must be one of allow, deny",
        ),
        (second(json!({"tools": ["x"]})), "/rules/1: "),
        (
            second(json!({"effect": "deny", "tools": []})),
            "/rules/1/tools: ",
        ),
        (
            second(json!({"effect": "deny", "users": ["["]})),
            "/rules/1/users/0: ",
        ),
        (
            second(json!({"effect": "deny", "scopes": ["a", "["]})),
            "/rules/1/scopes/1: ",
        ),
        (
            second(json!({"effect": "deny", "team": "x"})),
            "/rules/1: unknown field 'team'",
        ),
        (
            json!({"default_effect": "deny", "default": "deny"}),
            ": 'default_effect' and 'default'",
        ),
    ]);
}

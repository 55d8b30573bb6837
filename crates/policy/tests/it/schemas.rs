//! Rule definitions are checked before they are stored.

use serde_json::{Value, json};
use writ_policy::schema::validate;
use writ_policy::{PolicyType, Problem};

fn problems(policy_type: PolicyType, rule: Value) -> Vec<Problem> {
    validate(policy_type, &rule).unwrap_err()
}

fn first(policy_type: PolicyType, rule: Value) -> String {
    problems(policy_type, rule)[0].to_string()
}

#[test]
fn every_schema_is_documented_and_its_examples_are_valid() {
    for policy_type in PolicyType::ALL {
        let schema: Value = serde_json::from_str(policy_type.schema()).unwrap();
        assert!(jsonschema_is_valid(&schema));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["title"], policy_type.as_str());
        for (name, property) in schema["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{policy_type}.{name}");
        }
        let examples = schema["examples"].as_array().unwrap();
        assert!(examples.len() >= 2);
        for example in examples {
            assert_eq!(
                validate(*policy_type, example),
                Ok(()),
                "{policy_type} {example}"
            );
        }
    }
}

fn jsonschema_is_valid(schema: &Value) -> bool {
    schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        && schema["$id"]
            .as_str()
            .is_some_and(|id| id.ends_with(".v1.json"))
        && schema["description"].is_string()
}

#[test]
fn documented_rules_are_accepted() {
    for (policy_type, rule) in [
        (
            PolicyType::InjectionScan,
            json!({"patterns": ["ignore previous instructions", "system prompt"], "action": "block", "scan_input": true, "scan_output": false}),
        ),
        (
            PolicyType::PiiAccess,
            json!({"denied_pii_types": ["ssn", "credit_card"], "mask_output": true, "log_access": true}),
        ),
        (
            PolicyType::PiiAccess,
            json!({"denied_pii_types": ["email"]}),
        ),
        (
            PolicyType::CostLimit,
            json!({"max_cost_per_execution": 0.5, "daily_budget": 100.0}),
        ),
        (
            PolicyType::ToolInvocation,
            json!({"allow": ["search.*"], "deny": ["shell"]}),
        ),
    ] {
        assert_eq!(validate(policy_type, &rule), Ok(()), "{rule}");
    }
}

#[test]
fn unknown_fields_are_refused_by_name() {
    for policy_type in PolicyType::ALL {
        let schema: Value = serde_json::from_str(policy_type.schema()).unwrap();
        let mut rule = schema["examples"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        rule["colour"] = json!("red");
        rule["shade"] = json!(1);
        let messages: Vec<_> = problems(*policy_type, rule)
            .into_iter()
            .map(|p| p.message)
            .collect();
        assert_eq!(
            messages,
            ["unknown field 'colour'", "unknown field 'shade'"]
        );
    }
}

#[test]
fn problems_point_at_their_place() {
    assert_eq!(
        first(
            PolicyType::InjectionScan,
            json!({"patterns": ["fine", "(", "(((a{100}){100}){100})"]})
        ),
        "/patterns/1: does not compile: unclosed group"
    );
    let all = problems(
        PolicyType::InjectionScan,
        json!({"patterns": ["(", "(?=x)"]}),
    );
    assert_eq!(all.len(), 2);
    assert!(
        first(PolicyType::ToolInvocation, json!({"deny": ["ok", "[a"]}))
            .starts_with("/denied_tools/1")
    );
    assert!(
        first(PolicyType::CostLimit, json!({})).contains("anyOf")
            || !first(PolicyType::CostLimit, json!({})).is_empty()
    );
    assert!(first(PolicyType::CostLimit, json!({"daily_budget": -1})).starts_with("/daily_budget"));
    assert!(
        first(PolicyType::PiiAccess, json!({"denied_pii_types": ["shoe"]}))
            .starts_with("/denied_pii_types/0")
    );
    assert!(
        !problems(
            PolicyType::ToolInvocation,
            json!({"allow": [], "allowed_tools": []})
        )
        .is_empty()
    );
    assert!(!problems(PolicyType::InjectionScan, json!([])).is_empty());
}

#[test]
fn expressions_that_cannot_mean_anything_are_refused() {
    for (source, reason) in [
        ("cost +", "cannot be parsed"),
        (
            "colour == 'red'",
            "unknown name 'colour'; known: input, output",
        ),
        ("cost", "must be true or false, but is a double"),
        ("metadata.flag", "of unknown type"),
        ("'abc'", "a string"),
        ("input == 5", "'==' cannot take a string and an integer"),
        ("input > 5", "'>' cannot take a string and an integer"),
        ("input.size > 5", "'.size' cannot take a string"),
        ("input.reverse() == ''", "unknown function 'reverse'"),
        ("input.matches(agentName)", "must be a literal"),
        ("input.matches('(')", "does not compile"),
        ("!input", "'!' cannot take a string"),
        ("{'a': 1}.a == 1", "a map literal is not supported"),
        (
            "tools.all(a, tools.all(b, tools.all(c, true)))",
            "loops are nested deeper than 2",
        ),
        (
            "metadata.a.all(x, metadata.b.all(y, x == y && x != y && x in y && y in x))",
            "steps",
        ),
        ("now.getHours('Europe/Berlin') == 1", "literal offset"),
    ] {
        let message = first(PolicyType::Expression, json!({"expression": source}));
        assert!(message.contains(reason), "{source}: {message}");
    }
}

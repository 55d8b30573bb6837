//! `data_restriction`: every field, alias and error.

use serde_json::{Value, json};
use writ_policy::schema::validate;
use writ_policy::{Decision, Mode, Outcome, PolicyType, Request, ToolOutput};

use crate::support::{decide as decide_all, decide_by, policy, request};

const TYPE: PolicyType = PolicyType::DataRestriction;

fn decide(rule: &Value, request: &Request) -> Decision {
    decide_by(TYPE, rule.clone(), request)
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

fn saying(metadata: Value) -> Request {
    Request {
        metadata: Some(metadata),
        ..request("go")
    }
}

fn answered(input: Value, output: Value) -> Request {
    Request {
        tool_outputs: vec![ToolOutput {
            name: "db".into(),
            input,
            output,
        }],
        ..request("go")
    }
}

#[test]
fn it_is_known_by_both_names() {
    assert_eq!("content_restriction".parse(), Ok(TYPE));
    assert_eq!("data_restriction".parse(), Ok(TYPE));
}

#[test]
fn words_are_found_in_every_text_and_never_said() {
    for field in ["restricted_words", "words"] {
        let rule = json!({field: ["payroll", "Project  Nightfall"]});
        let texts = [
            (request("the PROJECT\nNIGHTFALL files"), "input"),
            (
                saying(json!({"note": {"text": "project nightfall"}})),
                "metadata.note.text",
            ),
            (
                answered(Value::Null, json!(["x", "project nightfall"])),
                "toolOutputs[0].output[1]",
            ),
            (
                Request {
                    output: Some("project nightfall".into()),
                    ..request("x")
                },
                "output",
            ),
        ];
        for (request, location) in texts {
            let hit = decide(&rule, &request).violations[0].clone();
            assert_eq!(hit.message, format!("restricted word in {location}"));
            assert_eq!(hit.evidence[0].kind, "restricted_words[1]");
            assert_eq!(hit.evidence[0].location, location);
            assert!(
                !serde_json::to_string(&hit)
                    .unwrap()
                    .to_lowercase()
                    .contains("nightfall")
            );
        }
        assert!(!denied(&rule, &request("a project for the night")));
    }
}

#[test]
fn scans_may_be_limited_to_input_or_output() {
    let said = request("the merger");
    let answer = answered(Value::Null, json!("the merger"));
    let words = json!(["merger"]);
    let input_only = json!({"restricted_words": words, "scan_output": false});
    assert!(denied(&input_only, &said) && !denied(&input_only, &answer));
    let output_only = json!({"restricted_words": words, "scan_input": false});
    assert!(!denied(&output_only, &said) && denied(&output_only, &answer));
}

#[test]
fn boundaries_and_accents_are_the_author_s_choice() {
    let rule = json!({"restricted_words": ["café"]});
    assert!(denied(&rule, &request("to the Cafe!")));
    assert!(!denied(&rule, &request("cafeteria")));
    let parts = json!({"restricted_words": ["café"], "whole_words": false});
    assert!(denied(&parts, &request("cafeteria")));
    let accents = json!({"restricted_words": ["café"], "ignore_diacritics": false});
    assert!(denied(&accents, &request("CAFÉ")));
    assert!(!denied(&accents, &request("cafe")));
}

#[test]
fn words_of_many_policies_are_each_their_own() {
    let of = |n, words: Value| policy(n, TYPE, Mode::Warn, json!({"restricted_words": words}));
    let policies = vec![
        of(1, json!(["alpha", "beta"])),
        of(2, json!(["gamma"])),
        of(3, json!(["beta", "alpha beta"])),
        policy(
            4,
            PolicyType::InjectionScan,
            Mode::Warn,
            json!({"patterns": ["alp.a"]}),
        ),
    ];
    let decision = decide_all(policies, &request("alpha beta"));
    let kinds = |n: usize| -> Vec<String> {
        decision.warnings[n]
            .evidence
            .iter()
            .map(|e| e.kind.clone())
            .collect()
    };
    assert_eq!(decision.warnings.len(), 3);
    assert_eq!(kinds(0), ["restricted_words[0]", "restricted_words[1]"]);
    assert_eq!(kinds(1), ["restricted_words[0]", "restricted_words[1]"]);
    assert_eq!(kinds(2), ["patterns[0]"]);
    assert_eq!(
        decision.warnings[0].message,
        "restricted word in input (and 1 more)"
    );
}

#[test]
fn data_sources_are_read_from_metadata_and_arguments() {
    for field in ["denied_data_sources", "denied_sources"] {
        let rule = json!({field: ["payroll*"]});
        for (request, location) in [
            (
                saying(json!({"dataSource": "Payroll_2026"})),
                "metadata.dataSource",
            ),
            (
                saying(json!({"data_sources": ["crm", "payroll"]})),
                "metadata.data_sources",
            ),
            (
                saying(json!({"dataSources": [{"name": "payroll"}]})),
                "metadata.dataSources",
            ),
            (
                saying(json!({"toolInput": {"q": {"table": "payroll"}}})),
                "metadata.toolInput",
            ),
            (
                saying(json!({"toolArguments": "{\"database\": \"payroll\"}"})),
                "metadata.toolArguments",
            ),
            (
                answered(json!({"dataset": "payroll"}), Value::Null),
                "toolOutputs[0].input",
            ),
        ] {
            let hit = decide(&rule, &request).violations[0].clone();
            assert_eq!(hit.evidence[0].kind, "denied_data_source");
            assert_eq!(hit.evidence[0].location, location);
            assert!(hit.message.starts_with("data source '"), "{}", hit.message);
        }
        assert!(!denied(
            &rule,
            &saying(json!({"dataSource": "crm", "subject": "payroll"}))
        ));
        assert!(!denied(
            &rule,
            &answered(Value::Null, json!({"table": "payroll"}))
        ));
    }
}

#[test]
fn an_allow_list_covers_what_is_named_as_a_data_source() {
    for field in ["allowed_data_sources", "allowed_sources"] {
        let rule = json!({field: ["crm.*"], "denied_data_sources": ["crm.secret"]});
        let named = |name: Value| saying(json!({"toolInput": {"dataSource": name, "table": "x"}}));
        assert!(!denied(&rule, &named(json!("crm.contacts"))));
        assert!(!denied(&rule, &named(Value::Null)));
        assert!(!denied(&rule, &request("names none")));
        assert!(denied(&rule, &named(json!("CRM.contacts"))));
        assert!(denied(&rule, &named(json!(7))));
        assert!(denied(&rule, &named(json!("crm.secret"))));
        assert!(denied(&json!({field: []}), &named(json!("crm.contacts"))));
        let message = decide(&rule, &named(json!("hr"))).violations[0]
            .message
            .clone();
        assert_eq!(message, "data source 'hr' is not on the allow list");
    }
}

#[test]
fn classes_of_data_are_denied_wherever_they_are_named() {
    for field in ["denied_classifications", "classifications"] {
        let rule = json!({field: ["public-draft", "restricted*"]});
        for (request, location) in [
            (
                saying(json!({"classification": "Restricted"})),
                "metadata.classification",
            ),
            (
                saying(json!({"dataClassification": ["x", "restricted/eu"]})),
                "metadata.dataClassification",
            ),
            (
                saying(json!({"arguments": {"classification": "restricted"}})),
                "metadata.arguments",
            ),
            (
                answered(
                    Value::Null,
                    json!([{"a": {"data_classification": "restricted"}}]),
                ),
                "toolOutputs[0].output",
            ),
        ] {
            let hit = decide(&rule, &request).violations[0].clone();
            assert_eq!(hit.evidence[0].kind, "denied_classifications[1]");
            assert_eq!(hit.evidence[0].location, location);
        }
        assert!(!denied(
            &rule,
            &saying(json!({"classification": "internal"}))
        ));
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (rule, problem) in [
        (
            json!({}),
            ": needs at least one of restricted_words, words, ",
        ),
        (json!({"scan_input": false}), ": needs at least one of "),
        (
            json!({"restricted_words": ["a", "\u{200B}"]}),
            "/restricted_words/1: shows nothing",
        ),
        (json!({"restricted_words": [""]}), "/restricted_words/0: "),
        (
            json!({"words": [], "restricted_words": []}),
            ": 'restricted_words' and 'words'",
        ),
        (
            json!({"allowed_data_sources": ["["]}),
            "/allowed_data_sources/0: ",
        ),
        (
            json!({"denied_data_sources": ["x", "{"]}),
            "/denied_data_sources/1: ",
        ),
        (
            json!({"denied_classifications": ["["]}),
            "/denied_classifications/0: ",
        ),
        (
            json!({"words": ["x"], "whole_words": "no"}),
            "/whole_words: ",
        ),
        (
            json!({"words": ["x"], "case": true}),
            ": unknown field 'case'",
        ),
    ] {
        let problems = validate(TYPE, &rule).unwrap_err();
        let first = problems[0].to_string();
        assert!(first.starts_with(problem), "{rule}: {first}");
    }
}

#[test]
fn more_text_or_more_matches_than_can_be_checked_deny() {
    let rule = json!({"restricted_words": ["merger"]});
    let decision = decide(&rule, &request(&"lorem ipsum ".repeat(2_000_000)));
    assert!(decision.considered[0].why.contains("more text"));
    assert_eq!(decision.outcome, Outcome::Block);
    let nested: Vec<String> = (1..200).map(|n| "a".repeat(n)).collect();
    let decision = decide(
        &json!({"restricted_words": nested}),
        &request(&"a".repeat(50_000)),
    );
    assert!(
        decision.considered[0]
            .why
            .contains("more than can be checked")
    );
    assert_eq!(decision.outcome, Outcome::Block);
}

//! `output_classification`: classes, and where they are looked for.

use serde_json::{Value, json};
use writ_policy::{Decision, Outcome, PolicyType, Request, ToolOutput};

use crate::support::{decide_by, problem, request};

fn judged(classes: Value, output: &str) -> Decision {
    let request = Request {
        output: Some(output.into()),
        ..request("go")
    };
    let rule = json!({"denied_classes": classes});
    decide_by(PolicyType::OutputClassification, rule, &request)
}

#[test]
fn each_class_is_found_and_denied_alone() {
    let samples = [
        ("public", "Classification: public"),
        ("internal", "FOR INTERNAL USE"),
        ("confidential", "TLP:AMBER please"),
        ("restricted", "TOP SECRET"),
        ("code", "```python\nprint(1)\n```"),
        ("credentials", "the key is AKIAIOSFODNN7EXAMPLE"),
    ];
    for (class, _) in samples {
        for (other, text) in samples {
            let decision = judged(json!([class]), text);
            let hit = decision.outcome == Outcome::Block;
            assert_eq!(hit, class == other, "{class} against {text}");
        }
    }
}

#[test]
fn the_hit_says_where_and_what_but_not_the_text() {
    let decision = judged(
        json!(["credentials", "confidential"]),
        "CONFIDENTIAL password = 'hunter2-Xk9'",
    );
    let hit = &decision.violations[0];
    assert_eq!(hit.message, "output is credentials, confidential");
    assert!(hit.evidence.iter().all(|found| found.location == "output"));
    assert!(hit.evidence[0].span.is_some());
    assert!(
        !serde_json::to_string(&decision)
            .unwrap()
            .contains("hunter2")
    );
}

#[test]
fn tool_answers_are_outputs_and_arguments_and_input_are_not() {
    let tool = ToolOutput {
        name: "docs".into(),
        input: json!({"q": "CONFIDENTIAL"}),
        output: json!({"text": "fine"}),
    };
    let rule = json!({"classes": ["confidential"]});
    let mut asked = Request {
        tool_outputs: vec![tool],
        ..request("CONFIDENTIAL")
    };
    let clear = decide_by(PolicyType::OutputClassification, rule.clone(), &asked);
    assert_eq!(clear.outcome, Outcome::Allow);
    asked.tool_outputs[0].output = json!({"text": "CONFIDENTIAL"});
    let hit = decide_by(PolicyType::OutputClassification, rule, &asked);
    assert_eq!(
        hit.violations[0].evidence[0].location,
        "toolOutputs[0].output.text"
    );
}

#[test]
fn names_have_aliases() {
    for (field, class, text) in [
        ("denied_classifications", "secrets", "AKIAIOSFODNN7EXAMPLE"),
        ("classes", "source_code", "```c\nmain();\n```"),
    ] {
        let request = Request {
            output: Some(text.into()),
            ..request("go")
        };
        let rule = json!({field: [class]});
        let decision = decide_by(PolicyType::OutputClassification, rule, &request);
        assert_eq!(decision.outcome, Outcome::Block, "{field}");
    }
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    for (rule, place) in [
        (json!({}), "needs at least one of"),
        (json!({"denied_classes": []}), "/denied_classes"),
        (json!({"denied_classes": ["cosmic"]}), "/denied_classes/0"),
        (
            json!({"denied_classes": ["code"], "classes": ["code"]}),
            "cannot be given together",
        ),
    ] {
        let problem = problem(PolicyType::OutputClassification, &rule);
        assert!(problem.contains(place), "{rule}: {problem}");
    }
}

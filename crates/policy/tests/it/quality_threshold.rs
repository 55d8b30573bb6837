//! `quality_threshold`: scores, lengths, JSON and refusals.

use serde_json::{Value, json};
use writ_policy::{Decision, Outcome, PolicyType, Request};

use crate::support::{decide_by, problem, request};

fn judged(rule: Value, output: Option<&str>, metadata: Option<Value>) -> Decision {
    let request = Request {
        output: output.map(str::to_owned),
        metadata,
        ..request("go")
    };
    decide_by(PolicyType::QualityThreshold, rule, &request)
}

fn kinds(decision: &Decision) -> Vec<&str> {
    let hits = decision.violations.iter();
    hits.flat_map(|hit| hit.evidence.iter().map(|found| found.kind.as_str()))
        .collect()
}

#[test]
fn a_score_below_the_least_hits_under_every_name() {
    for name in ["min_score", "min_quality_score", "threshold"] {
        for (score, outcome) in [(0.69, Outcome::Block), (0.7, Outcome::Allow)] {
            let metadata = Some(json!({"qualityScore": score}));
            let decision = judged(json!({name: 0.7}), None, metadata);
            assert_eq!(decision.outcome, outcome, "{name} {score}");
        }
    }
    let snake = judged(
        json!({"min_score": 0.7}),
        None,
        Some(json!({"quality_score": 0})),
    );
    assert_eq!(
        snake.violations[0].message,
        "the quality score 0 is below 0.7"
    );
}

#[test]
fn a_missing_score_hits_only_where_it_is_required_and_there_is_an_output() {
    let rule = json!({"min_score": 0.7, "require_score": true});
    assert_eq!(kinds(&judged(rule.clone(), Some("x"), None)), ["no_score"]);
    assert_eq!(judged(rule, None, None).outcome, Outcome::Allow);
    let lenient = judged(json!({"min_score": 0.7}), Some("x"), None);
    assert_eq!(lenient.outcome, Outcome::Allow);
}

#[test]
fn a_score_that_cannot_be_one_denies() {
    for score in [json!(1.1), json!(-0.1), json!("good"), json!([1])] {
        let metadata = Some(json!({"qualityScore": score}));
        let decision = judged(json!({"min_score": 0.5}), None, metadata);
        assert_eq!(decision.outcome, Outcome::Block, "{score}");
        assert!(decision.considered[0].failed);
    }
}

#[test]
fn lengths_are_counted_in_characters() {
    let rule = json!({"min_length": 2, "max_length": 4});
    for (output, expected) in [
        ("é", vec!["too_short"]),
        ("éé", vec![]),
        ("éééé", vec![]),
        ("ééééé", vec!["too_long"]),
    ] {
        assert_eq!(kinds(&judged(rule.clone(), Some(output), None)), expected);
    }
    assert_eq!(judged(rule, None, None).outcome, Outcome::Allow);
}

#[test]
fn json_is_one_valid_text() {
    for name in ["require_json", "valid_json"] {
        let rule = json!({name: true});
        for (output, good) in [
            (r#" {"a": [1, 2]} "#, true),
            ("{a: 1}", false),
            ("{} {}", false),
            ("```json\n{}\n```", false),
            ("", false),
        ] {
            let decision = judged(rule.clone(), Some(output), None);
            assert_eq!(decision.outcome == Outcome::Allow, good, "{output}");
        }
    }
}

#[test]
fn refusals_are_known_in_several_languages() {
    let rule = json!({"detect_refusal": true});
    for refusal in [
        "I\u{2019}m sorry, but I can\u{2019}t help with that.",
        "As an AI language model, I have no opinion",
        "Dabei kann ich nicht helfen.",
        "Désolé, je ne peux pas vous aider.",
        "Lo siento, no puedo ayudarte con eso.",
        "Desculpe, não posso ajudar.",
        "Mi dispiace, non posso aiutarti.",
        "Извините, я не могу помочь с этим",
        "抱歉，我无法回答",
        "申し訳ありませんが、お答えできません",
    ] {
        assert_eq!(
            kinds(&judged(rule.clone(), Some(refusal), None)),
            ["refusal"]
        );
    }
    for answer in [
        "Here is the plan.".to_owned(),
        "You can help by calling.".to_owned(),
        format!(
            "{} and models say: I can't help with that.",
            "Facts. ".repeat(40)
        ),
    ] {
        let decision = judged(json!({"deny_refusals": true}), Some(&answer), None);
        assert_eq!(decision.outcome, Outcome::Allow, "{answer}");
    }
}

#[test]
fn every_flaw_is_named() {
    let rule = json!({"min_length": 100, "require_json": true, "detect_refusal": true});
    let decision = judged(rule, Some("I cannot help."), None);
    assert_eq!(kinds(&decision), ["too_short", "not_json", "refusal"]);
    assert!(decision.violations[0].message.contains("; "));
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    for (rule, place) in [
        (json!({}), "needs at least one of"),
        (json!({"min_score": 2}), "/min_score"),
        (
            json!({"min_score": 0.5, "threshold": 0.5}),
            "cannot be given together",
        ),
        (
            json!({"require_score": true}),
            "/require_score: needs min_score",
        ),
        (
            json!({"min_length": 5, "max_length": 4}),
            "/max_length: is less",
        ),
        (json!({"min_length": -1}), "/min_length"),
    ] {
        let problem = problem(PolicyType::QualityThreshold, &rule);
        assert!(problem.contains(place), "{rule}: {problem}");
    }
}

//! `pii_access`: every field does something.

use serde_json::{Value, json};
use writ_policy::schema::validate;
use writ_policy::{Decision, Mode, Outcome, PolicyType, Request, ToolOutput};

use crate::support::{decide, decide_by, policy, request};

fn judged(rule: Value, request: &Request) -> Decision {
    assert_eq!(validate(PolicyType::PiiAccess, &rule), Ok(()), "{rule}");
    decide_by(PolicyType::PiiAccess, rule, request)
}

fn blocks(rule: Value, input: &str) -> bool {
    judged(rule, &request(input)).outcome == Outcome::Block
}

fn kinds(decision: &Decision) -> Vec<&str> {
    let evidence = decision.violations.iter().flat_map(|v| &v.evidence);
    evidence.map(|e| e.kind.as_str()).collect()
}

#[test]
fn types_are_known_by_their_other_names() {
    for (word, input) in [
        ("phone", "call (415) 555-2671"),
        ("phone", "call +44 20 7946 0958"),
        ("phone_number", "call +44 20 7946 0958"),
        ("dob", "born 1984-02-29"),
        ("secret", "password: hunter2-Xk9"),
        ("ipv6", "from 2001:db8::8a2e:370:7334"),
        ("social_security_number", "ssn 536-90-4399"),
    ] {
        for field in ["denied_pii_types", "pii_types", "types"] {
            let rule = json!({field: [word]});
            assert!(blocks(rule.clone(), input), "{word}");
            assert!(!blocks(rule, "mail ana@example.com"), "{word}");
        }
    }
}

#[test]
fn empty_list_of_types_leaves_only_custom_patterns() {
    let rule = json!({
        "denied_pii_types": [],
        "custom_patterns": [{"name": "employee_id", "pattern": r"\bEMP-[0-9]{6}\b"}],
    });
    assert!(!blocks(rule.clone(), "ssn 536-90-4399"));
    let decision = judged(rule, &request("ask emp-123456 about it"));
    assert_eq!(kinds(&decision), ["employee_id"]);
    assert!(
        decision.violations[0]
            .message
            .contains("(employee_id) in input")
    );
    let span = decision.violations[0].evidence[0].span.unwrap();
    assert_eq!((span.start, span.end), (4, 14));
}

#[test]
fn custom_values_are_masked_like_the_others_in_every_mode() {
    let rule = json!({
        "patterns": [{"name": "codename", "pattern": "(?:зима|night.?fall)"}],
        "mask": true,
    });
    for mode in Mode::ALL {
        let policies = vec![policy(1, PolicyType::PiiAccess, *mode, rule.clone())];
        let decision = decide(policies, &request("ЗИМА and Nightfall, ssn 536-90-4399"));
        assert_eq!(
            decision.redacted_input.as_deref(),
            Some("[REDACTED:codename] and [REDACTED:codename], ssn [REDACTED:ssn]"),
            "{mode}"
        );
    }
}

#[test]
fn hostile_patterns_and_names_are_refused_where_they_stand() {
    let named = |name: &str, pattern: &str| json!({"custom_patterns": [{"name": "fine", "pattern": "x1"}, {"name": name, "pattern": pattern}]});
    for (rule, path, reason) in [
        (
            named("a", "("),
            "/custom_patterns/1/pattern",
            "unclosed group",
        ),
        (
            named("a", "(?=x)"),
            "/custom_patterns/1/pattern",
            "look-around",
        ),
        (
            named("a", "((a{100}){100}){100}"),
            "/custom_patterns/1/pattern",
            "larger than",
        ),
        (named("a", "x*"), "/custom_patterns/1/pattern", "empty"),
        (named("ssn", "x"), "/custom_patterns/1/name", "another type"),
        (
            named("fine", "x"),
            "/custom_patterns/1/name",
            "another type",
        ),
        (named("No Name", "x"), "/custom_patterns/1/name", ""),
        (
            json!({"custom_patterns": [{"name": "a"}]}),
            "/custom_patterns/0",
            "pattern",
        ),
        (json!({"min_count": 0}), "/min_count", "minimum"),
        (
            json!({"action": "hide"}),
            "/action",
            "must be one of block, mask, redact",
        ),
        (
            json!({"mask": true, "mask_output": true}),
            "",
            "cannot be given together",
        ),
    ] {
        let problems = validate(PolicyType::PiiAccess, &rule).expect_err(&rule.to_string());
        assert_eq!(problems[0].path, path, "{rule}");
        assert!(
            problems[0].message.contains(reason),
            "{rule}: {}",
            problems[0]
        );
    }
}

#[test]
fn stored_pattern_that_does_not_compile_fails_closed() {
    let rule = json!({"custom_patterns": [{"name": "a", "pattern": "("}]});
    for (mode, outcome) in [
        (Mode::Monitor, Outcome::Allow),
        (Mode::Warn, Outcome::Allow),
        (Mode::RequireApproval, Outcome::Block),
        (Mode::Block, Outcome::Block),
    ] {
        let policies = vec![policy(1, PolicyType::PiiAccess, mode, rule.clone())];
        let decision = decide(policies, &request("hello"));
        assert_eq!(decision.outcome, outcome, "{mode}");
        assert!(decision.considered[0].failed);
    }
}

#[test]
fn exempt_values_and_domains_do_not_count() {
    let rule = json!({
        "allowed_domains": ["example.com"],
        "allowed_values": ["+1 (415) 555-2671", "ops@partner.net"],
    });
    for input in [
        "ana@mail.example.com",
        "415-555-2671? no: +1 415-555-2671",
        "OPS@partner.net",
    ] {
        let decision = judged(rule.clone(), &request(input));
        assert!(kinds(&decision).len() < 2, "{input}");
    }
    assert!(!blocks(
        rule.clone(),
        "ana@mail.example.com or ops@partner.net"
    ));
    assert!(blocks(rule.clone(), "ana@notexample.com"));
    assert!(blocks(rule, "bob@partner.net"));
    let custom = json!({
        "types": [],
        "allow": ["EMP-000000"],
        "custom_patterns": [{"name": "employee_id", "pattern": "EMP-[0-9]{6}"}],
    });
    assert!(!blocks(custom.clone(), "EMP-000000"));
    assert!(blocks(custom, "EMP-000001"));
}

#[test]
fn fewer_values_than_the_least_count_pass_unmasked() {
    let rule = json!({"types": ["email"], "min_count": 3, "mask_output": true});
    let few = judged(rule.clone(), &request("a@x.org b@x.org"));
    assert_eq!((few.outcome, few.redacted_input), (Outcome::Allow, None));
    assert!(few.considered[0].why.contains("min_count"));
    let many = judged(rule, &request("a@x.org b@x.org c@x.org"));
    assert_eq!(many.outcome, Outcome::Block);
    assert!(many.redacted_input.is_some());
}

#[test]
fn action_mask_masks_and_leaves_the_mode_alone() {
    for action in ["mask", "redact"] {
        let decision = judged(json!({"action": action}), &request("ssn 536-90-4399"));
        assert_eq!(decision.outcome, Outcome::Block);
        assert_eq!(
            decision.redacted_input.as_deref(),
            Some("ssn [REDACTED:ssn]")
        );
    }
    let decision = judged(json!({"action": "block"}), &request("ssn 536-90-4399"));
    assert_eq!(decision.redacted_input, None);
}

#[test]
fn field_names_say_what_metadata_and_tool_outputs_hold() {
    let request = Request {
        metadata: Some(json!({"customer": {"ssn": "536904399"}, "phones": ["2065165472"]})),
        tool_outputs: vec![ToolOutput {
            name: "vault".into(),
            input: Value::Null,
            output: json!({"rows": [{"password": "hunter2-Xk9"}, {"order_number": 536_904_399}]}),
        }],
        output: Some("dob 1984-02-29".into()),
        ..request("hello")
    };
    let all = judged(json!({}), &request);
    assert_eq!(kinds(&all), ["ssn", "phone_us", "api_key", "date_of_birth"]);
    let input_only = judged(json!({"scan_output": false}), &request);
    assert_eq!(kinds(&input_only), ["ssn", "phone_us"]);
    let output_only = judged(json!({"scan_input": false}), &request);
    assert_eq!(kinds(&output_only), ["api_key", "date_of_birth"]);
}

use super::*;

const REPLACED: PolicyId = PolicyId(Uuid::from_u128(9));

fn draft(said: Value, replaces: Option<PolicyId>) -> Result<Draft, Vec<String>> {
    let Value::Object(said) = said else {
        panic!("an object: {said}");
    };
    Draft::read(said, replaces)
}

fn no_shell() -> Value {
    json!({
        "policyType": "tool_invocation",
        "enforcementMode": "block",
        "ruleDefinition": {"denied_tools": ["shell.*"]},
    })
}

fn past(tool: &str, outcome: Outcome, hits: &[(PolicyId, Mode)]) -> Past {
    Past {
        request: Request {
            tools: vec![tool.to_owned()],
            ..Request::default()
        },
        at_ms: 1_795_176_000_000,
        outcome,
        hits: hits.to_vec(),
    }
}

#[test]
fn a_draft_makes_an_outcome_stronger_and_never_weaker() {
    let draft = draft(no_shell(), None).unwrap();
    for (tool, before, after) in [
        ("shell.run", Outcome::Allow, Outcome::Block),
        ("shell.run", Outcome::Block, Outcome::Block),
        ("crm.read", Outcome::Allow, Outcome::Allow),
        ("crm.read", Outcome::Hold, Outcome::Hold),
        ("crm.read", Outcome::Block, Outcome::Block),
    ] {
        let judged = draft.judge(&past(tool, before, &[]));
        assert_eq!(judged.outcome, after, "{tool} after {before:?}");
        assert_eq!(matches!(judged.said, Said::Hit(_)), tool == "shell.run");
    }
}

#[test]
fn what_a_replaced_policy_did_is_taken_away_and_what_others_did_stays() {
    let draft = draft(no_shell(), Some(REPLACED)).unwrap();
    let other = PolicyId(Uuid::from_u128(8));
    for (before, hits, after) in [
        (
            Outcome::Block,
            vec![(REPLACED, Mode::Block)],
            Outcome::Allow,
        ),
        (
            Outcome::Block,
            vec![(REPLACED, Mode::Block), (other, Mode::RequireApproval)],
            Outcome::Hold,
        ),
        // A pause or a bad key refused it, whatever the policies said.
        (Outcome::Block, vec![(REPLACED, Mode::Warn)], Outcome::Block),
        (Outcome::Block, vec![], Outcome::Block),
    ] {
        let judged = draft.judge(&past("crm.read", before, &hits));
        assert_eq!(judged.outcome, after, "{hits:?}");
    }
}

#[test]
fn what_cannot_be_known_again_is_said_and_changes_nothing() {
    let counting = json!({
        "policyType": "rate_limit",
        "enforcementMode": "block",
        "ruleDefinition": {"max_requests": 1, "window": "1m"},
    });
    let asking = json!({
        "policyType": "custom_validator",
        "enforcementMode": "block",
        "ruleDefinition": {"validator_id": "val_00000000-0000-7000-8000-000000000001"},
    });
    for (said, why) in [(counting, COUNTS), (asking, ASKS)] {
        let draft = draft(said, Some(REPLACED)).unwrap();
        let judged = draft.judge(&past("x", Outcome::Block, &[(REPLACED, Mode::Block)]));
        let expected = Judged {
            said: Said::NotJudged(why),
            outcome: Outcome::Block,
        };
        assert_eq!(judged, expected);
    }
}

#[test]
fn acts_of_other_agents_are_out_of_scope() {
    let mut said = no_shell();
    said["appliesToAgents"] = json!([Uuid::from_u128(4)]);
    let draft = draft(said, None).unwrap();
    let judged = draft.judge(&past("shell.run", Outcome::Allow, &[]));
    let expected = Judged {
        said: Said::OutOfScope,
        outcome: Outcome::Allow,
    };
    assert_eq!(judged, expected);
}

#[test]
fn everything_that_is_wrong_with_a_draft_is_named() {
    let wrong = draft(json!({"policyTyp": "tool_invocation"}), None).unwrap_err();
    assert_eq!(
        wrong,
        [
            "policy.policyTyp: unknown field",
            "policy.policyType: is required",
            "policy.enforcementMode: is required",
            "policy.ruleDefinition: is required",
        ]
    );
    let mut said = no_shell();
    said["ruleDefinition"] = json!({"denied_tool": ["x"]});
    let wrong = draft(said, None).unwrap_err();
    assert!(wrong[0].starts_with("policy.ruleDefinition"), "{wrong:?}");
    let mut said = no_shell();
    said["policyType"] = json!("tool_invokation");
    let wrong = draft(said, None).unwrap_err();
    assert!(
        wrong[0].starts_with("policy: unknown policy type"),
        "{wrong:?}"
    );
}

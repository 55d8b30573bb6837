use super::*;

fn known(outcome: &str) -> Known {
    Known {
        statement: json!({
            "decisionId": "dec_1",
            "eventId": "0192c8d2-5c6d-7e8f-9a0b-1c2d3e4f5a6b",
            "issuedAt": 1_790_000_000_000_000i64,
            "entry": {
                "actor": "agent:7", "outcome": outcome, "occurred_at": 1_789_999_999_000_000i64,
                "policy_set_hash": "ab", "reason_code": "POLICY_BLOCKED"
            }
        }),
        decision: json!({
            "environment": "production", "tools": ["Stripe.Refund"], "hits": [],
            "actionDigest": "cd"
        }),
        trace: Value::Null,
        approval: Value::Null,
        arguments: None,
    }
}

/// The published example: same fields, same hash.
#[test]
fn the_hash_is_the_one_other_implementations_make() {
    let mut example: Value =
        serde_json::from_str(include_str!("../action_receipt_example.json")).unwrap();
    let theirs = example
        .as_object_mut()
        .unwrap()
        .remove("receipt_hash")
        .unwrap();
    assert_eq!(theirs, hash(&example).unwrap());
}

#[test]
fn a_denied_act_is_blocked_and_says_why() {
    let receipt = of(&known("denied"), &Words::default()).unwrap();
    assert_eq!(receipt["policy"]["decision"], "deny");
    assert_eq!(receipt["execution"]["status"], "blocked");
    assert_eq!(receipt["execution"]["error_code"], "POLICY_BLOCKED");
    assert_eq!(receipt["tool"]["capability"], "stripe.refund");
    assert_eq!(receipt["target"]["environment"], "prod");
}

#[test]
fn how_an_allowed_act_ended_is_never_made_up() {
    let mut known = known("allowed");
    let receipt = |known: &Known| of(known, &Words::default()).unwrap()["execution"].clone();
    assert_eq!(receipt(&known)["error_code"], "OUTCOME_UNKNOWN");
    known.trace = json!({ "status": "success", "receivedAt": "2026-11-20T10:00:00Z" });
    assert_eq!(receipt(&known)["status"], "success");
    assert_eq!(receipt(&known)["completed_at"], "2026-11-20T10:00:00Z");
}

/// A request that was granted at ten, and may be used until half past.
fn granted(status: &str, used: Option<&str>) -> Value {
    json!({
        "status": status, "decidedBy": {"person": "per_1"}, "usedAt": used,
        "decidedAt": "2026-09-21T10:00:00Z", "certificateExpiresAt": "2026-09-21T10:30:00Z"
    })
}

#[test]
fn an_approval_is_named_once_it_was_used() {
    let mut known = known("held");
    for (status, used) in [
        ("approved", "2026-09-21T10:01:00Z"),
        ("consumed", "2026-09-21T10:02:00Z"),
    ] {
        known.approval = granted(status, Some(used));
        let receipt = of(&known, &Words::default()).unwrap();
        assert_eq!(receipt["policy"]["decision"], "require-approval");
        assert_eq!(receipt["approval"]["approver"]["id"], "per_1");
        assert_eq!(
            receipt["execution"]["status"], "failure",
            "nobody says how it ended"
        );
        assert_eq!(receipt["execution"]["completed_at"], used);
    }
    known.approval = granted("consumed", Some("2026-09-21T09:59:00Z"));
    assert!(
        of(&known, &Words::default()).is_err(),
        "used before it was approved"
    );
}

#[test]
fn an_act_that_has_not_ended_has_no_action_receipt() {
    let mut known = known("held");
    known.approval = json!({ "status": "pending" });
    assert!(of(&known, &Words::default()).is_err());
    known.approval = granted("approved", None);
    known.statement["issuedAt"] = 1_789_986_000_000_000_i64.into();
    assert!(of(&known, &Words::default()).is_err(), "twenty past ten");
    known.statement["issuedAt"] = 1_789_987_000_000_000_i64.into();
    let lapsed = of(&known, &Words::default()).unwrap();
    assert_eq!(lapsed["execution"]["status"], "blocked");
    assert_eq!(lapsed["execution"]["completed_at"], "2026-09-21T10:30:00Z");
    assert_eq!(lapsed["approval"]["approved_at"], "2026-09-21T10:00:00Z");
}

#[test]
fn an_act_that_nobody_approved_ended_when_that_was_settled() {
    let mut known = known("held");
    for (status, at) in [
        ("denied", "2026-09-21T10:00:00Z"),
        ("expired", "2026-09-21T11:00:00Z"),
    ] {
        known.approval = json!({
            "status": status, "decidedAt": "2026-09-21T10:00:00Z", "expiresAt": "2026-09-21T11:00:00Z"
        });
        let receipt = of(&known, &Words::default()).unwrap();
        assert_eq!(receipt["policy"]["decision"], "escalate");
        assert_eq!(receipt["approval"], Value::Null);
        assert_eq!(receipt["execution"]["status"], "blocked");
        assert_eq!(receipt["execution"]["completed_at"], at);
    }
}

#[test]
fn receipts_that_say_different_things_have_different_ids() {
    let known = known("allowed");
    let plain = of(&known, &Words::default()).unwrap();
    assert_eq!(plain, of(&known, &Words::default()).unwrap());
    let words = Words {
        status: Some(Status::Success),
        completed_at: Some(instant("2026-09-21T14:13:19.5Z").unwrap()),
        ..Words::default()
    };
    let ended = of(&known, &words).unwrap();
    assert_ne!(plain["receipt_id"], ended["receipt_id"]);
    assert_eq!(
        ended["execution"]["completed_at"],
        "2026-09-21T14:13:19.500000Z"
    );
}

#[test]
fn an_act_ended_after_its_decision_and_not_to_come() {
    let said = |outcome: &str, at: &str| {
        let words = Words {
            status: Some(Status::Success),
            completed_at: Some(instant(at).unwrap()),
            ..Words::default()
        };
        of(&known(outcome), &words)
    };
    assert!(said("allowed", "2026-09-21T14:13:19.5Z").is_ok());
    assert!(said("allowed", "2020-09-21T14:13:19.5Z").is_err());
    assert!(said("allowed", "2030-09-21T14:13:19.5Z").is_err());
    assert!(
        said("denied", "2026-09-21T14:13:19.5Z").is_err(),
        "it was not let through"
    );
}

#[test]
fn what_the_format_has_no_words_for_is_said() {
    let mut known = known("denied");
    known.decision["environment"] = "qa".into();
    assert_eq!(known.notes(&Words::default()).len(), 2);
    let receipt = of(&known, &Words::default()).unwrap();
    assert_eq!(receipt["target"]["environment"], "dev");
    let reference = "writ:dec_1?arguments_hash=keyed-digest";
    assert_eq!(receipt["execution"]["result_ref"], reference);
    let words = Words {
        environment: Some(Environment::Staging),
        ..Words::default()
    };
    assert_eq!(
        of(&known, &words).unwrap()["target"]["environment"],
        "staging"
    );
}

#[test]
fn the_arguments_given_are_those_hashed() {
    let mut known = known("denied");
    known.arguments = Some(json!({ "b": 50.0, "a": "x" }));
    let receipt = of(&known, &Words::default()).unwrap();
    let expected = hex::encode(Sha256::digest(br#"{"a":"x","b":50}"#));
    assert_eq!(receipt["arguments_hash"], expected);
    assert!(known.notes(&Words::default()).is_empty());
}

use writ_contract::{Audit, EventId, Kind, OrgId, wire};

use super::*;

fn envelope<F: Fact>(verb: &str, fact: &F) -> Envelope {
    Envelope {
        event_id: EventId(Uuid::from_u128(9)),
        kind: Kind::of::<F>(verb),
        org: OrgId(Uuid::from_u128(1)),
        aggregate_id: String::new(),
        version: 0,
        occurred_at_us: 1_700_000_000_000_000,
        audit: Audit::default(),
        fact: fact.encode_to_vec(),
        traceparent: String::new(),
    }
}

fn hit(mode: &str) -> Hit {
    Hit {
        policy_id: vec![3; 16],
        policy_type: "injection_scan".to_owned(),
        enforcement_mode: mode.to_owned(),
        evidence: vec!["injection:override".to_owned()],
        ..Hit::default()
    }
}

fn mark(total: u64, exceeded: bool) -> BudgetMark {
    BudgetMark {
        policy_id: vec![4; 16],
        period: "2026-11".to_owned(),
        reserved: 1,
        total,
        cap: 1_000_000,
        exceeded,
        warned: total > 800_000,
        ..BudgetMark::default()
    }
}

#[test]
fn a_hit_in_any_mode_is_a_violation() {
    for (mode, outcome) in [
        ("block", Outcome::Deny),
        ("require_approval", Outcome::Hold),
        ("warn", Outcome::Allow),
        ("monitor", Outcome::Allow),
    ] {
        let fact = Decision {
            hits: vec![hit(mode)],
            outcome: outcome.into(),
            ..Decision::default()
        };
        let notices = announce(&envelope("made", &fact)).unwrap();
        assert_eq!(notices.len(), 1);
        assert_eq!(notices[0].topic, Topic::PolicyViolated);
        assert_eq!(notices[0].id, "evt_00000000000000000000000000000009");
        assert_eq!(notices[0].data["violations"][0]["enforcementMode"], mode);
    }
}

#[test]
fn a_wider_pause_is_told_once_with_what_it_covers() {
    let pause = |scope: &str, ended| wire::Pause {
        pause_id: vec![4; 16],
        scope: scope.to_owned(),
        value: "x".to_owned(),
        ended,
        ..wire::Pause::default()
    };
    for (scope, ended, topic) in [
        ("organization", false, Topic::AgentPaused),
        ("tag", true, Topic::AgentResumed),
        ("tool", false, Topic::ToolPaused),
        ("tool", true, Topic::ToolResumed),
    ] {
        let notices = announce(&envelope("made", &pause(scope, ended))).unwrap();
        assert_eq!(notices.len(), 1);
        assert_eq!(notices[0].topic, topic);
        assert_eq!(notices[0].data["scope"], scope);
    }
}

#[test]
fn a_decision_without_hits_is_not_told() {
    let fact = Decision {
        outcome: Outcome::Allow.into(),
        ..Decision::default()
    };
    assert_eq!(announce(&envelope("made", &fact)), Ok(vec![]));
}

#[test]
fn a_budget_is_told_at_its_warning_share_and_beyond_its_cap() {
    let fact = Decision {
        budget_marks: vec![
            mark(800_000, false),
            mark(800_001, false),
            mark(1_000_001, true),
        ],
        ..Decision::default()
    };
    let notices = announce(&envelope("made", &fact)).unwrap();
    let levels: Vec<&Value> = notices.iter().map(|notice| &notice.data["level"]).collect();
    assert_eq!(levels, ["warning", "exceeded"]);
    assert!(
        notices
            .iter()
            .all(|notice| notice.topic == Topic::CostThreshold)
    );
}

#[test]
fn counters_of_calls_and_records_cost_nothing() {
    let fact = Decision {
        budget_marks: [BudgetUnit::Calls, BudgetUnit::Records]
            .map(|unit| BudgetMark {
                unit: unit.into(),
                ..mark(1_000_001, true)
            })
            .to_vec(),
        ..Decision::default()
    };
    assert_eq!(announce(&envelope("made", &fact)), Ok(vec![]));
}

#[test]
fn each_counter_of_a_policy_is_told_of_by_itself() {
    let ids = ["user_ab_202611", "user_cd_202611"].map(|counter| {
        let fact = Decision {
            budget_marks: vec![BudgetMark {
                counter: counter.to_owned(),
                ..mark(900_000, false)
            }],
            ..Decision::default()
        };
        announce(&envelope("made", &fact)).unwrap()[0].id.clone()
    });
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn later_decisions_of_a_period_repeat_the_id_of_the_budget_notice() {
    let ids = [900_000, 950_000].map(|total| {
        let fact = Decision {
            budget_marks: vec![mark(total, false)],
            ..Decision::default()
        };
        announce(&envelope("made", &fact)).unwrap()[0].id.clone()
    });
    assert_eq!(ids[0], ids[1]);
    assert!(
        !ids[0].contains('.'),
        "a dot would be read as a separator when signing"
    );
}

#[test]
fn pauses_and_resumes_are_told_apart() {
    for (paused, topic) in [(true, Topic::AgentPaused), (false, Topic::AgentResumed)] {
        let fact = Kill {
            external_id: "bot".to_owned(),
            paused,
            ..Kill::default()
        };
        let notices = announce(&envelope("set", &fact)).unwrap();
        assert_eq!(notices[0].topic, topic);
        assert_eq!(notices[0].data["agentId"], "bot");
    }
}

#[test]
fn a_request_is_told_of_when_it_is_due_and_not_before() {
    let fact = wire::PrivacyRequest {
        kind: "erasure".to_owned(),
        due: "overdue".to_owned(),
        ..wire::PrivacyRequest::default()
    };
    let notices = announce(&envelope("due", &fact)).unwrap();
    assert_eq!(notices[0].topic, Topic::PrivacyDue);
    assert_eq!(notices[0].data["due"], "overdue");
    assert_eq!(announce(&envelope("updated", &fact)), Ok(vec![]));
}

#[test]
fn a_finding_is_an_anomaly_and_other_facts_are_nothing() {
    let fact = Finding {
        metric: "cost".to_owned(),
        score: 9.5,
        ..Finding::default()
    };
    let notices = announce(&envelope("found", &fact)).unwrap();
    assert_eq!(
        (notices[0].topic, &notices[0].data["metric"]),
        (Topic::TraceAnomaly, &json!("cost"))
    );
    assert_eq!(
        announce(&envelope("updated", &wire::Agent::default())),
        Ok(vec![])
    );
}

#[test]
fn a_fact_of_a_newer_version_is_an_error() {
    let mut newer = envelope("set", &Kill::default());
    newer.kind = "kill.set.v2".parse().unwrap();
    assert!(announce(&newer).is_err());
}

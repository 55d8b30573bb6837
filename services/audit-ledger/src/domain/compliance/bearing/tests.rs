use uuid::Uuid;
use writ_contract::{Audit, EventId, Kind, OrgId};

use super::*;

fn envelope<F: Fact>(verb: &str, fact: &F) -> Envelope {
    Envelope {
        event_id: EventId(Uuid::from_u128(1)),
        kind: Kind::of::<F>(verb),
        org: OrgId(Uuid::from_u128(5)),
        aggregate_id: "it_1".into(),
        version: 3,
        occurred_at_us: 42,
        audit: Audit::default(),
        fact: fact.encode_to_vec(),
        traceparent: String::new(),
    }
}

fn bears<F: Fact>(verb: &str, fact: &F) -> Bearing {
    Bearing::fact(&envelope(verb, fact))
}

fn counts(bearing: &Bearing) -> Vec<&str> {
    bearing.counts.iter().map(AsRef::as_ref).collect()
}

fn standing(bearing: &Bearing) -> Vec<&str> {
    let standing = bearing.standing.as_ref().unwrap();
    standing.holds.iter().map(AsRef::as_ref).collect()
}

#[test]
fn a_decision_counts_by_outcome_and_by_what_hit_once_for_each_type() {
    let hit = |policy_type: &str| wire::Hit {
        policy_type: policy_type.into(),
        ..wire::Hit::default()
    };
    let fact = wire::Decision {
        outcome: wire::Outcome::Deny.into(),
        hits: vec![hit("pii_access"), hit("pii_access"), hit("cost_limit")],
        ..wire::Decision::default()
    };
    assert_eq!(
        counts(&bears("made", &fact)),
        [
            "decisions.recorded",
            "decisions.denied",
            "hits:pii_access",
            "hits:cost_limit"
        ]
    );
}

#[test]
fn a_policy_is_in_force_while_it_is_active_and_there() {
    let policy = |is_active, deleted| wire::Policy {
        policy_type: "pii_access".into(),
        enforcement_mode: "block".into(),
        is_active,
        deleted,
        ..wire::Policy::default()
    };
    let active = bears("created", &policy(true, false));
    assert_eq!(counts(&active), ["policies.changed", "changes:pii_access"]);
    assert_eq!(standing(&active), ["enforcing:pii_access"]);
    let known = active.standing.unwrap();
    assert_eq!((known.subject.as_str(), known.version), ("policy:it_1", 3));
    for fact in [policy(false, false), policy(true, true)] {
        assert!(standing(&bears("updated", &fact)).is_empty());
    }
}

#[test]
fn a_policy_that_only_warns_or_notes_is_watching() {
    for (mode, expected) in [
        ("block", "enforcing:pii_access"),
        ("require_approval", "enforcing:pii_access"),
        ("warn", "watching:pii_access"),
        ("monitor", "watching:pii_access"),
    ] {
        let policy = wire::Policy {
            policy_type: "pii_access".into(),
            enforcement_mode: mode.into(),
            is_active: true,
            ..wire::Policy::default()
        };
        assert_eq!(standing(&bears("updated", &policy)), [expected]);
    }
}

#[test]
fn a_request_of_a_data_subject_counts_by_what_it_was_and_whether_it_was_answered_in_time() {
    let request = |kind: &str, closed_at_us, due: &str| wire::PrivacyRequest {
        kind: kind.into(),
        due_at_us: 100,
        closed_at_us,
        due: due.into(),
        ..wire::PrivacyRequest::default()
    };
    let of = |verb: &str, fact: wire::PrivacyRequest| counts(&bears(verb, &fact)).join(" ");
    for (verb, fact, expected) in [
        ("received", request("access", None, ""), "privacy.requested"),
        (
            "completed",
            request("access", Some(100), ""),
            "privacy.completed.access privacy.answered_in_time",
        ),
        (
            "completed",
            request("portability", Some(101), "overdue"),
            "privacy.completed.portability privacy.answered_late",
        ),
        (
            "refused",
            request("erasure", Some(99), "soon"),
            "privacy.refused privacy.answered_in_time",
        ),
        ("due", request("access", None, "soon"), ""),
        ("due", request("access", None, "overdue"), "privacy.overdue"),
        ("updated", request("access", None, "overdue"), ""),
    ] {
        assert_eq!(of(verb, fact), expected, "{verb}");
    }
}

#[test]
fn an_incident_that_was_taken_up_is_not_resolved_yet() {
    let of = |verb: &str| counts(&bears(verb, &wire::Incident::default())).join(" ");
    assert_eq!(of("opened"), "incidents.opened");
    assert_eq!(of("acknowledged"), "incidents.acknowledged");
    assert_eq!(of("resolved"), "incidents.resolved");
}

#[test]
fn an_approval_is_distinct_when_nobody_approved_their_own_act() {
    let approval = |approvers: &[(u8, &str)]| wire::Approval {
        requester_key_id: vec![1; 16],
        requester_person: "per_1".into(),
        approvers: approvers
            .iter()
            .map(|(key, person)| wire::Approver {
                key_id: vec![*key; 16],
                person: (*person).into(),
                at_us: 1,
            })
            .collect(),
        ..wire::Approval::default()
    };
    let distinct = |approvers: &[(u8, &str)]| {
        counts(&bears("granted", &approval(approvers))).contains(&"approvals.distinct")
    };
    assert!(distinct(&[(2, "per_2")]));
    assert!(!distinct(&[(2, "per_1")]), "one person with two keys");
    assert!(!distinct(&[(2, "per_2"), (3, "per_1")]));
    assert!(distinct(&[(2, "")]), "nobody known behind the key");
    assert!(!distinct(&[(1, "")]));
    assert!(!distinct(&[]));
    let refused = bears("denied", &approval(&[(2, "per_2")]));
    assert_eq!(counts(&refused), ["approvals.refused"]);
}

#[test]
fn settings_hold_from_the_fact_that_states_them() {
    let fact = wire::Organization {
        credential_required: true,
        tiered_governance: Some(false),
        ..wire::Organization::default()
    };
    assert_eq!(
        standing(&bears("updated", &fact)),
        ["setting.credential_required", "setting.version_registry"]
    );
}

#[test]
fn a_pause_that_the_gate_stated_is_not_counted_twice() {
    let mut told = envelope("created", &wire::Pause::default());
    told.audit.action = "pause.create".into();
    assert_eq!(counts(&Bearing::fact(&told)), ["pauses.set"]);
    told.audit.action = "pause.record".into();
    assert_eq!(Bearing::fact(&told), Bearing::default());
}

#[test]
fn a_revoked_key_limits_nothing() {
    let key = |revoked| wire::ApiKey {
        revoked,
        signature_required: true,
        ..wire::ApiKey::default()
    };
    let issued = bears("issued", &key(false));
    assert_eq!(standing(&issued), ["keys.standing", "keys.limited"]);
    assert!(standing(&bears("revoked", &key(true))).is_empty());
}

#[test]
fn a_refused_token_is_no_sign_in() {
    let login = wire::Login::default();
    assert_eq!(counts(&bears("seen", &login)), ["logins.seen"]);
    assert_eq!(counts(&bears("refused", &login)), ["logins.refused"]);
}

#[test]
fn a_fact_that_cannot_be_read_is_evidence_of_nothing() {
    let mut broken = envelope("made", &wire::Decision::default());
    broken.fact = vec![0xff; 3];
    assert_eq!(Bearing::fact(&broken), Bearing::default());
}

#[test]
fn an_export_is_evidence_and_a_damaged_stream_speaks_against_the_record() {
    assert_eq!(
        counts(&Bearing::own("ledger.exported.v1")),
        ["exports.made"]
    );
    let damaged = Bearing::own("ledger.stream_damaged.v1");
    assert_eq!(counts(&damaged), ["gaps.found"]);
    let rotated = Bearing::own("ledger.key_changed.v1");
    assert_eq!(counts(&rotated), ["ledger.keys_changed"]);
    assert_eq!(
        Bearing::own("ledger.export_begun.v1"),
        Bearing::default(),
        "it may not have been read to its end"
    );
}

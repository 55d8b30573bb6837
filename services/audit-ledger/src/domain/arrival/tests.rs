use uuid::Uuid;
use writ_contract::{Audit, IncarnationId, Kind, Unreadable};

use super::*;

const ORG: OrgId = OrgId(Uuid::from_u128(5));

fn envelope<F: Fact>(verb: &str, version: u64, fact: &F) -> Envelope {
    Envelope {
        event_id: EventId(Uuid::from_u128(1)),
        kind: Kind::of::<F>(verb),
        org: ORG,
        aggregate_id: "aggregate-1".into(),
        version,
        occurred_at_us: 42,
        audit: Audit {
            actor: "key:key_1".into(),
            action: "agent.pause".into(),
            target: "agent:1".into(),
            on_behalf_of: vec!["per_1".into(), "per_2".into()],
            outcome: "succeeded".into(),
            reason_code: String::new(),
        },
        fact: fact.encode_to_vec(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
    }
}

fn delivered(subject: &str, owner: Service, content: Content) -> Delivered {
    Delivered {
        subject: subject.into(),
        sequence: 9,
        message_id: String::new(),
        stored_at_us: 77,
        pending: 0,
        owner,
        content,
    }
}

fn fact(subject: &str, owner: Service, envelope: Envelope) -> Option<Vec<Arrival>> {
    arrivals(
        &delivered(subject, owner, Content::Fact(Box::new(envelope))),
        "EVT",
    )
}

fn decision() -> wire::Decision {
    wire::Decision {
        decision_id: vec![7; 16],
        agent_id: vec![8; 16],
        external_agent_id: "support".into(),
        policy_set_hash: vec![0xab; 32],
        ..wire::Decision::default()
    }
}

fn packed(envelope: Vec<u8>) -> Packed {
    let record = Record {
        org: ORG,
        event_id: EventId(Uuid::from_u128(1)),
        emitter_seq: 3,
        envelope,
    };
    Packed {
        incarnation: IncarnationId(Uuid::from_u128(99)),
        service: "enforcement".into(),
        records: vec![record],
        closes: false,
    }
}

#[test]
fn an_entry_says_who_did_what_and_where_it_was_read() {
    let kill = wire::Kill {
        agent_id: vec![8; 16],
        external_id: "support".into(),
        ..wire::Kill::default()
    };
    let fact = fact(
        "writ.evt.gate.5.kill",
        Service::Control,
        envelope("paused", 4, &kill),
    );
    let [arrival] = &fact.unwrap()[..] else {
        panic!("one fact")
    };
    let body = &arrival.body;
    assert_eq!(body.kind, "kill.paused.v1");
    assert_eq!(body.actor.as_deref(), Some("key:key_1"));
    assert_eq!(body.on_behalf_of, ["per_1", "per_2"]);
    assert_eq!(body.reason_code, None, "empty is absent");
    assert_eq!(
        body.trace_id.as_deref(),
        Some("0af7651916cd43dd8448eb211c80319c")
    );
    assert_eq!(
        (body.source.version, body.source.emitter.as_str()),
        (Some(4), "control")
    );
    assert_eq!(arrival.index.agent_external_id.as_deref(), Some("support"));
    let number = arrival.number.as_ref().unwrap();
    assert_eq!(
        (number.source.as_str(), number.seq),
        ("aggregate:kill/aggregate-1", 4)
    );
    assert!(arrival.single);
}

#[test]
fn a_decision_is_found_by_its_id_and_agent_and_names_its_policy_set() {
    let content = Content::Packed(packed(envelope("made", 0, &decision()).encode()));
    let read = arrivals(
        &delivered("writ.evt.gate.5.decision", Service::Enforcement, content),
        "EVT",
    );
    let [arrival] = &read.unwrap()[..] else {
        panic!("one record")
    };
    assert_eq!(arrival.body.policy_set_hash, Some("ab".repeat(32)));
    assert!(
        arrival
            .index
            .decision_id
            .as_ref()
            .unwrap()
            .starts_with("dec_0707")
    );
    assert_eq!(arrival.body.source.emitter_seq, Some(3));
    assert!(
        arrival
            .number
            .as_ref()
            .unwrap()
            .source
            .starts_with("incarnation:")
    );
    assert!(!arrival.single);
}

#[test]
fn a_record_that_cannot_be_read_is_recorded_as_such() {
    let foreign = Envelope {
        org: OrgId(Uuid::from_u128(6)),
        ..envelope("made", 0, &decision())
    };
    for bytes in [b"\xff\xff".to_vec(), foreign.encode()] {
        let content = Content::Packed(packed(bytes.clone()));
        let read = arrivals(
            &delivered("writ.evt.gate.5.decision", Service::Enforcement, content),
            "EVT",
        );
        let [arrival] = &read.unwrap()[..] else {
            panic!("one record")
        };
        assert_eq!(arrival.body.kind, "ledger.unreadable_recorded.v1");
        assert_eq!((arrival.org, &arrival.envelope), (ORG, &bytes));
        assert_eq!(arrival.number.as_ref().unwrap().seq, 3, "it still counts");
    }
}

#[test]
fn a_fact_on_another_organisations_subject_is_no_fact() {
    let policy = envelope("updated", 1, &wire::Policy::default());
    let own = format!("writ.evt.control.policy.{ORG}.pol_1");
    assert!(fact(&own, Service::Control, policy.clone()).is_some());
    let other = format!(
        "writ.evt.control.policy.{}.pol_1",
        OrgId(Uuid::from_u128(6))
    );
    assert!(fact(&other, Service::Control, policy).is_none());
    let unreadable = Content::Unreadable(Unreadable::Type("x".into()));
    assert!(arrivals(&delivered(&own, Service::Control, unreadable), "EVT").is_none());
}

#[test]
fn only_facts_that_carry_state_are_numbered_by_version() {
    let finding = envelope("found", 1, &wire::Finding::default());
    let subject = format!("writ.evt.anomaly.finding.{ORG}.f");
    let read = fact(&subject, Service::Anomaly, finding).unwrap();
    assert_eq!(read[0].number, None);
    for version in [0, 7] {
        let used = envelope("used", version, &wire::Consumed::default());
        let read = fact("writ.evt.gate.5.consumed", Service::Approval, used).unwrap();
        assert_eq!(read[0].number, None, "a certificate is used once");
    }
}

#[test]
fn a_broken_traceparent_is_left_out() {
    for broken in [
        "",
        "00",
        "00-xyz-1-01",
        "00-0af7651916cd43dd8448eb211c80319-b7-01",
    ] {
        assert_eq!(trace_id(broken), None);
    }
}

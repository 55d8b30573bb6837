//! Properties of what is read and what is known.

use proptest::prelude::*;
use prost::Message as _;
use uuid::Uuid;
use writ_contract::{AgentId, Audit, Envelope, EventId, Kind, OrgId, wire};

use super::{Registry, Trace, split};

fn org() -> OrgId {
    OrgId(Uuid::from_u128(1))
}

fn envelope(kind: Kind, version: u64, at_us: i64, fact: Vec<u8>) -> Envelope {
    Envelope {
        event_id: EventId(Uuid::from_u128(version.into())),
        kind,
        org: org(),
        aggregate_id: String::new(),
        version,
        occurred_at_us: at_us,
        audit: Audit::default(),
        fact,
        traceparent: String::new(),
    }
}

/// The facts of one agent's life as control states them: each kill, then the agent repeating it.
fn life(switches: &[bool]) -> Vec<Envelope> {
    let agent_id = AgentId(Uuid::from_u128(7)).to_bytes();
    let mut facts = Vec::new();
    for (paused, version) in switches.iter().zip(1..) {
        let at_us = i64::try_from(version).unwrap() * 10;
        let kill = wire::Kill {
            agent_id: agent_id.clone(),
            paused: *paused,
            ..Default::default()
        };
        let agent = wire::Agent {
            agent_id: agent_id.clone(),
            external_id: "a".into(),
            environment: "prod".into(),
            paused: *paused,
            kill_version: version,
            ..Default::default()
        };
        facts.push(envelope(
            Kind::of::<wire::Kill>("set"),
            version,
            at_us,
            kill.encode_to_vec(),
        ));
        let kind = Kind::of::<wire::Agent>("updated");
        facts.push(envelope(kind, version, at_us + 5, agent.encode_to_vec()));
    }
    facts
}

proptest! {
    #[test]
    fn no_text_is_too_strange_to_be_refused(text in "\\PC*") {
        if let Ok(traces) = split(&text) {
            for trace in traces {
                drop(Trace::read(trace));
            }
        }
    }

    #[test]
    fn what_is_stored_reads_as_what_was_taken(
        id in "[a-z0-9]{1,20}",
        input in "\\PC{0,40}",
        credential in proptest::option::of("[a-z]{8}"),
    ) {
        let mut sent = serde_json::json!({ "traceId": id, "agentId": "a", "input": input });
        if let Some(credential) = &credential {
            sent["agentCredential"] = credential.as_str().into();
        }
        let text = sent.to_string();
        let taken = Trace::read(&text).unwrap();
        let stored = Trace::read(&taken.stored_text(&text, None)).unwrap();
        prop_assert_eq!(taken, stored);
    }

    #[test]
    fn the_last_switch_counts_in_whatever_order_facts_come(
        switches in proptest::collection::vec(any::<bool>(), 1..6),
        order in any::<u64>(),
    ) {
        let mut facts = life(&switches);
        facts.sort_by_key(|fact| {
            let seed = (fact.version ^ order).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            seed.rotate_left(u32::from(fact.kind.aggregate() == "kill") * 17)
        });
        let mut registry = Registry::default();
        for fact in facts.iter().chain(&facts) {
            registry.apply("s", fact).unwrap();
        }
        let last = i64::try_from(switches.len()).unwrap() * 10;
        let paused = switches.last().unwrap().then_some(last);
        let found = registry.find(org(), "a", "prod").unwrap();
        prop_assert_eq!(found.paused_since_us, paused);
    }
}

use prost::Message as _;
use writ_contract::{Audit, EventId, Kind};

use super::*;

fn org() -> OrgId {
    OrgId::from_bytes(&[1; 16]).unwrap()
}

fn id(n: u128) -> AgentId {
    AgentId(Uuid::from_u128(n))
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

fn agent(
    n: u128,
    name: &str,
    environment: &str,
    version: u64,
    kill: (u64, bool),
    at: i64,
) -> Envelope {
    let fact = wire::Agent {
        agent_id: id(n).to_bytes(),
        external_id: name.into(),
        environment: environment.into(),
        kill_version: kill.0,
        paused: kill.1,
        ..Default::default()
    };
    envelope(
        Kind::of::<wire::Agent>("updated"),
        version,
        at,
        fact.encode_to_vec(),
    )
}

fn kill(n: u128, version: u64, paused: bool, at: i64) -> Envelope {
    let fact = wire::Kill {
        agent_id: id(n).to_bytes(),
        paused,
        ..Default::default()
    };
    envelope(
        Kind::of::<wire::Kill>("set"),
        version,
        at,
        fact.encode_to_vec(),
    )
}

fn after(facts: &[Envelope]) -> Registry {
    let mut registry = Registry::default();
    for fact in facts {
        registry.apply("s", fact).unwrap();
    }
    registry
}

#[test]
fn the_order_of_facts_does_not_matter() {
    let facts = [
        agent(1, "a", "prod", 1, (0, false), 10),
        kill(1, 1, true, 20),
        agent(1, "a", "prod", 2, (1, true), 30),
        kill(1, 2, false, 40),
        kill(1, 3, true, 50),
    ];
    let backwards: Vec<Envelope> = facts.iter().rev().cloned().collect();
    for registry in [after(&facts), after(&backwards)] {
        let found = registry.find(org(), "a", "prod").unwrap();
        assert_eq!(found.paused_since_us, Some(50));
    }
}

#[test]
fn a_pause_begins_when_it_was_thrown_not_when_the_agent_repeats_it() {
    let registry = after(&[
        agent(1, "a", "prod", 9, (1, true), 900),
        kill(1, 1, true, 20),
    ]);
    let found = registry.find(org(), "a", "prod").unwrap();
    assert_eq!(found.paused_since_us, Some(20));
}

#[test]
fn the_agent_of_the_traces_environment_is_meant_and_else_a_paused_one() {
    let registry = after(&[
        agent(1, "a", "prod", 1, (0, false), 1),
        agent(2, "a", "staging", 1, (1, true), 1),
    ]);
    let find = |name: &str, env: &str| registry.find(org(), name, env).map(|a| a.id);
    assert_eq!(find("a", "prod"), Some(id(1)));
    assert_eq!(find("a", "staging"), Some(id(2)));
    assert_eq!(find("a", "other"), Some(id(2)));
    assert_eq!(find(&id(1).to_string(), "staging"), Some(id(1)));
    assert_eq!(find("b", "prod"), None);
    let foreign = OrgId::from_bytes(&[2; 16]).unwrap();
    assert_eq!(registry.find(foreign, "a", "prod"), None);
    assert_eq!(registry.find(foreign, &id(1).to_string(), "prod"), None);
}

#[test]
fn a_wider_pause_pauses_whom_it_covers_also_where_nobody_is_registered() {
    let pause = |n: u128, scope: &str, value: &str, since_us| wire::Pause {
        pause_id: id(n).to_bytes(),
        scope: scope.into(),
        value: value.into(),
        since_us,
        ..Default::default()
    };
    let stated = |version, pause: &wire::Pause| {
        let kind = Kind::of::<wire::Pause>("made");
        envelope(kind, version, 1, pause.encode_to_vec())
    };
    let drill = pause(7, "environment", "prod", 30);
    let mut registry = after(&[
        agent(1, "a", "prod", 1, (1, true), 50),
        agent(2, "b", "staging", 1, (0, false), 1),
        stated(1, &drill),
    ]);
    let since = |registry: &Registry, name: &str, environment: &str| {
        registry
            .find(org(), name, environment)
            .unwrap()
            .paused_since_us
    };
    assert_eq!(
        since(&registry, "a", "prod"),
        Some(30),
        "the earlier of two"
    );
    assert_eq!(since(&registry, "b", "staging"), None);
    assert_eq!(
        since(&registry, "b", "prod"),
        Some(30),
        "where it says that it acted"
    );
    assert_eq!(registry.paused_since_us(org(), "x", "prod"), Some(30));
    assert_eq!(registry.paused_since_us(org(), "x", "staging"), None);
    let ended = wire::Pause {
        ended: true,
        ..drill
    };
    registry.apply("s", &stated(2, &ended)).unwrap();
    assert_eq!(
        since(&registry, "a", "prod"),
        Some(50),
        "its own switch stays"
    );
}

#[test]
fn an_unreadable_fact_closes_its_organisation_until_a_readable_one_replaces_it() {
    let mut registry = Registry::default();
    let subject = format!("writ.evt.control.agent.{}.x", org());
    registry.quarantine(&subject, Some(org()));
    assert!(registry.quarantined(org()));
    let readable = agent(1, "a", "prod", 1, (0, false), 1);
    registry.apply(&subject, &readable).unwrap();
    assert!(!registry.quarantined(org()));
}

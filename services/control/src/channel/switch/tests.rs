use proptest::prelude::*;

use writ_contract::{Audit, EventId, Kind, OrgId, Scope};

use super::*;

const ORG: Uuid = Uuid::from_u128(1);
const AGENT: Uuid = Uuid::from_u128(2);

fn row(kill_version: u64, paused: bool) -> wire::Agent {
    wire::Agent {
        agent_id: AGENT.as_bytes().to_vec(),
        external_id: "a".to_owned(),
        environment: "production".to_owned(),
        kill_version,
        paused,
        ..wire::Agent::default()
    }
}

fn kill(version: u64) -> Kill {
    Kill {
        org: ORG,
        agent: AGENT,
        version,
        paused: version % 2 == 1,
        reason: String::new(),
    }
}

fn known() -> Switch {
    Switch::unknown(AGENT, "a", "production")
}

#[test]
fn a_row_written_before_a_kill_does_not_turn_the_switch_back() {
    let switches = Switches::default();
    switches.apply_kill(&kill(1), &known());
    switches.apply_agent(ORG, 1, &row(0, false));
    assert!(switches.get(ORG, AGENT).unwrap().paused);
}

#[test]
fn an_external_id_in_two_environments_needs_the_environment() {
    let switches = Switches::default();
    switches.apply_agent(ORG, 1, &row(0, false));
    let staging = wire::Agent {
        agent_id: Uuid::from_u128(3).as_bytes().to_vec(),
        environment: "staging".to_owned(),
        ..row(0, false)
    };
    switches.apply_agent(ORG, 1, &staging);
    assert_eq!(switches.find(ORG, "a", None), Found::Several);
    assert!(matches!(
        switches.find(ORG, "a", Some("staging")),
        Found::One(_)
    ));
    assert_eq!(switches.find(Uuid::from_u128(9), "a", None), Found::None);
}

fn drill(scope: Scope, value: &str, version: u64, ended: bool) -> Envelope {
    let pause = Pause {
        id: PauseId(Uuid::from_u128(7)),
        scope,
        value: value.to_owned(),
        reason: "drill".to_owned(),
        since_us: 5,
        expires_at_us: Some(50),
    };
    Envelope {
        event_id: EventId(Uuid::from_u128(1)),
        kind: Kind::of::<wire::Pause>("created"),
        org: OrgId(ORG),
        aggregate_id: pause.id.to_string(),
        version,
        occurred_at_us: 5,
        audit: Audit::default(),
        fact: prost::Message::encode_to_vec(&pause.fact(ended)),
        traceparent: String::new(),
    }
}

#[test]
fn a_wider_pause_pauses_whom_it_covers_and_leaves_their_own_switch() {
    let switches = Switches::default();
    switches.apply_agent(ORG, 1, &row(0, false));
    let status = || switches.get(ORG, AGENT).unwrap();
    let production = drill(Scope::Environment, "production", 1, false);
    switches.apply_pause(&production, None).unwrap();
    assert_eq!(status().status(), "paused");
    assert_eq!(status().why().unwrap(), "environment \"production\": drill");
    assert_eq!(switches.expired(49), vec![]);
    assert_eq!(switches.expired(50).len(), 1);
    switches.apply_kill(&kill(1), &known());
    let over = drill(Scope::Environment, "production", 2, true);
    switches.apply_pause(&over, None).unwrap();
    assert_eq!(status().status(), "paused", "its own switch");
    switches.apply_kill(&kill(2), &known());
    assert_eq!(status().status(), "active");
    assert_eq!(switches.expired(50), vec![]);
}

#[test]
fn a_paused_tool_leaves_agents_active() {
    let switches = Switches::default();
    switches.apply_agent(ORG, 1, &row(0, false));
    let tool = drill(Scope::Tool, "shell", 1, false);
    switches.apply_pause(&tool, None).unwrap();
    assert_eq!(switches.get(ORG, AGENT).unwrap().status(), "active");
    assert_eq!(switches.all(ORG).1.len(), 1);
}

#[test]
fn each_cause_is_told_once_with_everybody_it_turned() {
    let switches = Switches::default();
    switches.apply_agent(ORG, 1, &row(0, false));
    let mut changes = switches.changes();
    let everybody = drill(Scope::Organization, "", 1, false);
    switches.apply_pause(&everybody, None).unwrap();
    switches.apply_pause(&everybody, None).unwrap();
    let told = changes.try_recv().unwrap();
    assert!(told.agents[0].turned && told.pause.as_ref().is_some_and(|(_, ended)| !ended));
    assert!(
        changes.try_recv().is_err(),
        "the same fact again changes nothing"
    );
    switches.apply_kill(&kill(1), &known());
    let told = changes.try_recv().unwrap();
    assert!(!told.agents[0].turned, "it was paused before");
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(order in Just((1..=6_u64).collect::<Vec<_>>()).prop_shuffle()) {
        let switches = Switches::default();
        for version in &order {
            // Every other kill has also reached the row by the time its fact arrives.
            if version % 2 == 0 {
                switches.apply_agent(ORG, *version, &row(*version, version % 2 == 1));
            }
            switches.apply_kill(&kill(*version), &known());
        }
        let switch = switches.get(ORG, AGENT).unwrap();
        prop_assert_eq!((switch.kill_version, switch.paused), (6, false));
    }
}

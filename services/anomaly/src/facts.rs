//! Incidents as facts: their whole state, without what people wrote beside them.

use prost::Message as _;
use writ_contract::{
    AgentId, Audit, DecisionId, Envelope, EventId, Fact as _, Kind, PolicyId, Topology, wire,
};
use writ_pg::NewEvent;

use crate::domain::derived;
use crate::domain::incident::{Change, Incident};

/// Who changed an incident, as facts name it, and when.
#[derive(Debug)]
pub(crate) struct By {
    pub(crate) actor: String,
    pub(crate) person: Option<String>,
    pub(crate) traceparent: String,
    /// Microseconds since the Unix epoch.
    pub(crate) at_us: i64,
}

/// What the loops tell of an incident, at the time of the last thing that happened.
/// They belong to the trace of that, if it had one.
pub(crate) fn counted(
    topology: &Topology,
    incident: &Incident,
    change: Change,
    traceparent: &str,
) -> NewEvent {
    let by = By {
        actor: format!("system:{}", crate::NAME),
        person: None,
        traceparent: traceparent.to_owned(),
        at_us: incident.last_us,
    };
    event(topology, incident, change, by)
}

/// The fact of a change. Its id follows from incident and version: what is done again after a crash
/// is the same fact.
pub(crate) fn event(topology: &Topology, incident: &Incident, change: Change, by: By) -> NewEvent {
    let (group, id) = (&incident.group, incident.id.to_string());
    let subject = topology.fact::<wire::Incident>(group.org, &id);
    let envelope = Envelope {
        event_id: EventId(derived(&[
            group.org.0.as_bytes(),
            incident.id.0.as_bytes(),
            &incident.version.to_be_bytes(),
        ])),
        kind: Kind::of::<wire::Incident>(change.as_str()),
        org: group.org,
        aggregate_id: id.clone(),
        version: incident.version,
        occurred_at_us: by.at_us,
        audit: Audit {
            actor: by.actor,
            action: format!("{}.{}", wire::Incident::AGGREGATE, change.action()),
            target: format!("{}:{id}", wire::Incident::AGGREGATE),
            on_behalf_of: by.person.into_iter().collect(),
            outcome: "succeeded".to_owned(),
            reason_code: format!("{}_INCIDENT", group.what.as_str().to_ascii_uppercase()),
        },
        fact: fact(incident).encode_to_vec(),
        traceparent: by.traceparent,
    };
    NewEvent { subject, envelope }
}

fn fact(incident: &Incident) -> wire::Incident {
    let group = &incident.group;
    wire::Incident {
        incident_id: incident.id.to_bytes(),
        kind: group.what.as_str().to_owned(),
        external_agent_id: group.agent.clone(),
        agent_id: incident
            .agent_uuid
            .map(|id| AgentId(id).to_bytes())
            .unwrap_or_default(),
        environment: group.environment.clone(),
        policy_id: group.policy.map(PolicyId::to_bytes).unwrap_or_default(),
        subject: group.subject.clone(),
        severity: incident.gravity.as_str().to_owned(),
        state: incident.progress.as_str().to_owned(),
        occurrences: incident.occurrences,
        first_at_us: incident.first_us,
        last_at_us: incident.last_us,
        decision_id: incident
            .decision
            .map(DecisionId::to_bytes)
            .unwrap_or_default(),
    }
}

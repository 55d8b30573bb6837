//! Requests as the facts that are published about them.

use chrono::{DateTime, Utc};
use prost::Message as _;
use writ_contract::{Audit, Envelope, EventId, Fact, Kind, OrgId, Topology, wire};
use writ_pg::NewEvent;

use crate::domain::{Event, Party, Status};
use crate::store::Entry;

/// Who makes something happen.
#[derive(Debug, Clone)]
pub(crate) enum Actor {
    /// A key, for the person behind it, or a person who signed in.
    Key(Party),
    /// This service's own loops.
    System,
}

/// When and under which id a fact is stated.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) id: EventId,
    pub(crate) at: DateTime<Utc>,
    pub(crate) actor: Actor,
}

/// The fact that `event` left the request as it is now; `None` for what is no fact of its own.
pub(crate) fn stated(
    topology: &Topology,
    entry: &Entry,
    event: &Event,
    stamp: &Stamp,
) -> Option<NewEvent> {
    let verb = event.verb()?;
    let state = &entry.state;
    let aggregate_id = state.id.to_string();
    Some(NewEvent {
        subject: topology.fact::<wire::Approval>(state.org, &aggregate_id),
        envelope: Envelope {
            event_id: stamp.id,
            kind: Kind::of::<wire::Approval>(verb),
            org: state.org,
            version: entry.version,
            occurred_at_us: stamp.at.timestamp_micros(),
            audit: audit(event, &stamp.actor, format!("approval:{aggregate_id}")),
            fact: approval(entry).encode_to_vec(),
            traceparent: entry.traceparent.clone(),
            aggregate_id,
        },
    })
}

/// The record of a use, for the gate.
pub(crate) fn consumed(entry: &Entry, stamp: &Stamp, kill_seq: u64) -> Envelope {
    let state = &entry.state;
    let fact = wire::Consumed {
        approval_id: state.id.to_bytes(),
        agent_id: state.agent.to_bytes(),
        environment: state.environment.clone(),
        action_digest: state.action_digest.to_vec(),
        kill_seq,
    };
    let (actor, on_behalf_of) = who(&stamp.actor);
    Envelope {
        event_id: stamp.id,
        kind: Kind::of::<wire::Consumed>("consumed"),
        org: state.org,
        aggregate_id: state.id.to_string(),
        version: 1,
        occurred_at_us: stamp.at.timestamp_micros(),
        audit: Audit {
            actor,
            action: format!("{}.consume", wire::Consumed::AGGREGATE),
            target: format!("approval:{}", state.id),
            on_behalf_of,
            outcome: "allowed".to_owned(),
            reason_code: String::new(),
        },
        fact: fact.encode_to_vec(),
        traceparent: entry.traceparent.clone(),
    }
}

/// Where the record of a use goes, and the subject whose last message it is fenced by.
pub(crate) fn gate(topology: &Topology, org: OrgId) -> (String, String) {
    let shard = writ_contract::Shard::of(org);
    (topology.consumed(shard), topology.kill(shard))
}

fn approval(entry: &Entry) -> wire::Approval {
    let state = &entry.state;
    let requester = state.requesters.first();
    let granted = matches!(state.status, Status::Approved | Status::Consumed);
    wire::Approval {
        approval_id: state.id.to_bytes(),
        agent_id: state.agent.to_bytes(),
        external_agent_id: state.external_agent.clone(),
        environment: state.environment.clone(),
        status: state.status.as_str().to_owned(),
        decision_ids: state.decisions.iter().map(|id| id.to_bytes()).collect(),
        action_digest: state.action_digest.to_vec(),
        policy_ids: state.policies.iter().map(|id| id.to_bytes()).collect(),
        policy_set_hash: state.policy_set_hash.clone(),
        requester_key_id: requester.map(key_bytes).unwrap_or_default(),
        requester_person: requester.and_then(|r| r.person.clone()).unwrap_or_default(),
        approvers: state
            .decided
            .iter()
            .filter(|_| granted)
            .map(|decided| wire::Approver {
                key_id: key_bytes(&decided.by),
                person: decided.by.person.clone().unwrap_or_default(),
                at_us: decided.at.timestamp_micros(),
            })
            .collect(),
        requested_at_us: state.requested_at.timestamp_micros(),
        expires_at_us: state.expires_at.timestamp_micros(),
        decided_at_us: state.decided.as_ref().map(|d| d.at.timestamp_micros()),
        reason_digest: entry.reason_digest.clone().unwrap_or_default(),
    }
}

fn audit(event: &Event, actor: &Actor, target: String) -> Audit {
    let (verb, outcome, reason_code) = match event {
        Event::Requested => ("request", "held", ""),
        Event::Joined { .. } => ("join", "held", ""),
        Event::Granted(_) => ("grant", "allowed", ""),
        Event::Denied(_) => ("deny", "denied", ""),
        Event::Expired => ("expire", "succeeded", "REQUEST_EXPIRED"),
        Event::Cancelled(cause) => ("cancel", "succeeded", cause.code()),
        Event::Mismatched => ("redeem", "failed", "ACTION_CONTEXT_MISMATCH"),
        Event::Consumed(_) => ("redeem", "allowed", ""),
        Event::Certified(_) | Event::Claimed(_) | Event::Released => ("settle", "succeeded", ""),
    };
    let (actor, on_behalf_of) = who(actor);
    Audit {
        actor,
        action: format!("{}.{verb}", wire::Approval::AGGREGATE),
        target,
        on_behalf_of,
        outcome: outcome.to_owned(),
        reason_code: reason_code.to_owned(),
    }
}

/// Empty for who signed in without a key.
fn key_bytes(party: &Party) -> Vec<u8> {
    if party.key == Party::NO_KEY {
        Vec::new()
    } else {
        party.key.to_bytes()
    }
}

fn who(actor: &Actor) -> (String, Vec<String>) {
    match actor {
        Actor::Key(party) => {
            let person = party.person.as_ref().filter(|_| party.key == Party::NO_KEY);
            let key = || format!("key:{}", party.key);
            let actor = person.map_or_else(key, |person| format!("person:{person}"));
            (actor, party.person.iter().cloned().collect())
        }
        Actor::System => (format!("system:{}", crate::NAME), Vec::new()),
    }
}

//! Pausing agents that spent a budget whose policy says so (`action: pause_agent`).

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;
use writ_contract::topology::GateLeaf;
use writ_contract::{Envelope, PolicyId, Stream, wire};
use writ_eventlog::{Content, Delivered, ReaderError, Start};

use super::Channel;
use crate::error::{Error, Refusal};
use crate::write::Actor;

/// How far back decisions are looked at after a start.
const REACH: Duration = Duration::from_secs(3600);
/// How long to rest when a pause could not be made.
const REST: Duration = Duration::from_secs(1);
/// How often an agent is looked for: memory of the agents may still be filling.
const LOOKS: u32 = 30;

/// Agents to be paused, with the reason. Decisions and kills stand in one order on the gate, so a
/// kill behind a decision is somebody's answer to it: the agent is paused already, or was resumed.
#[derive(Debug, Default)]
struct Spent(HashMap<(Uuid, Uuid), (Actor, String)>);

impl Spent {
    fn read(&mut self, delivered: &Delivered) {
        match &delivered.content {
            Content::Packed(packed) => {
                for record in &packed.records {
                    if let Ok(envelope) = Envelope::decode(&record.envelope)
                        && let Ok(fact) = envelope.open::<wire::Decision>()
                    {
                        self.decision(&envelope, &fact);
                    }
                }
            }
            Content::Fact(envelope) => {
                if let Ok(fact) = envelope.open::<wire::Kill>()
                    && let Ok(agent) = Uuid::from_slice(&fact.agent_id)
                {
                    self.0.remove(&(envelope.org.0, agent));
                }
            }
            Content::Unreadable(_) => {}
        }
    }

    fn decision(&mut self, envelope: &Envelope, fact: &wire::Decision) {
        let mut marks = fact.budget_marks.iter();
        let Some(mark) = marks.find(|mark| mark.exceeded && mark.pause_agent) else {
            return;
        };
        // An agent that is not registered has no switch.
        if let (Ok(agent), Ok(policy)) = (
            Uuid::from_slice(&fact.agent_id),
            PolicyId::from_bytes(&mark.policy_id),
        ) {
            let reason = format!("the budget of {} is used up ({policy})", mark.period);
            let actor = Actor::after(envelope);
            self.0.insert((actor.org, agent), (actor, reason));
        }
    }
}

impl Channel {
    /// Follows decisions and pauses the agents whose spent budgets ask for it; returns only with
    /// trouble.
    ///
    /// # Errors
    /// The log's; start it again.
    pub async fn follow_budgets(self) -> Result<(), ReaderError> {
        let topology = self.log.topology();
        let filters = vec![
            topology.gate(GateLeaf::Decision),
            topology.gate(GateLeaf::Kill),
        ];
        let since = self.writes.clock().now() - REACH;
        let start = Start::Since(since.timestamp_micros());
        let mut reader = self.log.read(Stream::Gate, filters, start).await?;
        let mut spent = Spent::default();
        loop {
            if reader.behind() == 0 {
                self.pause_all(&mut spent).await;
            }
            if let Some(delivered) = reader.advance().await? {
                spent.read(&delivered);
            }
        }
    }

    /// Each until it is done: the gate is what is read here, so nothing comes while it is away.
    async fn pause_all(&self, spent: &mut Spent) {
        for ((org, agent), (actor, reason)) in spent.0.drain() {
            let mut looks = 0;
            while let Err(error) = self.pause_once(&actor, agent, &reason).await {
                tracing::warn!(%error, %agent, "an agent that spent its budget is not paused yet");
                looks += u32::from(self.switches.get(org, agent).is_none());
                if looks == LOOKS {
                    break;
                }
                tokio::time::sleep(REST).await;
            }
        }
    }

    async fn pause_once(&self, actor: &Actor, agent: Uuid, reason: &str) -> Result<(), Error> {
        let switch = self
            .switches
            .get(actor.org, agent)
            .ok_or(Refusal::AgentNotFound)?;
        // Another replica was first, or the agent is gone.
        if switch.paused || switch.archived {
            return Ok(());
        }
        let turned = self.turn(actor, agent, true, reason).await;
        turned.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use writ_contract::{Audit, EventId, IncarnationId, Kind, OrgId, Packed, Record, Service};

    use super::*;

    const ORG: OrgId = OrgId(Uuid::from_u128(1));
    const AGENT: Uuid = Uuid::from_u128(2);
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn envelope<F: writ_contract::Fact>(verb: &str, fact: &F) -> Envelope {
        Envelope {
            event_id: EventId(Uuid::from_u128(3)),
            kind: Kind::of::<F>(verb),
            org: ORG,
            aggregate_id: String::new(),
            version: 1,
            occurred_at_us: 1,
            audit: Audit::default(),
            fact: fact.encode_to_vec(),
            traceparent: PARENT.to_owned(),
        }
    }

    fn delivered(content: Content) -> Delivered {
        Delivered {
            subject: String::new(),
            sequence: 1,
            message_id: String::new(),
            stored_at_us: 0,
            pending: 0,
            owner: Service::Enforcement,
            content,
        }
    }

    fn decision(exceeded: bool, pause_agent: bool) -> Delivered {
        let fact = wire::Decision {
            agent_id: AGENT.as_bytes().to_vec(),
            budget_marks: vec![wire::BudgetMark {
                policy_id: vec![4; 16],
                period: "2026-11".to_owned(),
                exceeded,
                pause_agent,
                ..wire::BudgetMark::default()
            }],
            ..wire::Decision::default()
        };
        let record = Record {
            org: ORG,
            event_id: EventId(Uuid::from_u128(3)),
            emitter_seq: 1,
            envelope: envelope("made", &fact).encode(),
        };
        delivered(Content::Packed(Packed {
            incarnation: IncarnationId(Uuid::nil()),
            service: "enforcement".to_owned(),
            records: vec![record],
            closes: false,
        }))
    }

    #[test]
    fn only_a_spent_budget_that_asks_for_it_pauses() {
        for (exceeded, pause_agent) in [(false, false), (true, false), (false, true)] {
            let mut spent = Spent::default();
            spent.read(&decision(exceeded, pause_agent));
            assert!(spent.0.is_empty());
        }
        let mut spent = Spent::default();
        spent.read(&decision(true, true));
        let (actor, reason) = &spent.0[&(ORG.0, AGENT)];
        assert_eq!(actor.traceparent, PARENT, "it belongs to the act's trace");
        assert!(reason.starts_with("the budget of 2026-11 is used up"));
    }

    #[test]
    fn a_kill_behind_the_decision_answers_it() {
        let mut spent = Spent::default();
        spent.read(&decision(true, true));
        let kill = wire::Kill {
            agent_id: AGENT.as_bytes().to_vec(),
            paused: false,
            ..wire::Kill::default()
        };
        spent.read(&delivered(Content::Fact(Box::new(envelope(
            "resumed", &kill,
        )))));
        assert!(spent.0.is_empty(), "somebody resumed it: once is enough");
    }
}

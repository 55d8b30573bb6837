//! That agents were heard of, on the log: one fact for each agent and period, never one for each
//! heartbeat.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use writ_contract::{AgentId, Envelope, wire};

use super::{Channel, Heard, Heartbeats};
use crate::metrics::PRESENCE_LOST;
use crate::write::{About, Actor};

const STORED_WITHIN: Duration = Duration::from_secs(5);
const AT_ONCE: usize = 64;
/// More wait only while the broker is away; then the oldest are given up, and those agents read
/// silent for that time.
const WAITING: usize = 100_000;

impl Channel {
    /// States what is due, and what could not be stated before; what cannot be stated now is left in
    /// `waiting`.
    pub(crate) async fn state_presence(
        &self,
        signs: &Heartbeats,
        (now, every): (DateTime<Utc>, TimeDelta),
        waiting: &mut Vec<Envelope>,
    ) {
        let due = signs.take_heard(now, every);
        waiting.extend(due.into_iter().map(|heard| self.heard(heard)));
        let stated = std::mem::take(waiting);
        let mut refused = stream::iter(stated)
            .map(|fact| async move {
                let subject = self.log.topology().presence(fact.org, &fact.aggregate_id);
                let stored = self.log.publish_fact(&subject, &fact, None, STORED_WITHIN);
                // The same event again is the same fact to the log and to the ledger.
                stored.await.err().map(|error| (fact, error))
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready);
        while let Some((fact, error)) = refused.next().await {
            if waiting.is_empty() {
                tracing::warn!(%error, "it is not on the log yet that agents were heard of");
            }
            waiting.push(fact);
        }
        let lost = waiting.len().saturating_sub(WAITING);
        waiting.drain(..lost);
        metrics::counter!(PRESENCE_LOST).increment(lost.try_into().unwrap_or(u64::MAX));
    }

    fn heard(&self, heard: Heard) -> Envelope {
        let switch = self.switches.get(heard.org, heard.agent);
        let fact = wire::Presence {
            agent_id: heard.agent.as_bytes().to_vec(),
            external_id: switch.map(|it| it.external_id).unwrap_or_default(),
            first_at_us: heard.first.timestamp_micros(),
            last_at_us: heard.last.timestamp_micros(),
            count: heard.count,
        };
        let id = AgentId(heard.agent).to_string();
        let about = About {
            id: &id,
            version: 0,
            verb: "heard",
            action: "agent.hear",
            reason_code: "",
        };
        self.writes
            .envelope(&Actor::system(heard.org), about, &fact)
    }
}

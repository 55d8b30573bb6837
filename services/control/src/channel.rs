//! The switch of every agent and the pauses above them: memory and NATS only, so it works while
//! Postgres is down.
//!
//! A pause is a fact on the gate; the gate's acknowledgement is its receipt. Memory is filled from
//! control's own facts and the gate, and every status poll is answered from it.

mod budgets;
mod follow;
mod heartbeats;
mod presence;
mod sockets;
mod switch;
mod watch;
mod wide;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;
use writ_contract::{Envelope, OrgId, Shard, wire};
use writ_eventlog::{EventLog, Expect, Fences, PublishError};

pub use heartbeats::{Heard, Heartbeats};
pub use sockets::Sockets;
pub use switch::{Change, Changes, Found, Switch, Switches};
pub use watch::{Snapshot, WATCHED_FOR, Watched, held};
pub use wide::{Ended, NewPause};

use crate::error::{Error, Refusal};
use crate::metrics::SWITCH_SECONDS;
use crate::write::{About, Actor, Writes};

/// How long the gate may take to acknowledge a pause.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(2);
/// How long to wait for the kill that came in between, before deciding again.
const OVERTAKEN_WITHIN: Duration = Duration::from_millis(500);
const TRIES: usize = 5;
const REASON: usize = 500;

/// A kill that is on the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Whose organisation.
    pub org: Uuid,
    /// Whose switch.
    pub agent: Uuid,
    /// Version of the switch.
    pub version: u64,
    /// On or off.
    pub paused: bool,
    /// The operator's words.
    pub reason: String,
}

/// What is on the gate and has to be written down.
#[derive(Debug, Clone)]
pub enum Turned {
    /// An agent's switch, and who writes it into the row.
    Kill(Kill, Box<Actor>),
    /// A wider pause that was made or ended.
    Pause(Box<Envelope>),
}

/// What the gate acknowledged: from this sequence on no ALLOW can predate the pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Sequence in the gate's stream.
    pub sequence: u64,
    /// When the acknowledgement arrived here.
    pub acknowledged_at: DateTime<Utc>,
}

/// The switches, their log, and the way to hear of kills.
#[derive(Debug, Clone)]
pub struct Channel {
    log: EventLog,
    writes: Writes,
    switches: Arc<Switches>,
    fences: Arc<Fences>,
    again: Arc<Notify>,
    turned: mpsc::UnboundedSender<Turned>,
}

impl Channel {
    /// A channel with empty memory, and what its row-keeper has to see to. Nothing is read
    /// before [`Channel::follow_agents`] and [`Channel::follow_kills`] run.
    #[must_use]
    pub fn new(log: EventLog, writes: Writes) -> (Self, mpsc::UnboundedReceiver<Turned>) {
        let (turned, receiver) = mpsc::unbounded_channel();
        let channel = Self {
            log,
            writes,
            switches: Arc::default(),
            fences: Arc::default(),
            again: Arc::default(),
            turned,
        };
        (channel, receiver)
    }

    /// The switches as they are known here.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// A new id.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        self.writes.new_id()
    }

    /// Takes over an agent's row right after it was written, before its fact comes back.
    pub fn observe(&self, org: Uuid, version: u64, agent: &wire::Agent) {
        self.switches.apply_agent(org, version, agent);
    }

    /// Turns an agent's switch. When this returns the kill is on the gate: every ALLOW recorded
    /// from now on was evaluated under it.
    ///
    /// # Errors
    /// [`Refusal::Contended`], or the log's trouble; after [`PublishError::Unknown`] the switch may
    /// have been turned.
    pub async fn turn(
        &self,
        actor: &Actor,
        agent: Uuid,
        paused: bool,
        reason: &str,
    ) -> Result<(Switch, Receipt), Error> {
        let draft = || {
            let switch = self.switches.get(actor.org, agent);
            let switch = switch.ok_or(Refusal::AgentNotFound)?;
            let kill = next_kill(actor.org, &switch, paused, reason);
            Ok(self.envelope(actor, &switch, &kill))
        };
        let (_, receipt) = self.append(actor.org, draft).await?;
        let switch = self.switches.get(actor.org, agent);
        Ok((switch.ok_or(Refusal::AgentNotFound)?, receipt))
    }

    /// Appends to the gate what `draft` makes of memory, and takes it over. What came in between
    /// refuses the append; it is then drafted again.
    async fn append(
        &self,
        org: Uuid,
        draft: impl Fn() -> Result<Envelope, Error>,
    ) -> Result<(Envelope, Receipt), Error> {
        let shard = Shard::of(OrgId(org));
        let subject = self.log.topology().kill(shard);
        let started = std::time::Instant::now();
        for _ in 0..TRIES {
            let (sequence, envelope) = fenced(&self.fences, shard, &draft);
            let envelope = envelope?;
            let expect = Expect {
                subject: subject.clone(),
                sequence,
            };
            let published = self
                .log
                .publish_fact(&subject, &envelope, Some(&expect), ACKNOWLEDGED_WITHIN)
                .await;
            match published {
                Ok(stored) => {
                    let receipt = Receipt {
                        sequence: stored.sequence,
                        acknowledged_at: self.writes.clock().now(),
                    };
                    self.apply(&envelope, receipt);
                    self.fences.applied(shard, stored.sequence);
                    metrics::histogram!(SWITCH_SECONDS).record(started.elapsed());
                    return Ok((envelope, receipt));
                }
                Err(PublishError::Conflict) => self.catch_up(shard, sequence).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Contended.into())
    }

    /// Another kill came first: wait until it is applied here. When none arrives, memory of the
    /// gate is wrong (its last kill has aged out, or the stream was replaced): read it anew.
    async fn catch_up(&self, shard: Shard, sequence: u64) {
        if !self.fences.passed(shard, sequence, OVERTAKEN_WITHIN).await {
            self.again.notify_one();
            tokio::time::sleep(OVERTAKEN_WITHIN).await;
        }
    }

    fn envelope(&self, actor: &Actor, switch: &Switch, kill: &Kill) -> Envelope {
        let fact = wire::Kill {
            agent_id: kill.agent.as_bytes().to_vec(),
            external_id: switch.external_id.clone(),
            environment: switch.environment.clone(),
            paused: kill.paused,
            reason: kill.reason.clone(),
        };
        let (verb, action, reason_code) = if kill.paused {
            ("paused", "agent.pause", "AGENT_PAUSED")
        } else {
            ("resumed", "agent.resume", "AGENT_RESUMED")
        };
        let id = kill.agent.to_string();
        let about = About {
            id: &id,
            version: kill.version,
            verb,
            action,
            reason_code,
        };
        self.writes.envelope(actor, about, &fact)
    }
}

/// The fence, then the state. In the other order a kill applied in between would give its number
/// away once more under a fence that lets it pass, and every reader would ignore the second one.
fn fenced<T>(fences: &Fences, shard: Shard, state: impl FnOnce() -> T) -> (u64, T) {
    let sequence = fences.current(shard);
    (sequence, state())
}

fn next_kill(org: Uuid, switch: &Switch, paused: bool, reason: &str) -> Kill {
    Kill {
        org,
        agent: switch.agent,
        version: switch.kill_version + 1,
        paused,
        reason: if paused {
            reason.chars().take(REASON).collect()
        } else {
            String::new()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_applied_meanwhile_never_gets_its_number_again_under_its_own_fence() {
        const KILLS: u64 = 100_000;
        let (org, agent) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (fences, switches) = (Fences::default(), Switches::default());
        let known = Switch::unknown(agent, "a", "production");
        switches.apply_kill(&next_kill(org, &known, true, ""), &known);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                // As the reader of the gate does: the state first, then the fence.
                for version in 1..=KILLS {
                    let before = Switch {
                        kill_version: version,
                        ..known.clone()
                    };
                    switches.apply_kill(&next_kill(org, &before, true, ""), &known);
                    fences.applied(Shard::of(OrgId(org)), version + 1);
                }
            });
            let mut sequence = 0;
            while sequence <= KILLS {
                let shard = Shard::of(OrgId(org));
                let (fence, switch) = fenced(&fences, shard, || switches.get(org, agent));
                assert!(switch.unwrap().kill_version >= fence);
                sequence = fence;
            }
        });
    }
}

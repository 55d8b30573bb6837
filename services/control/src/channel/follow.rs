//! Keeping memory up to date from the log.

use uuid::Uuid;
use writ_contract::topology::GateLeaf;
use writ_contract::{Envelope, OrgId, Shard, Stream, wire};
use writ_eventlog::{Content, ReaderError, Start};
use writ_service_kit::Requirement;

use super::switch::Switch;
use super::{Channel, Kill};

impl Channel {
    /// Reads the agents, then follows them; returns only with trouble.
    ///
    /// # Errors
    /// The log's; start it again.
    pub async fn follow_agents(self, ready: Requirement) -> Result<(), ReaderError> {
        let filters = vec![self.log.topology().facts::<wire::Agent>()];
        let mut reader = self
            .log
            .read(Stream::Control, filters, Start::LastPerSubject)
            .await?;
        loop {
            if reader.behind() == 0 {
                ready.met();
            }
            let Some(delivered) = reader.advance().await? else {
                continue;
            };
            let Content::Fact(envelope) = delivered.content else {
                continue;
            };
            match envelope.open::<wire::Agent>() {
                Ok(agent) => self
                    .switches
                    .apply_agent(envelope.org.0, envelope.version, &agent),
                Err(error) => tracing::error!(%error, "unreadable agent fact"),
            }
        }
    }

    /// Reads the kills the gate still has, then follows them; returns with trouble, or when the
    /// gate has to be read anew.
    ///
    /// # Errors
    /// The log's; start it again.
    pub async fn follow_kills(self, ready: Requirement) -> Result<(), ReaderError> {
        self.fences.reset();
        let filters = vec![self.log.topology().gate(GateLeaf::Kill)];
        let mut reader = self.log.read(Stream::Gate, filters, Start::First).await?;
        loop {
            if reader.behind() == 0 {
                ready.met();
            }
            let delivered = tokio::select! {
                delivered = reader.advance() => delivered?,
                () = self.again.notified() => return Ok(()),
            };
            let Some(delivered) = delivered else {
                continue;
            };
            let Content::Fact(envelope) = delivered.content else {
                continue;
            };
            self.hear(&envelope);
            self.fences
                .applied(Shard::of(OrgId(envelope.org.0)), delivered.sequence);
        }
    }

    /// Applies a kill, and hands it to the row-keeper when the row does not have it.
    fn hear(&self, envelope: &Envelope) {
        let Ok(fact) = envelope.open::<wire::Kill>() else {
            tracing::error!(kind = %envelope.kind, "unreadable kill");
            return;
        };
        let Ok(agent) = Uuid::from_slice(&fact.agent_id) else {
            return;
        };
        let known = Switch::unknown(agent, &fact.external_id, &fact.environment);
        let kill = Kill {
            org: envelope.org.0,
            agent,
            version: envelope.version,
            paused: fact.paused,
            reason: fact.reason,
        };
        let switch = self.switches.apply_kill(&kill, &known);
        if switch.row_kill_version < kill.version {
            // The row-keeper lives as long as the service.
            drop(self.kills.send(kill));
        }
    }
}

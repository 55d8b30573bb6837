//! Keeping memory up to date from the log.

use chrono::DateTime;
use uuid::Uuid;
use writ_contract::topology::GateLeaf;
use writ_contract::{Envelope, Fact as _, OrgId, Pause, Shard, Stream, Unreadable, wire};
use writ_eventlog::{Content, ReaderError, Start};
use writ_service_kit::Requirement;

use super::switch::Switch;
use super::{Channel, Kill, Receipt, Turned};
use crate::write::Actor;

impl Channel {
    /// Reads the agents and lasting pauses, then follows them; returns only with trouble.
    ///
    /// # Errors
    /// The log's; start it again.
    pub async fn follow_agents(self, ready: Requirement) -> Result<(), ReaderError> {
        let topology = self.log.topology();
        let filters = vec![
            topology.facts::<wire::Agent>(),
            topology.facts::<wire::Pause>(),
        ];
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
            let applied = match envelope.kind.aggregate() {
                wire::Pause::AGGREGATE => self.kept(&envelope),
                _ => envelope.open::<wire::Agent>().map(|agent| {
                    self.switches
                        .apply_agent(envelope.org.0, envelope.version, &agent);
                }),
            };
            if let Err(error) = applied {
                tracing::error!(%error, kind = %envelope.kind, "unreadable fact");
            }
        }
    }

    /// Takes over what control's own facts have of a wider pause.
    fn kept(&self, envelope: &Envelope) -> Result<(), Unreadable> {
        let (id, _) = Pause::read(envelope.open::<wire::Pause>()?)?;
        self.switches.apply_pause(envelope, None)?;
        self.switches.keep(envelope.org.0, id, envelope.version);
        Ok(())
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
            let acknowledged_at = DateTime::from_timestamp_micros(delivered.stored_at_us);
            let receipt = Receipt {
                sequence: delivered.sequence,
                acknowledged_at: acknowledged_at.unwrap_or_default(),
            };
            if let Some(turned) = self.apply(&envelope, receipt) {
                // The row-keeper lives as long as the service.
                drop(self.turned.send(turned));
            }
            self.fences
                .applied(Shard::of(OrgId(envelope.org.0)), delivered.sequence);
        }
    }

    /// Applies what is on the gate; returns what is not written down yet.
    pub(super) fn apply(&self, envelope: &Envelope, receipt: Receipt) -> Option<Turned> {
        let applied = match envelope.kind.aggregate() {
            wire::Pause::AGGREGATE => self.apply_pause(envelope, receipt),
            _ => self.apply_kill(envelope),
        };
        applied.unwrap_or_else(|error| {
            tracing::error!(%error, kind = %envelope.kind, "unreadable kill");
            None
        })
    }

    fn apply_kill(&self, envelope: &Envelope) -> Result<Option<Turned>, Unreadable> {
        let fact = envelope.open::<wire::Kill>()?;
        let Ok(agent) = Uuid::from_slice(&fact.agent_id) else {
            return Ok(None);
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
        let later = switch.row_kill_version < kill.version;
        Ok(later.then(|| Turned::Kill(kill, Actor::after(envelope).into())))
    }

    fn apply_pause(
        &self,
        envelope: &Envelope,
        receipt: Receipt,
    ) -> Result<Option<Turned>, Unreadable> {
        let (id, _) = Pause::read(envelope.open::<wire::Pause>()?)?;
        self.switches.apply_pause(envelope, Some(receipt))?;
        let kept = self.switches.kept(envelope.org.0, id);
        Ok((kept < envelope.version).then(|| Turned::Pause(Box::new(envelope.clone()))))
    }
}

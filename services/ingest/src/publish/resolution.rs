//! What became of an act. The fact holds ids and words of a list; what somebody wrote beside it stays
//! in the table, where it can be erased.

use writ_contract::{AgentId, Audit, Fact as _, wire};
use writ_eventlog::PublishError;

use super::{Facts, derived_id, envelope};
use crate::domain::Resolution;
use crate::intake::Source;

impl Facts {
    /// States a resolution; returned = stored.
    ///
    /// # Errors
    /// [`PublishError`]; the same one again states the same fact.
    pub(crate) async fn resolved(
        &self,
        source: &Source,
        agent: Option<AgentId>,
        resolution: &Resolution,
    ) -> Result<(), PublishError> {
        let (org, key) = (source.org, resolution.id.to_string());
        let fact = wire::Resolution {
            resolution_id: resolution.id.to_bytes(),
            trace_id: resolution.trace_id.clone(),
            external_agent_id: resolution.agent_id.clone(),
            agent_id: agent.map(AgentId::to_bytes).unwrap_or_default(),
            environment: resolution.environment.clone(),
            resolved_status: resolution.resolved_status.clone(),
            basis: resolution.basis.clone(),
            observed_at_us: resolution.observed_ms().saturating_mul(1000),
            key_id: source.key(),
        };
        let event_id = derived_id(&[wire::Resolution::AGGREGATE.as_bytes(), key.as_bytes()]);
        let mut stated = envelope(self.clock.as_ref(), event_id, org, &key, "recorded", &fact);
        stated.traceparent.clone_from(&source.traceparent);
        stated.audit = Audit {
            actor: source.actor(),
            action: "trace.resolve".to_owned(),
            target: format!("trace:{}", resolution.trace_id),
            on_behalf_of: source.person(),
            outcome: "succeeded".to_owned(),
            reason_code: format!(
                "RESOLVED_{}",
                resolution.resolved_status.to_ascii_uppercase()
            ),
        };
        let subject = self.log.topology().fact::<wire::Resolution>(org, &key);
        let stored = self.log.publish_fact(&subject, &stated, None, self.within);
        stored.await.map(drop)
    }
}

//! What clients did without a decision, one fact for each window and each loss. The fact's id follows
//! from the client's: the log and the ledger take a repeat for what it is.

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use uuid::Uuid;
use writ_contract::{Audit, Fact, wire};
use writ_eventlog::PublishError;

use super::{AT_ONCE, Facts, derived_id, envelope};
use crate::domain::{Agent, Bypass, Dropped, Report};
use crate::intake::Source;

const BYPASSED: &str = "enforcement.bypassed";
const VERB: &str = "reported";

impl Facts {
    /// States everything a report holds; returned = stored. `agent` finds the registered agent of a
    /// name.
    ///
    /// # Errors
    /// [`PublishError`]; the same report again states the same facts.
    pub(crate) async fn bypassed(
        &self,
        source: &Source,
        report: &Report,
        agent: impl Fn(&str) -> Option<Agent>,
    ) -> Result<(), PublishError> {
        let windows = report.windows.iter().map(|window| {
            let fact = window_fact(source, window, agent(&window.agent_id));
            let target = format!("agent:{}", window.agent_id);
            let reason = window.reason.to_ascii_uppercase();
            self.bypass(source, window.id, fact, target, reason).boxed()
        });
        let windows: Vec<_> = windows.collect();
        let stored = futures::stream::iter(windows).buffer_unordered(AT_ONCE);
        stored.try_collect::<()>().await?;
        match &report.dropped {
            Some(dropped) => {
                let target = format!("{}:{}", wire::BypassDrop::AGGREGATE, dropped.id);
                let fact = drop_fact(source, dropped);
                self.bypass(
                    source,
                    dropped.id,
                    fact,
                    target,
                    "REPORTS_DROPPED".to_owned(),
                )
                .await
            }
            None => Ok(()),
        }
    }

    async fn bypass<F: Fact>(
        &self,
        source: &Source,
        id: Uuid,
        fact: F,
        target: String,
        reason_code: String,
    ) -> Result<(), PublishError> {
        let (org, key) = (source.org, id.to_string());
        let event_id = derived_id(&[F::AGGREGATE.as_bytes(), org.0.as_bytes(), id.as_bytes()]);
        let mut stated = envelope(self.clock.as_ref(), event_id, org, &key, VERB, &fact);
        stated.traceparent.clone_from(&source.traceparent);
        stated.audit = Audit {
            actor: source.actor(),
            action: BYPASSED.to_owned(),
            target,
            on_behalf_of: source.person(),
            outcome: "allowed".to_owned(),
            reason_code,
        };
        let subject = self.log.topology().fact::<F>(org, &key);
        let stored = self.log.publish_fact(&subject, &stated, None, self.within);
        stored.await.map(drop)
    }
}

fn window_fact(source: &Source, window: &Bypass, agent: Option<Agent>) -> wire::BypassWindow {
    wire::BypassWindow {
        window_id: window.id.as_bytes().to_vec(),
        external_agent_id: window.agent_id.clone(),
        agent_id: agent.map(|agent| agent.id.to_bytes()).unwrap_or_default(),
        reason: window.reason.to_owned(),
        source: window.source.to_owned(),
        first_at_us: window.first_us,
        last_at_us: window.last_us,
        count: window.count,
        status: window.status,
        consecutive_failures: window.consecutive_failures,
        key_id: source.key(),
    }
}

fn drop_fact(source: &Source, dropped: &Dropped) -> wire::BypassDrop {
    wire::BypassDrop {
        drop_id: dropped.id.as_bytes().to_vec(),
        windows: dropped.windows,
        bypasses: dropped.bypasses,
        since_us: dropped.since_us,
        key_id: source.key(),
    }
}

//! Recording decisions: on the gate, or on disk until it answers.

use writ_contract::{AgentId, ApprovalId, BodyId, EventId, OrgId, wire};
use writ_eventlog::{AppendError, Draft, StoredBody};

use super::{Attempt, Enforcer, given};
use crate::metrics;
use crate::record::{self, Parts};
use crate::spool::Kept;

impl Enforcer {
    /// Keeps a denial on disk until the log takes it.
    pub(super) async fn keep(&self, attempt: &Attempt<'_>, envelope: Vec<u8>) {
        let org = OrgId(attempt.caller.org_id());
        let kept = Kept {
            org,
            event_id: EventId(attempt.id.0),
            envelope,
        };
        let spool = self.spool.clone();
        match tokio::task::spawn_blocking(move || spool.keep(&kept)).await {
            Ok(Ok(())) => metrics::count(metrics::SPOOLED),
            Ok(Err(error)) => {
                metrics::count(metrics::LOST);
                tracing::error!(%error, decision = %attempt.id, "denial could not be kept");
            }
            Err(error) => tracing::error!(%error, "denial could not be kept"),
        }
    }

    /// Records a decision; what it had reserved is given back when it could not be.
    pub(super) async fn record_or_void(
        &self,
        attempt: &mut Attempt<'_>,
        approval: Option<ApprovalId>,
        body: Option<wire::BodyRef>,
    ) -> Result<(), AppendError> {
        let envelope = self.envelope(attempt, approval, body);
        let recorded = self.append(attempt, envelope).await;
        if recorded.is_err() {
            attempt
                .reserved
                .void(&self.log, OrgId(attempt.caller.org_id()))
                .await;
        }
        recorded
    }

    /// Appends to the gate, unless a pause came in between.
    pub(super) async fn append(
        &self,
        attempt: &Attempt<'_>,
        envelope: Vec<u8>,
    ) -> Result<(), AppendError> {
        let draft = Draft {
            org: OrgId(attempt.caller.org_id()),
            event_id: EventId(attempt.id.0),
            envelope,
            kill_seq: attempt.kill_seq,
        };
        let append = tokio::time::timeout(self.record_within, self.lanes.append(draft));
        append
            .await
            .unwrap_or(Err(AppendError::Unavailable))
            .map(drop)
    }

    /// Stores what an approver will read.
    pub(super) async fn put_context(
        &self,
        org: OrgId,
        attempt: &Attempt<'_>,
    ) -> Result<wire::BodyRef, AppendError> {
        let context = String::from_utf8_lossy(&attempt.ask.context);
        let violations = serde_json::to_string(&given(attempt).violations).unwrap_or_default();
        let content = format!(r#"{{"actionContext":{context},"violations":{violations}}}"#);
        let body = StoredBody {
            media_type: "application/json".to_owned(),
            content: content.into_bytes(),
        };
        let key = self.digest_key.for_org(org);
        let id = BodyId(self.new_id());
        let stored = self
            .log
            .put_body(org, id, &key, body, self.record_within)
            .await;
        stored.map_err(|error| {
            tracing::warn!(%error, "a held action's context could not be stored");
            AppendError::Unavailable
        })
    }

    /// The decision as the gate takes it.
    pub(super) fn envelope(
        &self,
        attempt: &Attempt<'_>,
        approval: Option<ApprovalId>,
        body: Option<wire::BodyRef>,
    ) -> Vec<u8> {
        let agent = attempt.snapshot.agent.as_ref().map(|known| &known.agent);
        record::envelope(Parts {
            id: attempt.id,
            caller: attempt.caller,
            ask: attempt.ask,
            agent: agent.map(|a| AgentId(a.id)).filter(|id| !id.0.is_nil()),
            external_id: agent.map(|a| a.external_id.as_str()),
            callee: attempt.callee.as_ref().map(|it| AgentId(it.agent.id)),
            verdict: &attempt.verdict,
            kill_seq: attempt.kill_seq,
            key: &self.digest_key.for_org(OrgId(attempt.caller.org_id())),
            approval,
            body,
            marks: attempt.reserved.marks.clone(),
            now_us: self.clock.now().timestamp_micros(),
            evaluation_us: attempt.evaluation_us,
        })
    }
}

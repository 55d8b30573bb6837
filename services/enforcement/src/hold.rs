//! Held decisions that wait for the approval service to take them. An id that was read from its
//! facts has a row: the fact is published after the row was committed.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::oneshot;
use writ_contract::{ApprovalId, DecisionId, wire};

/// Who waits for which decision.
#[derive(Debug, Default)]
pub struct Holds {
    waiting: Mutex<HashMap<DecisionId, oneshot::Sender<ApprovalId>>>,
}

/// A wait that was registered before the decision was recorded.
#[derive(Debug)]
pub struct Waiting<'a> {
    holds: &'a Holds,
    decision: DecisionId,
    taken: oneshot::Receiver<ApprovalId>,
}

impl Holds {
    /// Registers a wait. Do it before recording: the answer may come at once.
    pub fn expect(&self, decision: DecisionId) -> Waiting<'_> {
        let (tell, taken) = oneshot::channel();
        if let Ok(mut waiting) = self.waiting.lock() {
            waiting.insert(decision, tell);
        }
        Waiting {
            holds: self,
            decision,
            taken,
        }
    }

    /// Tells those who wait for a decision of this request, its own or a joined one.
    pub fn taken(&self, fact: &wire::Approval) {
        let (Ok(approval), Ok(mut waiting)) = (
            ApprovalId::from_bytes(&fact.approval_id),
            self.waiting.lock(),
        ) else {
            return;
        };
        let decisions = fact
            .decision_ids
            .iter()
            .filter_map(|id| DecisionId::from_bytes(id).ok());
        for tell in decisions.filter_map(|id| waiting.remove(&id)) {
            if tell.send(approval).is_err() {
                tracing::debug!(%approval, "nobody waits for this approval any more");
            }
        }
    }
}

impl Waiting<'_> {
    /// The request that took the decision; `None` when `within` passes first.
    pub async fn approval(mut self, within: Duration) -> Option<ApprovalId> {
        tokio::time::timeout(within, &mut self.taken)
            .await
            .ok()?
            .ok()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Ok(mut waiting) = self.holds.waiting.lock() {
            waiting.remove(&self.decision);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_joined_decision_gets_the_id_of_the_request_it_joined() {
        let holds = Holds::default();
        let [first, joined] = [1, 2].map(|n| DecisionId(Uuid::from_u128(n)));
        let approval = ApprovalId(Uuid::from_u128(3));
        let waiting = holds.expect(joined);
        holds.taken(&wire::Approval {
            approval_id: approval.to_bytes(),
            decision_ids: vec![first.to_bytes(), joined.to_bytes()],
            ..wire::Approval::default()
        });
        assert_eq!(
            waiting.approval(Duration::from_secs(1)).await,
            Some(approval)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_ends_leaves_nothing_behind() {
        let holds = Holds::default();
        let waiting = holds.expect(DecisionId(Uuid::from_u128(1)));
        assert_eq!(waiting.approval(Duration::from_secs(1)).await, None);
        assert!(holds.waiting.lock().unwrap().is_empty());
    }
}

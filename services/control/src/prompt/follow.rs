//! What became of requests for approval: a grant deploys what it was asked for.

use uuid::Uuid;
use writ_contract::{ApprovalId, OrgId, Stream, wire};
use writ_eventlog::{Content, Delivered, EventLog, ReaderError, Start};

use super::{Prompts, Status};
use crate::error::Error;
use crate::write::Actor;

/// Subjects of one look at what was decided while nobody listened.
const TOGETHER: usize = 64;

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log's trouble.
    #[error(transparent)]
    Log(#[from] ReaderError),
    /// The store's.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Prompts {
    /// Follows approvals; returns only with trouble.
    ///
    /// # Errors
    /// [`FollowError`]: start it again, nothing is missed.
    pub async fn follow(&self, log: &EventLog) -> Result<(), FollowError> {
        let filters = vec![log.topology().facts::<wire::Approval>()];
        let mut reader = log.read(Stream::Approval, filters, Start::New).await?;
        self.catch_up(log).await?;
        loop {
            let delivered = reader.next().await?;
            self.hear(&delivered).await?;
        }
    }

    /// Looks at the requests that are waited for, one by one.
    async fn catch_up(&self, log: &EventLog) -> Result<(), FollowError> {
        let waiting = self.all_waiting().await?;
        for some in waiting.chunks(TOGETHER) {
            let subject = |(org, approval): &(Uuid, Uuid)| {
                let id = ApprovalId(*approval).to_string();
                log.topology().fact::<wire::Approval>(OrgId(*org), &id)
            };
            let filters = some.iter().map(subject).collect();
            let mut reader = log
                .read(Stream::Approval, filters, Start::LastPerSubject)
                .await?;
            while reader.behind() > 0 {
                if let Some(delivered) = reader.advance().await? {
                    self.hear(&delivered).await?;
                }
            }
        }
        Ok(())
    }

    async fn hear(&self, delivered: &Delivered) -> Result<(), FollowError> {
        let Content::Fact(envelope) = &delivered.content else {
            return Ok(());
        };
        let Ok(fact) = envelope.open::<wire::Approval>() else {
            tracing::error!(org = %envelope.org, "unreadable approval: what waits for it goes on waiting");
            return Ok(());
        };
        // An act that was held has decisions; a prompt has none.
        let Ok(id) = ApprovalId::from_bytes(&fact.approval_id) else {
            return Ok(());
        };
        let ended = match fact.status.as_str() {
            _ if !fact.decision_ids.is_empty() => None,
            "approved" | "consumed" => Some(Status::Approved),
            "denied" => Some(Status::Denied),
            "expired" => Some(Status::Expired),
            "cancelled" => Some(Status::Cancelled),
            _ => None,
        };
        if let Some(status) = ended {
            self.settle(&Actor::after(envelope), id, status).await?;
        }
        Ok(())
    }
}

//! What the services say that hold something about data subjects: that it is gone.

use uuid::Uuid;
use writ_contract::{Fact, OrgId, PrivacyRequestId, Stream, wire};
use writ_eventlog::{Content, Delivered, EventLog, ReaderError, Start};

use super::{Privacy, store};
use crate::error::Error;
use crate::write::Actor;

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

impl Privacy {
    /// Follows what ingest erased; returns only with trouble.
    ///
    /// # Errors
    /// [`FollowError`]: start it again, nothing is missed.
    pub async fn follow_ingest(&self, log: &EventLog) -> Result<(), FollowError> {
        self.follow::<wire::Erasure>(log, Stream::Ingest, |fact| fact.request_id)
            .await
    }

    /// Follows what approval erased; returns only with trouble.
    ///
    /// # Errors
    /// As for [`Privacy::follow_ingest`].
    pub async fn follow_cards(&self, log: &EventLog) -> Result<(), FollowError> {
        self.follow::<wire::CardErasure>(log, Stream::Approval, |fact| fact.request_id)
            .await
    }

    async fn follow<F: Fact>(
        &self,
        log: &EventLog,
        stream: Stream,
        request: fn(F) -> Vec<u8>,
    ) -> Result<(), FollowError> {
        let filters = vec![log.topology().facts::<F>()];
        let mut reader = log.read(stream, filters, Start::New).await?;
        for (org, id) in self.erasing().await? {
            let key = PrivacyRequestId(id).to_string();
            let filters = vec![log.topology().fact::<F>(OrgId(org), &key)];
            let mut said = log.read(stream, filters, Start::LastPerSubject).await?;
            while said.behind() > 0 {
                if let Some(delivered) = said.advance().await? {
                    self.hear(&delivered, request).await?;
                }
            }
        }
        loop {
            let delivered = reader.next().await?;
            self.hear(&delivered, request).await?;
        }
    }

    async fn erasing(&self) -> Result<Vec<(Uuid, Uuid)>, Error> {
        let mut tx = self.writes.pools().writer.begin().await?;
        Ok(store::erasing(&mut tx).await?)
    }

    async fn hear<F: Fact>(
        &self,
        delivered: &Delivered,
        request: fn(F) -> Vec<u8>,
    ) -> Result<(), FollowError> {
        let Content::Fact(envelope) = &delivered.content else {
            return Ok(());
        };
        let id = envelope.open::<F>().ok();
        let id = id.and_then(|fact| PrivacyRequestId::from_bytes(&request(fact)).ok());
        match id {
            Some(id) => {
                let who = F::OWNER.name();
                self.erased_by(&Actor::after(envelope), id.0, who).await?;
            }
            None => {
                tracing::error!(org = %envelope.org, "unreadable erasure: what waits for it goes on waiting")
            }
        }
        Ok(())
    }
}

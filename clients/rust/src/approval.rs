//! Waiting for a human.

use std::time::Duration;

use crate::proto::approval_service_client::ApprovalServiceClient;
use crate::proto::{
    Approval, ApprovalStatus, VerifyApprovalRequest, WatchApprovalRequest, WatchApprovalResponse,
};
use crate::{Client, Error, Held};

impl Client {
    /// Waits until a human has decided about a held act, and redeems the approval: `true` once and
    /// for this act only. Refused, expired, or not decided `within` that time is `false`.
    ///
    /// # Errors
    /// [`Error::Call`] when Writ cannot be asked; the act is not approved then.
    pub async fn approved(&self, held: &Held, within: Duration) -> Result<bool, Error> {
        let decided = match tokio::time::timeout(within, self.decided(held)).await {
            Ok(decided) => decided?,
            Err(_) => return Ok(false),
        };
        let Some(approval) = decided else {
            return Ok(false);
        };
        let mut call = self.call(VerifyApprovalRequest {
            id: held.approval_id.clone(),
            action_context_json: approval.action_context_json,
        });
        call.set_timeout(self.timeout);
        let mut client = ApprovalServiceClient::new(self.channel.clone());
        Ok(client.verify_approval(call).await?.into_inner().valid)
    }

    /// The request once it is granted; `None` when it never will be. A stream that breaks is opened
    /// again.
    async fn decided(&self, held: &Held) -> Result<Option<Approval>, Error> {
        let mut client = ApprovalServiceClient::new(self.channel.clone());
        loop {
            let id = held.approval_id.clone();
            let watch = self.call(WatchApprovalRequest { id });
            let mut changes = client.watch_approval(watch).await?.into_inner();
            while let Ok(Some(WatchApprovalResponse { approval })) = changes.message().await {
                let Some(approval) = approval else { continue };
                match approval.status() {
                    ApprovalStatus::Pending => {}
                    ApprovalStatus::Approved => return Ok(Some(approval)),
                    ApprovalStatus::Denied
                    | ApprovalStatus::Expired
                    | ApprovalStatus::Unspecified => return Ok(None),
                }
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

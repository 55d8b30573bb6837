//! The loops about data subjects.

use std::time::Duration;

use writ_eventlog::EventLog;
use writ_service_kit::Tasks;
use writ_service_kit::tasks::Backoff;

use super::Privacy;

const ENDS_LOOKED_AT: Duration = Duration::from_secs(60);

impl Privacy {
    /// Starts following those who erase, and telling of requests that are due.
    pub(crate) fn start(&self, log: &EventLog, tasks: &Tasks) {
        let (privacy, from) = (self.clone(), log.clone());
        tasks.supervise("erased traces", Backoff::default(), move || {
            let (privacy, log) = (privacy.clone(), from.clone());
            async move { privacy.follow_ingest(&log).await }
        });
        let (privacy, from) = (self.clone(), log.clone());
        tasks.supervise("erased cards", Backoff::default(), move || {
            let (privacy, log) = (privacy.clone(), from.clone());
            async move { privacy.follow_cards(&log).await }
        });
        let (privacy, cancel) = (self.clone(), tasks.cancel().clone());
        tasks.spawn("due requests", async move {
            loop {
                if let Err(error) = privacy.tell_due().await {
                    tracing::warn!(%error, "due privacy requests could not be looked at");
                }
                let rest = tokio::time::sleep(ENDS_LOOKED_AT);
                if cancel.run_until_cancelled(rest).await.is_none() {
                    return;
                }
            }
        });
    }
}

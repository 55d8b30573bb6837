//! Stating which agents' credentials somebody forged.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use writ_eventlog::EventLog;
use writ_service_kit::Clock;

use crate::intake::Intake;
use crate::publish::publish_forged;

/// How long forgeries are counted before they are stated.
const EVERY: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_secs(1);

/// States what was seen, again and again. The traces carry the mark all the same.
pub(crate) async fn run(
    log: &EventLog,
    intake: &Intake,
    clock: &dyn Clock,
    cancel: CancellationToken,
) {
    while cancel
        .run_until_cancelled(tokio::time::sleep(EVERY))
        .await
        .is_some()
    {
        for (forged, seen) in intake.forgeries() {
            while let Err(error) = publish_forged(log, clock, &forged, seen).await {
                tracing::warn!(%error, "a forged credential is not stated yet");
                let rest = tokio::time::sleep(RETRY);
                if cancel.run_until_cancelled(rest).await.is_none() {
                    return;
                }
            }
        }
    }
}

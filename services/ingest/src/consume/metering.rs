//! Publishing what agents did, window by window.

use std::collections::VecDeque;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use writ_contract::EventId;
use writ_eventlog::EventLog;
use writ_service_kit::Clock;
use writ_service_kit::ids::new_v7;

use crate::domain::{Sum, Window};
use crate::intake::Intake;
use crate::publish::publish_sum;

/// Publishes each window after it ended, and at the end what is open. What the log does not take
/// waits; a replica that is killed loses its open windows, the rows are in the table all the same.
pub(crate) async fn run(
    log: &EventLog,
    intake: &Intake,
    clock: &dyn Clock,
    cancel: CancellationToken,
) {
    let length_us = intake.meter(|meter| meter.length_us());
    let mut waiting = VecDeque::new();
    loop {
        let into_window = clock.now().timestamp_micros().rem_euclid(length_us);
        let left = u64::try_from(length_us - into_window).unwrap_or(1);
        let ended = cancel.run_until_cancelled(tokio::time::sleep(Duration::from_micros(left)));
        let stopping = ended.await.is_none();
        let now_us = clock.now().timestamp_micros();
        let windows = intake.meter(|meter| {
            if stopping {
                meter.take_all()
            } else {
                meter.take_ended(now_us)
            }
        });
        // A window that is tried again keeps its id.
        waiting.extend(
            windows
                .into_iter()
                .map(|window| (EventId(new_v7(clock)), window)),
        );
        publish(log, clock, &mut waiting, length_us).await;
        if stopping {
            return;
        }
    }
}

async fn publish(
    log: &EventLog,
    clock: &dyn Clock,
    waiting: &mut VecDeque<(EventId, (Window, Sum))>,
    length_us: i64,
) {
    while let Some((id, (window, sum))) = waiting.front() {
        if let Err(error) = publish_sum(log, clock, *id, (window, sum), length_us).await {
            tracing::warn!(%error, windows = waiting.len(), "sums not stored yet");
            return;
        }
        waiting.pop_front();
    }
}

//! Sending what the spool kept once the log is back.

use std::sync::Arc;
use std::time::Duration;

use writ_contract::Shard;
use writ_eventlog::{AppendError, Draft, EventLog, Fences, Lanes};

use crate::spool::{Kept, Spool};

const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(5);

/// Appends kept denials whenever the log is reachable, for ever.
///
/// # Errors
/// When the spool's files cannot be used.
pub async fn run(
    log: EventLog,
    lanes: Lanes,
    fences: Arc<Fences>,
    spool: Arc<Spool>,
) -> Result<(), std::io::Error> {
    loop {
        tokio::time::sleep(EVERY).await;
        if !log.connected() {
            continue;
        }
        let kept = spool.take()?;
        if kept.is_empty() {
            continue;
        }
        let count = kept.len();
        if send(&lanes, &fences, kept).await.is_ok() {
            spool.sent()?;
            tracing::info!(count, "kept denials recorded");
        }
    }
}

async fn send(lanes: &Lanes, fences: &Fences, kept: Vec<Kept>) -> Result<(), AppendError> {
    for one in kept {
        append(lanes, fences, one).await?;
    }
    Ok(())
}

/// A denial may follow any pause: it takes whatever fence holds now.
async fn append(lanes: &Lanes, fences: &Fences, kept: Kept) -> Result<(), AppendError> {
    loop {
        let draft = Draft {
            org: kept.org,
            event_id: kept.event_id,
            envelope: kept.envelope.clone(),
            kill_seq: fences.current(Shard::of(kept.org)),
        };
        let append = tokio::time::timeout(PATIENCE, lanes.append(draft)).await;
        match append.unwrap_or(Err(AppendError::Unavailable)) {
            Err(AppendError::Fenced) => tokio::time::sleep(Duration::from_millis(20)).await,
            other => return other.map(drop),
        }
    }
}

//! Counters of budgets and rates: one publish adds, and its acknowledgement is the total. Callers on
//! every replica share them, and a repeated id counts once.

use async_nats::HeaderMap;
use bytes::Bytes;
use writ_contract::OrgId;

use crate::log::EventLog;
use crate::publish::classify;

/// A counter that could not be read or moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("counter {subject}: {why}")]
pub struct CounterError {
    subject: String,
    why: String,
}

impl EventLog {
    /// Adds `delta` to the counter `key` of an organisation and returns the new total. `id` makes a
    /// retry count once. Returned = stored.
    ///
    /// # Errors
    /// [`CounterError`] when the total is not known; the increment may have counted.
    pub async fn count(
        &self,
        org: OrgId,
        key: &str,
        delta: i64,
        id: &str,
    ) -> Result<i64, CounterError> {
        let subject = self.topology.counter(org, key);
        let error = |why: String| CounterError {
            subject: subject.clone(),
            why,
        };
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Incr", format!("{delta:+}"));
        headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
        let sent = self
            .js
            .publish_with_headers(subject.clone(), headers, Bytes::new())
            .await;
        let ack = sent
            .map_err(|e| error(classify(&e).to_string()))?
            .await
            .map_err(|e| error(classify(&e).to_string()))?;
        let total = ack.value.and_then(|v| v.parse().ok());
        total.ok_or_else(|| error("the acknowledgement carries no total".into()))
    }
}

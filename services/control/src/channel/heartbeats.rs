//! Heartbeats, coalesced: many a second in memory, one statement every few seconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The last heartbeat of each agent since they were last taken.
#[derive(Debug, Default)]
pub struct Heartbeats(Mutex<HashMap<(Uuid, Uuid), DateTime<Utc>>>);

impl Heartbeats {
    /// An agent was heard of.
    pub fn beat(&self, org: Uuid, agent: Uuid, at: DateTime<Utc>) {
        let mut beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        beats.insert((org, agent), at);
    }

    /// Takes what has come in: organisation, agent, time.
    #[must_use]
    pub fn take(&self) -> Vec<(Uuid, Uuid, DateTime<Utc>)> {
        let mut beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        beats
            .drain()
            .map(|((org, agent), at)| (org, agent, at))
            .collect()
    }
}

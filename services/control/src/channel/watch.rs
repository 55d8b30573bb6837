//! An organisation's agents and pauses as a stream: what there is, then every change.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream};
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;
use writ_contract::Pause;

use super::{Changes, Channel, Switch};

/// How long one watch lasts. Its caller then asks again, and its key is checked again.
pub const WATCHED_FOR: Duration = Duration::from_secs(600);

/// What a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// Everything as it is now: at the start, and when changes were missed.
    Snapshot(Snapshot),
    /// What one cause has changed.
    Changed(Arc<Changes>),
}

/// Everything of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Every agent.
    pub agents: Vec<Switch>,
    /// Every wider pause that stands.
    pub pauses: Vec<Arc<Pause>>,
}

impl Channel {
    /// Watches an organisation; nothing that happens after the first item is left out.
    pub fn watch(&self, org: Uuid) -> impl Stream<Item = Watched> + Send + use<> {
        let switches = self.switches.clone();
        // Listening begins before the snapshot is taken.
        let changes = switches.changes();
        let snapshot = move || {
            let (agents, pauses) = switches.all(org);
            Watched::Snapshot(Snapshot { agents, pauses })
        };
        let watching = (snapshot, changes, true);
        stream::unfold(watching, move |(snapshot, mut changes, first)| async move {
            if first {
                return Some((snapshot(), (snapshot, changes, false)));
            }
            loop {
                let told = match changes.recv().await {
                    Ok(changed) if changed.org == org => Watched::Changed(changed),
                    Ok(_) => continue,
                    Err(RecvError::Lagged(_)) => snapshot(),
                    Err(RecvError::Closed) => return None,
                };
                return Some((told, (snapshot, changes, false)));
            }
        })
    }
}

//! An organisation's agents and pauses as a stream: what there is, then every change.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt as _};
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;
use writ_access::Caller;
use writ_contract::Pause;
use writ_service_kit::routes::Holder;

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

/// What a holder may see of a watch, for as long as its credential holds: agents in the environments
/// that are its own.
pub fn held(
    watched: impl Stream<Item = Watched> + Send,
    holder: Holder,
) -> impl Stream<Item = Watched> + Send {
    let checked = watched.then(move |watched| {
        let holder = holder.clone();
        async move { Some((holder.caller().await?, watched)) }
    });
    let known = checked.take_while(|found| std::future::ready(found.is_some()));
    known.filter_map(|found| {
        let seen = found.map(|(caller, watched)| watched.seen_by(&caller));
        std::future::ready(seen)
    })
}

impl Watched {
    fn seen_by(self, caller: &Caller) -> Self {
        let sees = |switch: &Switch| caller.allows_environment(&switch.environment);
        match self {
            Self::Snapshot(mut all) => {
                all.agents.retain(sees);
                Self::Snapshot(all)
            }
            Self::Changed(changes) if changes.agents.iter().all(|it| sees(&it.switch)) => {
                Self::Changed(changes)
            }
            Self::Changed(changes) => {
                let mut seen = Changes::clone(&changes);
                seen.agents.retain(|it| sees(&it.switch));
                Self::Changed(Arc::new(seen))
            }
        }
    }
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

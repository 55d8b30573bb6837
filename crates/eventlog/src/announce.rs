//! What each replica has applied, said on core NATS a few times a second and after each change, so
//! that `control` can answer a write once every replica that decides has read it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use writ_contract::Service;

use crate::log::EventLog;

const EVERY: Duration = Duration::from_millis(250);
const SEEN_WITHIN: Duration = Duration::from_secs(1);

/// What one replica has applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// Which replica.
    pub replica: Uuid,
    /// The last sequence of the control stream it has applied.
    pub control_seq: u64,
}

/// Says what this replica has applied.
#[derive(Debug, Clone)]
pub struct Announcer {
    log: EventLog,
    replica: Uuid,
    applied: watch::Sender<u64>,
}

impl Announcer {
    /// Announces for the replica with this id.
    #[must_use]
    pub fn new(log: EventLog, replica: Uuid) -> Self {
        Self {
            log,
            replica,
            applied: watch::Sender::new(0),
        }
    }

    /// The control stream has been applied up to `control_seq`.
    pub fn applied(&self, control_seq: u64) {
        self.applied.send_replace(control_seq);
    }

    /// Announces each change and at least four times a second, until `cancel`.
    pub async fn run(self, cancel: CancellationToken) {
        let subject = self.log.topology.announcements(self.log.service());
        let mut applied = self.applied.subscribe();
        while !cancel.is_cancelled() {
            let control_seq = *applied.borrow_and_update();
            let text = format!("{} {control_seq}", self.replica);
            if let Err(error) = self
                .log
                .client
                .publish(subject.clone(), Bytes::from(text))
                .await
            {
                tracing::debug!(%error, "not announced");
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                changed = applied.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}

/// Hears what the replicas of a service have applied.
#[derive(Debug, Default)]
pub struct Announcements {
    replicas: Mutex<HashMap<Uuid, (u64, Instant)>>,
    heard: Notify,
}

impl Announcements {
    /// Hears nothing before [`Announcements::run`].
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Listens to the replicas of `service` until `cancel`.
    pub async fn run(self: Arc<Self>, log: EventLog, service: Service, cancel: CancellationToken) {
        let subject = log.topology.announcements(service);
        while !cancel.is_cancelled() {
            let Ok(mut messages) = log.client.subscribe(subject.clone()).await else {
                tokio::time::sleep(EVERY).await;
                continue;
            };
            loop {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    message = messages.next() => match message {
                        Some(message) => self.hear(&message.payload),
                        None => break,
                    }
                }
            }
        }
    }

    /// Waits until every replica heard of in the last second has applied `control_seq`; `false`
    /// when `within` passes first.
    pub async fn all_applied(&self, control_seq: u64, within: Duration) -> bool {
        let reached = async {
            loop {
                let heard = self.heard.notified();
                if self.lagging(control_seq) == 0 {
                    return;
                }
                heard.await;
            }
        };
        tokio::time::timeout(within, reached).await.is_ok()
    }

    fn lagging(&self, control_seq: u64) -> usize {
        let Ok(mut replicas) = self.replicas.lock() else {
            return 0;
        };
        replicas.retain(|_, (_, at)| at.elapsed() < SEEN_WITHIN);
        replicas
            .values()
            .filter(|(applied, _)| *applied < control_seq)
            .count()
    }

    fn hear(&self, payload: &[u8]) {
        let Some(said) = parse(payload) else { return };
        if let Ok(mut replicas) = self.replicas.lock() {
            replicas.insert(said.replica, (said.control_seq, Instant::now()));
        }
        self.heard.notify_waiters();
    }
}

fn parse(payload: &[u8]) -> Option<Announcement> {
    let (replica, control_seq) = std::str::from_utf8(payload).ok()?.split_once(' ')?;
    Some(Announcement {
        replica: replica.parse().ok()?,
        control_seq: control_seq.parse().ok()?,
    })
}

//! Readiness: a service is ready while every requirement it named is met.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Stands for the requirements that will be named.
const NOT_STARTED: &str = "service";

type Unmet = BTreeMap<&'static str, String>;

/// The readiness of one service, shared by the loops that hold it up.
#[derive(Debug, Clone)]
pub struct ReadyLatch {
    name: &'static str,
    unmet: Arc<Mutex<Unmet>>,
    changed: watch::Sender<bool>,
}

/// One named condition of a latch.
#[derive(Debug, Clone)]
pub struct Requirement {
    what: &'static str,
    latch: ReadyLatch,
}

impl ReadyLatch {
    /// A latch that nobody holds up yet: it is not ready before its first requirement is named
    /// and every one is met.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        let unmet = Unmet::from([(NOT_STARTED, "not running".to_owned())]);
        Self {
            name,
            unmet: Arc::new(Mutex::new(unmet)),
            changed: watch::Sender::new(false),
        }
    }

    /// The service this latch speaks for.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Adds a condition, unmet with reason `starting` until its holder says otherwise.
    #[must_use]
    pub fn require(&self, what: &'static str) -> Requirement {
        let requirement = Requirement {
            what,
            latch: self.clone(),
        };
        self.update(|unmet| {
            unmet.remove(NOT_STARTED);
            unmet.insert(what, "starting".to_owned());
        });
        requirement
    }

    /// True when nothing is missing.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.changed.borrow()
    }

    /// What is missing: condition and reason.
    #[must_use]
    pub fn missing(&self) -> Vec<(&'static str, String)> {
        let unmet = self.unmet.lock().unwrap_or_else(PoisonError::into_inner);
        unmet
            .iter()
            .map(|(what, why)| (*what, why.clone()))
            .collect()
    }

    /// Returns once the service is ready.
    pub async fn wait(&self) {
        let mut changed = self.changed.subscribe();
        // The sender lives in `self`, so the channel cannot close while we wait.
        let _ready = changed.wait_for(|ready| *ready).await;
    }

    /// Follows the readiness.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.changed.subscribe()
    }

    fn update(&self, change: impl FnOnce(&mut Unmet)) {
        let mut unmet = self.unmet.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut unmet);
        self.changed.send_replace(unmet.is_empty());
    }
}

impl Requirement {
    /// The condition holds.
    pub fn met(&self) {
        self.latch.update(|unmet| drop(unmet.remove(self.what)));
    }

    /// The condition does not hold, and why.
    pub fn unmet(&self, why: impl Into<String>) {
        self.latch
            .update(|unmet| drop(unmet.insert(self.what, why.into())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_while_every_requirement_is_met() {
        let latch = ReadyLatch::new("x");
        assert!(!latch.is_ready(), "nobody holds it up yet");
        let (a, b) = (latch.require("a"), latch.require("b"));
        assert_eq!(latch.missing().len(), 2);
        a.met();
        assert!(!latch.is_ready());
        b.met();
        assert!(latch.is_ready());
        a.unmet("store is down");
        assert_eq!(latch.missing(), vec![("a", "store is down".to_owned())]);
    }
}

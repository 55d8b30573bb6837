//! Supervised tasks: the one place where a task is started, and where all of them are drained.

use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ready::Requirement;

/// How long a loop rests before it is started again.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Rest after the first failure.
    pub first: Duration,
    /// Longest rest.
    pub most: Duration,
    /// A run at least this long counts as healthy and starts the rests anew.
    pub healthy_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            most: Duration::from_secs(5),
            healthy_after: Duration::from_secs(10),
        }
    }
}

/// The tasks of one service; clones share them.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Tasks {
    /// Tasks that stop when `cancel` is cancelled.
    #[must_use]
    pub fn new(cancel: CancellationToken) -> Self {
        Self {
            tracker: TaskTracker::new(),
            cancel,
        }
    }

    /// The token every task should watch.
    #[must_use]
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Starts a task that is waited for when draining; a panic in it is logged and counted.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                metrics::counter!("writ_task_panics_total", "task" => name).increment(1);
                tracing::error!(task = name, "task panicked");
            }
        });
    }

    /// Meets `requirement` once `done` returns; cancelled, it waits no longer.
    pub fn meet<F>(&self, name: &'static str, requirement: Requirement, done: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let cancel = self.cancel.clone();
        self.spawn(name, async move {
            if cancel.run_until_cancelled(done).await.is_some() {
                requirement.met();
            }
        });
    }

    /// Runs a loop until cancelled: whenever it returns, fails or panics it is started again after
    /// a rest that doubles up to `backoff.most`.
    pub fn supervise<M, F, E>(&self, name: &'static str, backoff: Backoff, mut make: M)
    where
        M: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send,
    {
        let cancel = self.cancel.clone();
        self.spawn(name, async move {
            let mut rest = backoff.first;
            while !cancel.is_cancelled() {
                let started = tokio::time::Instant::now();
                let Some(ended) = cancel
                    .run_until_cancelled(AssertUnwindSafe(make()).catch_unwind())
                    .await
                else {
                    return;
                };
                report(name, ended);
                if started.elapsed() >= backoff.healthy_after {
                    rest = backoff.first;
                }
                if cancel
                    .run_until_cancelled(tokio::time::sleep(rest))
                    .await
                    .is_none()
                {
                    return;
                }
                rest = (rest * 2).min(backoff.most);
            }
        });
    }

    /// Cancels, then waits for every task; false when some were still running after `patience`.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.cancel.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait())
            .await
            .is_ok()
    }
}

fn report<E: Display>(name: &'static str, ended: std::thread::Result<Result<(), E>>) {
    metrics::counter!("writ_task_restarts_total", "task" => name).increment(1);
    match ended {
        Ok(Ok(())) => tracing::info!(task = name, "loop ended, starting it again"),
        Ok(Err(error)) => tracing::warn!(task = name, %error, "loop failed, starting it again"),
        Err(_) => tracing::error!(task = name, "loop panicked, starting it again"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::ready::ReadyLatch;

    #[tokio::test(start_paused = true)]
    async fn failing_and_panicking_loops_are_started_again_until_cancelled() {
        let tasks = Tasks::new(CancellationToken::new());
        let runs = Arc::new(AtomicU32::new(0));
        let seen = runs.clone();
        tasks.supervise("t", Backoff::default(), move || {
            let run = seen.fetch_add(1, Ordering::SeqCst);
            async move {
                assert_ne!(run, 1, "the second run panics");
                Err::<(), _>("no")
            }
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(runs.load(Ordering::SeqCst) >= 4);
        assert!(tasks.drain(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_requirement_is_met_when_its_time_comes_and_holds_up_no_end() {
        let tasks = Tasks::new(CancellationToken::new());
        let latch = ReadyLatch::new("s");
        tasks.meet("soon", latch.require("soon"), async {});
        latch.wait().await;
        tasks.meet("never", latch.require("never"), std::future::pending());
        assert!(tasks.drain(Duration::from_secs(1)).await);
        assert!(!latch.is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn drain_says_when_a_task_would_not_stop() {
        let tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("stuck", std::future::pending());
        assert!(!tasks.drain(Duration::from_secs(1)).await);
    }
}

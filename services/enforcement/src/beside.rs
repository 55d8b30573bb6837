//! Large requests are read and judged beside the others: on threads of their own and few at a time,
//! so that those that take microseconds never wait behind one that takes a second.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::domain::Refusal;

/// Bytes up to which a request is worked on where it arrived.
pub(crate) const LARGE: usize = 64 * 1024;
/// How long one may wait for its turn.
const TURN: Duration = Duration::from_secs(2);

/// The turns of large requests.
#[derive(Debug)]
pub(crate) struct Beside(Arc<Semaphore>);

impl Default for Beside {
    /// One turn fewer than there are cores, at least one.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))))
    }
}

impl Beside {
    /// Does a large request's work in its turn. Work whose caller went away keeps its turn to the
    /// end, so there are never more at a time.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when no turn came in time, or the work panicked: a refusal, because a client
    /// may go on by itself where there is no answer, and whoever asks can bring this about.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = tokio::time::timeout(TURN, self.0.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Refusal::Busy);
        };
        let working = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        working.await.map_err(|error| {
            tracing::error!(%error, "a large request could not be judged");
            Refusal::Busy
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_runs_off_the_thread_that_answers() {
        let here = std::thread::current().id();
        let there = Beside::default().run(|| std::thread::current().id()).await;
        assert_ne!(there.unwrap(), here);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_turn_is_told_so() {
        let beside = Beside(Arc::new(Semaphore::new(1)));
        let held = beside.0.clone().acquire_owned().await.unwrap();
        assert_eq!(beside.run(|| ()).await, Err(Refusal::Busy));
        drop(held);
        assert!(beside.run(|| ()).await.is_ok());
    }

    #[tokio::test]
    async fn a_panic_is_no_answer_and_gives_its_turn_back() {
        let beside = Beside(Arc::new(Semaphore::new(1)));
        let panicked: Result<(), Refusal> = beside.run(|| panic!("no")).await;
        assert_eq!(panicked, Err(Refusal::Busy));
        assert!(beside.run(|| ()).await.is_ok());
    }
}

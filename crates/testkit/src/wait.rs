//! Waiting for what will be true soon.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Asks `check` every 20 ms until it says `Ok`; its value is the result. Panics with `what` and
/// the last error when that takes longer than `within`.
pub async fn eventually<T, E, F, Fut>(within: Duration, what: &str, mut check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: Debug,
{
    let until = Instant::now() + within;
    loop {
        match check().await {
            Ok(value) => return value,
            Err(error) if Instant::now() >= until => {
                panic!("not within {within:?}: {what}; the last answer was {error:?}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn eventually_returns_the_first_success() {
        let mut calls = 0;
        let value = eventually(Duration::from_secs(5), "three calls", || {
            calls += 1;
            let answer = if calls == 3 {
                Ok(calls)
            } else {
                Err("too early")
            };
            async move { answer }
        })
        .await;
        assert_eq!(value, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "the moon falls")]
    async fn eventually_names_what_did_not_happen() {
        eventually(Duration::from_millis(30), "the moon falls", || async {
            Err::<(), _>("no")
        })
        .await;
    }
}

//! What follows from an attempt.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Rests after the first, second, … failed attempt, in seconds (Standard Webhooks, stretched).
const RESTS: [u64; 9] = [
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// How long an endpoint may fail without a single success before it is disabled.
pub const FAILING_AT_MOST: Duration = Duration::from_secs(120 * HOUR);

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempted {
    /// An answer with this status came.
    Answered(u16),
    /// No answer came.
    Failed,
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It arrived.
    Delivered,
    /// Try again after this rest.
    Retry(Duration),
    /// It will not be tried again.
    GiveUp,
    /// The endpoint says it is gone: disable it.
    Gone,
}

/// Decides after attempt `attempt` (from 1). `random` spreads retries by up to a fifth either way.
#[must_use]
pub fn after(attempted: Attempted, attempt: u32, random: u32) -> Next {
    match attempted {
        Attempted::Answered(200..=299) => Next::Delivered,
        Attempted::Answered(410) => Next::Gone,
        Attempted::Answered(_) | Attempted::Failed => {
            let rest = usize::try_from(attempt.saturating_sub(1))
                .ok()
                .and_then(|at| RESTS.get(at));
            rest.map_or(Next::GiveUp, |seconds| {
                Next::Retry(spread(*seconds, random))
            })
        }
    }
}

fn spread(seconds: u64, random: u32) -> Duration {
    let share = 0.8 + 0.4 * f64::from(random) / f64::from(u32::MAX);
    Duration::from_secs(seconds).mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_2xx_is_delivered_and_410_is_gone() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(after(Attempted::Answered(status), 1, 0), Next::Delivered);
        }
        assert_eq!(after(Attempted::Answered(410), 1, 0), Next::Gone);
    }

    #[test]
    fn redirects_refusals_errors_and_silence_are_tried_again() {
        let ends = [301, 400, 404, 429, 500, 503].map(Attempted::Answered);
        for attempted in ends.into_iter().chain([Attempted::Failed]) {
            assert!(
                matches!(after(attempted, 1, 0), Next::Retry(_)),
                "{attempted:?}"
            );
        }
    }

    #[test]
    fn ten_attempts_within_about_three_days() {
        let middle = u32::MAX / 2;
        let mut total = Duration::ZERO;
        for attempt in 1..=9 {
            let Next::Retry(rest) = after(Attempted::Failed, attempt, middle) else {
                panic!("{attempt}")
            };
            total += rest;
        }
        assert!(
            (75 * HOUR..77 * HOUR).contains(&total.as_secs()),
            "{total:?}"
        );
        assert_eq!(after(Attempted::Failed, 10, middle), Next::GiveUp);
        assert_eq!(after(Attempted::Failed, u32::MAX, middle), Next::GiveUp);
    }

    #[test]
    fn a_rest_is_spread_by_a_fifth_either_way() {
        assert_eq!(
            after(Attempted::Failed, 1, 0),
            Next::Retry(Duration::from_secs(4))
        );
        assert_eq!(
            after(Attempted::Failed, 1, u32::MAX),
            Next::Retry(Duration::from_secs(6))
        );
    }
}

//! Signs of life of agents, coalesced: many a second in memory, one statement every few seconds for
//! the rows, one fact for each agent and period for the log.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// An agent that gives no sign for longer is silent from the last one on. The SDK polls every 15
/// seconds; with several replicas each hears a part of that.
const SILENT_AFTER: TimeDelta = TimeDelta::seconds(120);

/// Whose agent, and which.
type Key = (Uuid, Uuid);

/// What agents were heard of since it was last taken.
#[derive(Debug, Default)]
pub struct Heartbeats(Mutex<Signs>);

#[derive(Debug, Default)]
struct Signs {
    /// The last heartbeats that are not in the rows yet.
    beats: HashMap<Key, DateTime<Utc>>,
    /// The agents that are not silent.
    heard: HashMap<Key, Span>,
    ended: Vec<Heard>,
}

/// Signs of life, none of them long after the one before.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    count: u64,
}

/// A time in which an agent was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Whose agent.
    pub org: Uuid,
    /// Which.
    pub agent: Uuid,
    /// Its first sign of life, or the last one of the time stated before.
    pub first: DateTime<Utc>,
    /// Its last.
    pub last: DateTime<Utc>,
    /// How many there were.
    pub count: u64,
}

impl Heartbeats {
    /// An agent sent a heartbeat.
    pub fn beat(&self, org: Uuid, agent: Uuid, at: DateTime<Utc>) {
        let mut signs = self.lock();
        signs.beats.insert((org, agent), at);
        signs.hear((org, agent), at);
    }

    /// An agent polled its status.
    pub fn polled(&self, org: Uuid, agent: Uuid, at: DateTime<Utc>) {
        self.lock().hear((org, agent), at);
    }

    /// Takes the heartbeats that have come in: organisation, agent, time.
    #[must_use]
    pub fn take(&self) -> Vec<(Uuid, Uuid, DateTime<Utc>)> {
        let beats = std::mem::take(&mut self.lock().beats);
        beats
            .into_iter()
            .map(|((org, agent), at)| (org, agent, at))
            .collect()
    }

    /// Takes the times that are to be stated: of agents that fell silent, and of those whose last
    /// statement is `every` ago. What follows begins where it ends.
    #[must_use]
    pub fn take_heard(&self, now: DateTime<Utc>, every: TimeDelta) -> Vec<Heard> {
        let mut signs = self.lock();
        let mut due = std::mem::take(&mut signs.ended);
        signs.heard.retain(|key, span| {
            let silent = now - span.last > SILENT_AFTER;
            if silent || span.last - span.first >= every {
                due.extend(span.stated(*key));
                *span = Span {
                    first: span.last,
                    last: span.last,
                    count: 0,
                };
            }
            !silent
        });
        due
    }

    fn lock(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signs {
    fn hear(&mut self, key: Key, at: DateTime<Utc>) {
        let begun = Span {
            first: at,
            last: at,
            count: 0,
        };
        let span = self.heard.entry(key).or_insert(begun);
        if at - span.last > SILENT_AFTER {
            self.ended.extend(span.stated(key));
            *span = begun;
        }
        span.last = span.last.max(at);
        span.count += 1;
    }
}

impl Span {
    fn stated(&self, (org, agent): Key) -> Option<Heard> {
        let Self { first, last, count } = *self;
        (count > 0).then_some(Heard {
            org,
            agent,
            first,
            last,
            count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = (Uuid::from_u128(1), Uuid::from_u128(2));
    const EVERY: TimeDelta = TimeDelta::seconds(300);

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    /// Seconds of the first and the last sign, and how many.
    fn heard(signs: &Heartbeats, now: i64) -> Vec<(i64, i64, u64)> {
        let heard = signs.take_heard(at(now), EVERY).into_iter();
        heard
            .map(|it| (it.first.timestamp(), it.last.timestamp(), it.count))
            .collect()
    }

    #[test]
    fn an_agent_that_polls_on_is_stated_once_a_period_without_a_gap() {
        let signs = Heartbeats::default();
        let mut stated = Vec::new();
        for second in (0..=900).step_by(15) {
            signs.polled(KEY.0, KEY.1, at(second));
            stated.extend(heard(&signs, second));
        }
        assert_eq!(stated, [(0, 300, 21), (300, 600, 20), (600, 900, 20)]);
    }

    #[test]
    fn silence_ends_a_time_and_is_in_none() {
        let signs = Heartbeats::default();
        for second in [0, 100, 400, 410] {
            signs.beat(KEY.0, KEY.1, at(second));
        }
        assert_eq!(heard(&signs, 411), [(0, 100, 2)]);
        assert_eq!(heard(&signs, 420), []);
        assert_eq!(heard(&signs, 531), [(400, 410, 2)]);
        assert_eq!(heard(&signs, 9_000), []);
        signs.polled(KEY.0, KEY.1, at(9_000));
        assert_eq!(heard(&signs, 9_200), [(9_000, 9_000, 1)]);
    }

    #[test]
    fn only_heartbeats_reach_the_rows() {
        let signs = Heartbeats::default();
        signs.polled(KEY.0, KEY.1, at(1));
        assert_eq!(signs.take(), []);
        signs.beat(KEY.0, KEY.1, at(2));
        assert_eq!(signs.take(), [(KEY.0, KEY.1, at(2))]);
        assert_eq!(signs.take(), []);
    }
}

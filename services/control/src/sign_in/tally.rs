//! Refused tokens, counted until they are stated.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How often tokens of an issuer were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) org: Uuid,
    pub(super) issuer: Uuid,
    pub(super) reason: &'static str,
    pub(super) count: u64,
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
}

/// By organisation, issuer and reason.
type Counted = HashMap<(Uuid, Uuid, &'static str), Refused>;

/// No larger than issuers times reasons, whoever sends what.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counted>);

impl Tally {
    pub(super) fn count(&self, org: Uuid, issuer: Uuid, reason: &'static str, now: DateTime<Utc>) {
        self.add(Refused {
            org,
            issuer,
            reason,
            count: 1,
            first: now,
            last: now,
        });
    }

    /// One more, or what could not be stated.
    pub(super) fn add(&self, more: Refused) {
        let mut counted = self.counted();
        let one = counted.entry((more.org, more.issuer, more.reason));
        one.and_modify(|known| {
            known.count += more.count;
            known.first = known.first.min(more.first);
            known.last = known.last.max(more.last);
        })
        .or_insert(more);
    }

    /// What was counted; from here on it is the caller's.
    pub(super) fn take(&self) -> Vec<Refused> {
        self.counted().drain().map(|(_, refused)| refused).collect()
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_flood_of_refusals_is_one_count_for_each_issuer_and_reason() {
        let tally = Tally::default();
        let (org, issuer) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for second in 0..10_000 {
            tally.count(org, issuer, "TOKEN_TIME", at(second));
        }
        tally.count(org, issuer, "NOT_A_MEMBER", at(1));
        let mut taken = tally.take();
        taken.sort_by_key(|it| it.count);
        let seen: Vec<_> = taken.iter().map(|it| (it.reason, it.count)).collect();
        assert_eq!(seen, [("NOT_A_MEMBER", 1), ("TOKEN_TIME", 10_000)]);
        assert_eq!((taken[1].first, taken[1].last), (at(0), at(9_999)));
        assert_eq!(tally.take(), []);
    }

    #[test]
    fn what_could_not_be_stated_is_counted_with_what_came_meanwhile() {
        let tally = Tally::default();
        tally.count(Uuid::nil(), Uuid::nil(), "TOKEN_TIME", at(1));
        let taken = tally.take().remove(0);
        tally.count(Uuid::nil(), Uuid::nil(), "TOKEN_TIME", at(5));
        tally.add(taken);
        let all = tally.take().remove(0);
        assert_eq!((all.count, all.first, all.last), (2, at(1), at(5)));
    }
}

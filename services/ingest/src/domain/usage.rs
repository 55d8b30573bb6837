//! How many traces each organisation has sent this month.

use std::collections::HashMap;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use writ_contract::OrgId;

/// A calendar month, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month of an instant.
    #[must_use]
    pub(crate) fn of(time: DateTime<Utc>) -> Self {
        Self {
            year: time.year(),
            month: time.month(),
        }
    }

    /// Its first microsecond since the Unix epoch.
    #[must_use]
    pub(crate) fn start_us(self) -> i64 {
        NaiveDate::from_ymd_opt(self.year, self.month, 1)
            .and_then(|day| day.and_hms_opt(0, 0, 0))
            .map_or(0, |start| start.and_utc().timestamp_micros())
    }

    /// The month after it.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        if self.month == 12 {
            Self {
                year: self.year + 1,
                month: 1,
            }
        } else {
            Self {
                month: self.month + 1,
                ..self
            }
        }
    }
}

/// The plan's limit on traces, as the SDK names it.
pub(crate) const TRACES: &str = "maxTracesPerMonth";

/// What is counted whether there is a limit or not.
pub(crate) const COUNTED: &str = "traces";

/// A plan limit that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Traces this month.
    pub(crate) current: u64,
    /// Traces allowed.
    pub(crate) max: u64,
}

/// Traces counted in the current month. The table's count is taken over whenever it is higher: it
/// knows what other replicas and earlier lives of this one accepted.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    month: Month,
    used: HashMap<OrgId, u64>,
}

impl Usage {
    /// Counts stored traces.
    pub(crate) fn add(&mut self, now: Month, org: OrgId, traces: u64) {
        self.turn(now);
        *self.used.entry(org).or_default() += traces;
    }

    /// Takes over the table's count for `month`; one of an earlier month is too late to matter.
    pub(crate) fn observe(&mut self, month: Month, org: OrgId, counted: u64) {
        if month < self.month {
            return;
        }
        self.turn(month);
        let used = self.used.entry(org).or_default();
        *used = counted.max(*used);
    }

    /// Whether a limit of `max` is used up. A chunk that starts below it is taken whole.
    #[must_use]
    pub(crate) fn spent(&self, now: Month, org: OrgId, max: u64) -> Option<Spent> {
        let current = self.used(now, org);
        (current >= max).then_some(Spent { current, max })
    }

    /// How many were counted.
    #[must_use]
    pub(crate) fn used(&self, now: Month, org: OrgId) -> u64 {
        let counted = self.used.get(&org).filter(|_| self.month == now);
        counted.copied().unwrap_or(0)
    }

    fn turn(&mut self, now: Month) {
        if now != self.month {
            self.month = now;
            self.used.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JAN: Month = Month {
        year: 2026,
        month: 1,
    };
    const FEB: Month = Month {
        year: 2026,
        month: 2,
    };

    #[test]
    fn a_limit_is_spent_when_as_many_were_stored_and_free_again_next_month() {
        let org = OrgId::from_bytes(&[1; 16]).unwrap();
        let mut usage = Usage::default();
        usage.add(JAN, org, 9);
        assert_eq!(usage.spent(JAN, org, 10), None);
        usage.add(JAN, org, 3);
        assert_eq!(
            usage.spent(JAN, org, 10),
            Some(Spent {
                current: 12,
                max: 10
            })
        );
        assert_eq!(usage.spent(FEB, org, 10), None);
    }

    #[test]
    fn the_tables_count_raises_and_never_lowers() {
        let org = OrgId::from_bytes(&[1; 16]).unwrap();
        let mut usage = Usage::default();
        usage.observe(FEB, org, 5);
        usage.add(FEB, org, 2);
        usage.observe(FEB, org, 6);
        usage.observe(JAN, org, 100);
        assert_eq!(usage.spent(FEB, org, 7), Some(Spent { current: 7, max: 7 }));
    }

    #[test]
    fn a_month_starts_at_its_first_microsecond() {
        assert_eq!(JAN.start_us(), 1_767_225_600_000_000);
    }

    #[test]
    fn a_month_ends_where_the_next_one_starts_also_in_december() {
        assert_eq!(JAN.next(), FEB);
        let december = Month {
            year: 2025,
            month: 12,
        };
        assert_eq!(december.next(), JAN);
    }
}

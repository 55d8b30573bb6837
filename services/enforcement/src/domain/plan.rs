//! What an organisation's plan leaves it, and what it wants done when nothing is left.

/// The limit on traces, as facts and the SDK name it.
pub const TRACES: &str = "maxTracesPerMonth";

/// A limit, what was used of it, and whether that matters here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// `onPlanLimit = refuse`: no decisions when the limit is spent.
    pub refuses: bool,
    /// Traces a calendar month; `None` is unlimited.
    pub max_traces_per_month: Option<u64>,
    /// What is known to be used, of the latest month heard of.
    pub used: Used,
}

/// At least this much was used in a span of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// First microsecond of the month.
    pub start_us: i64,
    /// First microsecond after it.
    pub end_us: i64,
    /// Traces.
    pub traces: u64,
}

/// A limit that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Traces this month, at least.
    pub current: u64,
    /// Traces allowed.
    pub max: u64,
}

impl Plan {
    /// Whether no decision is to be made because the limit is used up at `now_ms`.
    #[must_use]
    pub fn spent(&self, now_ms: i64) -> Option<Spent> {
        let max = self.max_traces_per_month.filter(|_| self.refuses)?;
        let current = self.used.at(now_ms);
        (current >= max).then_some(Spent { current, max })
    }

    /// Takes over what was stated about a month: a later month replaces an earlier one, and within
    /// a month the most counts, so that order and repetition do not matter.
    pub fn hear(&mut self, stated: Used) {
        let rank = |used: &Used| (used.start_us, used.traces);
        if rank(&stated) > rank(&self.used) {
            self.used = stated;
        }
    }
}

impl Used {
    fn at(&self, now_ms: i64) -> u64 {
        let now_us = now_ms.saturating_mul(1_000);
        if (self.start_us..self.end_us).contains(&now_us) {
            self.traces
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JAN: Used = Used {
        start_us: 0,
        end_us: 10_000,
        traces: 7,
    };

    fn plan(max: Option<u64>) -> Plan {
        Plan {
            refuses: true,
            max_traces_per_month: max,
            used: JAN,
        }
    }

    #[test]
    fn a_limit_is_spent_in_its_month_and_free_again_in_the_next() {
        let spent = Some(Spent { current: 7, max: 7 });
        assert_eq!(
            (plan(Some(7)).spent(9), plan(Some(7)).spent(10)),
            (spent, None)
        );
        assert_eq!((plan(Some(8)).spent(9), plan(None).spent(9)), (None, None));
    }

    #[test]
    fn a_plan_of_nothing_is_spent_before_anything_was_heard() {
        let plan = Plan {
            used: Used::default(),
            ..plan(Some(0))
        };
        assert_eq!(plan.spent(9), Some(Spent { current: 0, max: 0 }));
    }

    #[test]
    fn an_organisation_that_is_governed_on_is_never_refused_for_its_plan() {
        let plan = Plan {
            refuses: false,
            ..plan(Some(0))
        };
        assert_eq!(plan.spent(9), None);
    }

    #[test]
    fn what_was_heard_last_does_not_matter_only_the_latest_month_and_its_most() {
        let february = Used {
            start_us: 10_000,
            end_us: 20_000,
            traces: 1,
        };
        let less = Used { traces: 3, ..JAN };
        let heard = |all: &[Used]| {
            let mut plan = Plan::default();
            all.iter().for_each(|used| plan.hear(*used));
            plan.used
        };
        assert_eq!(heard(&[JAN, less, JAN]), JAN);
        assert_eq!(heard(&[february, JAN]), heard(&[less, february]));
    }
}

//! What each agent did in a window of time.

use std::collections::BTreeMap;

use writ_contract::OrgId;

use super::trace::Trace;

/// One agent in one environment in one window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window {
    /// First microsecond.
    pub(crate) start_us: i64,
    /// Whose agent.
    pub(crate) org: OrgId,
    /// As the application gave it.
    pub(crate) agent_id: String,
    /// Where it ran.
    pub(crate) environment: String,
}

/// What it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sum {
    /// Stored traces.
    pub(crate) traces: u64,
    /// Those that ended in an error or a time-out.
    pub(crate) errors: u64,
    /// Billionths of a US dollar.
    pub(crate) cost_nanos: u64,
    /// All tokens.
    pub(crate) tokens: u64,
    /// Milliseconds, added up.
    pub(crate) duration_ms_sum: u64,
    /// Milliseconds of the longest.
    pub(crate) duration_ms_max: u64,
}

/// The windows that have not been published, by time of arrival.
#[derive(Debug)]
pub(crate) struct Meter {
    length_us: i64,
    open: BTreeMap<Window, Sum>,
}

impl Meter {
    /// Windows of `length_us` microseconds, at least one.
    #[must_use]
    pub(crate) fn new(length_us: i64) -> Self {
        Self {
            length_us: length_us.max(1),
            open: BTreeMap::new(),
        }
    }

    /// Length of a window in microseconds.
    #[must_use]
    pub(crate) fn length_us(&self) -> i64 {
        self.length_us
    }

    /// Counts a trace that was stored at `now_us`.
    pub(crate) fn add(&mut self, now_us: i64, org: OrgId, trace: &Trace) {
        let window = Window {
            start_us: now_us - now_us.rem_euclid(self.length_us),
            org,
            agent_id: trace.agent_id.clone(),
            environment: trace.environment.clone(),
        };
        let duration = trace.duration_ms.unwrap_or(0);
        let cost = trace.cost_nanos.and_then(|nanos| u64::try_from(nanos).ok());
        let sum = self.open.entry(window).or_default();
        sum.traces += 1;
        sum.errors += u64::from(trace.failed());
        sum.cost_nanos = sum.cost_nanos.saturating_add(cost.unwrap_or(0));
        sum.tokens = sum.tokens.saturating_add(trace.total_tokens.unwrap_or(0));
        sum.duration_ms_sum = sum.duration_ms_sum.saturating_add(duration);
        sum.duration_ms_max = sum.duration_ms_max.max(duration);
    }

    /// The windows that ended by `now_us`, oldest first; they are no longer here.
    pub(crate) fn take_ended(&mut self, now_us: i64) -> Vec<(Window, Sum)> {
        let length_us = self.length_us;
        let open = self.open.split_off(&Window {
            start_us: now_us - length_us + 1,
            org: OrgId(uuid::Uuid::nil()),
            agent_id: String::new(),
            environment: String::new(),
        });
        std::mem::replace(&mut self.open, open)
            .into_iter()
            .collect()
    }

    /// Every window, ended or not: the service stops.
    pub(crate) fn take_all(&mut self) -> Vec<(Window, Sum)> {
        std::mem::take(&mut self.open).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(status: &str, ms: u64) -> Trace {
        Trace {
            agent_id: "a".into(),
            environment: "prod".into(),
            status: status.into(),
            duration_ms: Some(ms),
            cost_nanos: Some(5),
            ..Trace::default()
        }
    }

    #[test]
    fn a_window_sums_what_arrived_in_it() {
        let org = OrgId::from_bytes(&[1; 16]).unwrap();
        let mut meter = Meter::new(100);
        meter.add(250, org, &trace("success", 3));
        meter.add(299, org, &trace("error", 7));
        meter.add(300, org, &trace("timeout", 1));
        assert_eq!(meter.take_ended(299), []);
        let ended = meter.take_ended(300);
        let [(window, sum)] = ended.as_slice() else {
            panic!("{ended:?}");
        };
        assert_eq!(window.start_us, 200);
        assert_eq!((sum.traces, sum.errors, sum.cost_nanos), (2, 1, 10));
        assert_eq!((sum.duration_ms_sum, sum.duration_ms_max), (10, 7));
        assert_eq!(meter.take_all().len(), 1);
        assert_eq!(meter.take_all(), []);
    }
}

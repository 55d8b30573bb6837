//! The time a report is about: whole UTC days.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use crate::domain::{NoTime, When};

/// Days of a report for which no beginning was given.
const USUAL: u64 = 90;

/// Whole days, both ends included; of a day that is not over, the time up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) first: NaiveDate,
    pub(crate) last: NaiveDate,
    /// The first instant that is not judged any more.
    pub(crate) until: DateTime<Utc>,
    /// No beginning was asked for.
    usual: bool,
}

impl Window {
    /// From two texts, each a date (`2026-11-01`). Without an end, or with one that is still to come,
    /// the window ends now; without a beginning it has 90 days.
    ///
    /// # Errors
    /// What is wrong, for the caller.
    pub(crate) fn parse(
        from: Option<&str>,
        to: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, String> {
        let today = now.date_naive();
        let asked = match to {
            Some(text) => day("to", text)?,
            None => today,
        };
        let last = asked.min(today);
        let first = match from {
            Some(text) => day("from", text)?,
            None => last.checked_sub_days(Days::new(USUAL - 1)).unwrap_or(last),
        };
        if first > today {
            return Err(format!(
                "from must not be in the future: nothing is recorded of it yet; today is {today} (UTC)"
            ));
        }
        if first > asked {
            return Err("from must not be after to".to_owned());
        }
        Ok(Self {
            first,
            last,
            until: midnight_after(last).min(now),
            usual: from.is_none(),
        })
    }

    /// The window of a ledger that began on this day: without an asked beginning it is no longer.
    pub(crate) fn begun(self, day: NaiveDate) -> Self {
        let first = if self.usual {
            self.first.max(day.min(self.last))
        } else {
            self.first
        };
        Self { first, ..self }
    }

    /// Whether a part of it is before this record: a window without an asked beginning begins on the
    /// day on which the record does, and misses nothing of that day.
    pub(crate) fn begins_before(&self, began: DateTime<Utc>) -> bool {
        if self.usual {
            began.date_naive() > self.first
        } else {
            began > self.start()
        }
    }

    /// The first instant.
    pub(crate) fn start(&self) -> DateTime<Utc> {
        self.first.and_time(NaiveTime::MIN).and_utc()
    }
}

/// The first instant after a day.
fn midnight_after(day: NaiveDate) -> DateTime<Utc> {
    let next = day.checked_add_days(Days::new(1));
    next.unwrap_or(day).and_time(NaiveTime::MIN).and_utc()
}

/// A day; an instant names none, for whoever asks for a part of a day would be told of all of it.
fn day(field: &str, text: &str) -> Result<NaiveDate, String> {
    match text.parse() {
        Ok(When::Day(day)) => Ok(day),
        Ok(When::At(_)) | Err(NoTime::Malformed) => Err(format!(
            "{field} must be a day (UTC) as YYYY-MM-DD, like 2026-11-01"
        )),
        Err(wrong) => Err(format!("{field} {wrong}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon of 20 November 2026.
    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_176_000, 0).unwrap()
    }

    fn window(from: Option<&str>, to: Option<&str>) -> Result<(String, String), String> {
        let window = Window::parse(from, to, now())?;
        Ok((window.first.to_string(), window.last.to_string()))
    }

    #[test]
    fn days_are_whole_and_an_instant_is_none() {
        for (from, to) in [("2026-10-01", "2026-10-31"), ("2026-11-05", "2026-11-05")] {
            let read = window(Some(from), Some(to));
            assert_eq!(read, Ok((from.to_owned(), to.to_owned())));
        }
        for instant in ["2026-10-01T00:00:00Z", "2026-10-01T23:30:00+02:00"] {
            for (from, to) in [(Some(instant), None), (None, Some(instant))] {
                let refused = window(from, to).unwrap_err();
                assert!(refused.contains("YYYY-MM-DD"), "{refused}");
            }
        }
    }

    #[test]
    fn a_day_that_was_asked_for_is_missed_in_part_and_the_one_the_record_began_on_is_not() {
        let midnight = "2026-11-18T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let noon = midnight + chrono::TimeDelta::hours(12);
        let asked = |day| Window::parse(Some(day), None, now()).unwrap();
        assert!(asked("2026-11-18").begins_before(noon));
        assert!(!asked("2026-11-18").begins_before(midnight));
        assert!(!asked("2026-11-19").begins_before(noon));
        let usual = Window::parse(None, None, now()).unwrap();
        assert!(!usual.begun(noon.date_naive()).begins_before(noon));
        let before = Window::parse(None, Some("2026-11-10"), now()).unwrap();
        assert!(before.begun(noon.date_naive()).begins_before(noon));
    }

    #[test]
    fn without_days_it_is_the_ninety_up_to_today() {
        let (first, last) = window(None, None).unwrap();
        assert_eq!(
            (first.as_str(), last.as_str()),
            ("2026-08-23", "2026-11-20")
        );
    }

    #[test]
    fn a_window_that_is_not_over_ends_now_and_one_that_is_to_come_is_refused() {
        for end in [None, Some("2026-11-20"), Some("2036-12-31")] {
            let window = Window::parse(Some("2026-11-01"), end, now()).unwrap();
            assert_eq!(window.last.to_string(), "2026-11-20");
            assert_eq!(window.until, now());
        }
        let over = Window::parse(Some("2026-11-01"), Some("2026-11-19"), now()).unwrap();
        assert_eq!(over.until.to_rfc3339(), "2026-11-20T00:00:00+00:00");
        for (from, to) in [("2026-11-21", None), ("2027-01-01", Some("2027-02-01"))] {
            let refused = window(Some(from), to).unwrap_err();
            assert!(refused.contains("future"), "{refused}");
        }
    }

    #[test]
    fn a_window_begins_no_earlier_than_its_ledger_unless_that_is_asked() {
        let began = NaiveDate::from_ymd_opt(2026, 11, 18).unwrap();
        let usual = Window::parse(None, None, now()).unwrap();
        assert_eq!(usual.begun(began).first, began);
        let asked = Window::parse(Some("2026-11-01"), None, now()).unwrap();
        assert_eq!(asked.begun(began).first.to_string(), "2026-11-01");
        let before = Window::parse(None, Some("2026-11-10"), now()).unwrap();
        assert_eq!(before.begun(began).first, before.last);
    }

    #[test]
    fn days_no_ledger_has_are_refused() {
        for day in ["-200000-01-01", "0001-01-01", "1999-12-31", "+262143-01-01"] {
            for (from, to) in [(Some(day), None), (None, Some(day))] {
                let refused = window(from, to).unwrap_err();
                assert!(refused.contains("must be"), "{refused}");
            }
        }
    }

    #[test]
    fn what_is_no_window_is_refused_by_name() {
        assert!(
            window(Some("yesterday"), None)
                .unwrap_err()
                .starts_with("from")
        );
        assert!(
            window(None, Some("2026-13-01"))
                .unwrap_err()
                .starts_with("to")
        );
        assert!(
            window(Some("2026-11-02"), Some("2026-11-01"))
                .unwrap_err()
                .contains("after")
        );
    }
}

//! The time a report is about: whole UTC days.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

/// Days of a report for which no beginning was given.
const USUAL: u64 = 90;

/// Whole days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) first: NaiveDate,
    pub(crate) last: NaiveDate,
}

impl Window {
    /// From two texts, each a date (`2026-11-01`) or an instant (RFC 3339). The day of an instant
    /// belongs to the window, but for an end at midnight. Without an end it is today, without a
    /// beginning the window has 90 days.
    ///
    /// # Errors
    /// What is wrong, for the caller.
    pub(crate) fn parse(
        from: Option<&str>,
        to: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, String> {
        let last = match to {
            Some(text) => date(text)
                .or_else(|| last_before(text))
                .ok_or_else(|| not_a_day("to"))?,
            None => now.date_naive(),
        };
        let first = match from {
            Some(text) => date(text)
                .or_else(|| Some(instant(text)?.date_naive()))
                .ok_or_else(|| not_a_day("from"))?,
            None => last.checked_sub_days(Days::new(USUAL - 1)).unwrap_or(last),
        };
        if first > last {
            return Err("from must not be after to".to_owned());
        }
        Ok(Self { first, last })
    }

    /// The first instant.
    pub(crate) fn start(&self) -> DateTime<Utc> {
        self.first.and_time(NaiveTime::MIN).and_utc()
    }

    /// The first instant after it.
    pub(crate) fn end(&self) -> DateTime<Utc> {
        let next = self.last.checked_add_days(Days::new(1));
        next.unwrap_or(self.last).and_time(NaiveTime::MIN).and_utc()
    }
}

fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let read = DateTime::parse_from_rfc3339(text).ok()?;
    Some(read.to_utc())
}

fn last_before(text: &str) -> Option<NaiveDate> {
    let end = instant(text)?;
    let day = end.date_naive();
    if end.time() == NaiveTime::MIN {
        day.pred_opt()
    } else {
        Some(day)
    }
}

fn not_a_day(field: &str) -> String {
    format!("{field} must be a day like 2026-11-01 or an instant like 2026-11-01T00:00:00Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: Option<&str>, to: Option<&str>) -> Result<(String, String), String> {
        let now = DateTime::from_timestamp(1_795_132_800, 0).unwrap();
        let window = Window::parse(from, to, now)?;
        Ok((window.first.to_string(), window.last.to_string()))
    }

    #[test]
    fn days_and_instants_name_whole_days() {
        for (from, to, first, last) in [
            ("2026-11-01", "2026-11-30", "2026-11-01", "2026-11-30"),
            (
                "2026-11-01T00:00:00Z",
                "2026-12-01T00:00:00Z",
                "2026-11-01",
                "2026-11-30",
            ),
            (
                "2026-11-01T23:30:00+02:00",
                "2026-11-30T00:00:01Z",
                "2026-11-01",
                "2026-11-30",
            ),
            ("2026-11-05", "2026-11-05", "2026-11-05", "2026-11-05"),
        ] {
            let read = window(Some(from), Some(to));
            assert_eq!(read, Ok((first.to_owned(), last.to_owned())), "{from} {to}");
        }
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

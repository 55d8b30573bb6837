//! Months whose entries were taken out of the ledger: of their times nothing can be counted.

use chrono::{DateTime, Duration, Months, NaiveDate, NaiveTime, Utc};

/// How long before a month something may have happened that was recorded in it.
const BEFORE: Duration = Duration::hours(1);

/// Of the months that entries say were taken out, by their targets (`entries:0-41 of 2026-10`), those
/// that hold something of a period.
pub(crate) fn taken_out(targets: &[String], from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<String> {
    let months = targets
        .iter()
        .filter_map(|it| Some(it.split_once(" of ")?.1));
    let mut touched: Vec<String> = months
        .filter(|month| {
            let times = times(month);
            times.is_some_and(|(begin, end)| from < end && begin - BEFORE < to)
        })
        .map(str::to_owned)
        .collect();
    touched.sort_unstable();
    touched.dedup();
    touched
}

/// The first instants of a month and of the next.
fn times(month: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let first = NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").ok()?;
    let next = first.checked_add_months(Months::new(1))?;
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    Some((midnight(first), midnight(next)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_that_touches_a_month_that_was_taken_out_is_seen() {
        let targets = [
            "entries:0-41 of 2026-10",
            "entries:0-41 of 2026-10",
            "entries:42-50 of 2026-11",
            "entries:1-2",
        ]
        .map(str::to_owned);
        let of = |from: &str, to: &str| {
            let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
            taken_out(&targets, at(from), at(to)).join(" ")
        };
        let (october, november) = ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
        assert_eq!(of("2026-09-01T00:00:00Z", "2026-09-30T12:00:00Z"), "");
        assert_eq!(of("2026-09-30T00:00:00Z", october), "2026-10");
        assert_eq!(of(october, november), "2026-10 2026-11");
        assert_eq!(of("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"), "");
    }
}

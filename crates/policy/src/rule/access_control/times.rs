//! Hours of the week in a time zone.

use chrono::{DateTime, Datelike, Timelike, Weekday};
use chrono_tz::Tz;
use serde::Deserialize;

use crate::schema::Problem;

/// A window as it is written: absent days are all of them, absent hours the whole day.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    days: Option<Vec<Weekday>>,
    hours: Option<String>,
    #[serde(default = "utc", alias = "timezone")]
    time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

const DAY: u32 = 24 * 60;

/// A window; one that passes midnight belongs to the day it begins on.
#[derive(Debug)]
struct Window {
    days: Option<Vec<Weekday>>,
    /// Minutes of the day, the second one excluded.
    from: u32,
    to: u32,
    zone: Tz,
}

/// Windows, of which one must be open.
#[derive(Debug)]
pub(crate) struct Windows(Vec<Window>);

impl Windows {
    pub(crate) fn compile(path: &str, written: &[Written], problems: &mut Vec<Problem>) -> Self {
        let compiled = written.iter().enumerate().map(|(i, window)| {
            let problem = |field: &str, message: &str| {
                vec![Problem::at(format!("{path}/{i}/{field}"), message)]
            };
            let zone = window.time_zone.parse::<Tz>();
            let zone = zone.map_err(|_| problem("time_zone", "is not an IANA time zone"))?;
            let (from, to) = window
                .hours
                .as_deref()
                .map_or(Some((0, DAY)), hours)
                .ok_or_else(|| {
                    problem(
                        "hours",
                        "must read like 08:00-18:30, with two different times",
                    )
                })?;
            let days = window.days.clone();
            Ok(Window {
                days,
                from,
                to,
                zone,
            })
        });
        let mut windows = Vec::with_capacity(written.len());
        for window in compiled {
            match window {
                Ok(window) => windows.push(window),
                Err(found) => problems.extend::<Vec<Problem>>(found),
            }
        }
        Self(windows)
    }

    pub(crate) fn open(&self, now_ms: i64) -> bool {
        self.0.iter().any(|window| window.open(now_ms))
    }
}

impl Window {
    fn open(&self, now_ms: i64) -> bool {
        let now = DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
        let now = now.with_timezone(&self.zone);
        let minute = now.hour() * 60 + now.minute();
        let on = |day: Weekday| self.days.as_ref().is_none_or(|days| days.contains(&day));
        let (today, yesterday) = (now.weekday(), now.weekday().pred());
        if self.from < self.to {
            on(today) && (self.from..self.to).contains(&minute)
        } else {
            (on(today) && minute >= self.from) || (on(yesterday) && minute < self.to)
        }
    }
}

/// `08:00-18:30` in minutes of the day; the end may be 24:00.
fn hours(text: &str) -> Option<(u32, u32)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minutes(from.trim())?, minutes(to.trim())?);
    (from != to && from < DAY).then_some((from, to))
}

fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= DAY).then_some(total)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn windows(written: Value) -> Result<Windows, Vec<Problem>> {
        let written: Vec<Written> = serde_json::from_value(written).unwrap();
        let mut problems = Vec::new();
        let windows = Windows::compile("/w", &written, &mut problems);
        if problems.is_empty() {
            Ok(windows)
        } else {
            Err(problems)
        }
    }

    fn open(written: &Value, at: &str) -> bool {
        let now = DateTime::parse_from_rfc3339(at).unwrap();
        windows(json!([written]))
            .unwrap()
            .open(now.timestamp_millis())
    }

    #[test]
    fn a_window_opens_on_its_minute_and_closes_before_its_end() {
        let office = json!({"days": ["mon", "friday"], "hours": "09:00-17:30"});
        for (at, expected) in [
            ("2026-11-20T08:59:59Z", false),
            ("2026-11-20T09:00:00Z", true),
            ("2026-11-20T17:29:59Z", true),
            ("2026-11-20T17:30:00Z", false),
            ("2026-11-19T12:00:00Z", false),
        ] {
            assert_eq!(open(&office, at), expected, "{at}");
        }
    }

    #[test]
    fn the_zone_s_own_clock_counts_in_summer_and_winter() {
        let berlin = json!({"hours": "09:00-10:00", "time_zone": "Europe/Berlin"});
        assert!(open(&berlin, "2026-11-20T08:30:00Z"));
        assert!(!open(&berlin, "2026-11-20T07:30:00Z"));
        assert!(open(&berlin, "2026-07-20T07:30:00Z"));
        assert!(!open(&berlin, "2026-07-20T08:30:00Z"));
        let tokyo = json!({"days": ["sat"], "timezone": "Asia/Tokyo"});
        assert!(open(&tokyo, "2026-11-20T15:00:00Z"));
        assert!(!open(&tokyo, "2026-11-20T14:59:00Z"));
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        let night = json!({"days": ["fri"], "hours": "22:00-06:00"});
        for (at, expected) in [
            ("2026-11-20T05:59:00Z", false),
            ("2026-11-20T22:00:00Z", true),
            ("2026-11-21T05:59:00Z", true),
            ("2026-11-21T06:00:00Z", false),
            ("2026-11-21T22:00:00Z", false),
        ] {
            assert_eq!(open(&night, at), expected, "{at}");
        }
    }

    #[test]
    fn the_whole_day_may_be_written_out() {
        let day = json!({"hours": "00:00-24:00"});
        assert!(open(&day, "2026-11-20T00:00:00Z") && open(&day, "2026-11-20T23:59:59Z"));
        let late = json!({"hours": "20:00-24:00"});
        assert!(open(&late, "2026-11-20T23:59:59Z") && !open(&late, "2026-11-21T00:00:00Z"));
    }

    #[test]
    fn nonsense_is_refused_at_its_place() {
        for hours in [
            "9-17",
            "09:00",
            "09:60-10:00",
            "08:00-25:00",
            "08:00-08:00",
            "24:00-01:00",
        ] {
            let problems = windows(json!([{}, {"hours": hours}])).unwrap_err();
            assert_eq!(problems[0].path, "/w/1/hours", "{hours}");
        }
        let problems = windows(json!([{"time_zone": "Europe/Entenhausen"}])).unwrap_err();
        assert_eq!(problems[0].path, "/w/0/time_zone");
    }
}

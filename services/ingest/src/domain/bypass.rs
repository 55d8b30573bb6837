//! A client's report of the times when it acted without a decision. What can be recorded of it is:
//! evidence that is refused is never sent again.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// Windows of one report.
const MOST: usize = 100;
/// Longest texts, in UTF-16 code units, as the client counts.
const AGENT: usize = 256;
const SOURCE: usize = 64;
const MESSAGE: usize = 500;
const MOST_ACTS: u64 = 1_000_000_000;
const MOST_FAILURES: u32 = 1_000_000;
const MOST_LOST: u64 = 1_000_000_000_000;
/// 2020-01-01: no client that reports is older. Microseconds since the Unix epoch, as all times here.
const EARLIEST_US: i64 = 1_577_836_800_000_000;
/// By how much a client's clock may be ahead.
const AHEAD_US: i64 = 3_600_000_000;
/// A client closes a window after minutes.
const LONGEST_US: i64 = 31 * 86_400_000_000;

/// Words of a client that goes by other reasons than those known.
const OTHER: &str = "other";
const REASONS: [&str; 4] = [
    "circuit_breaker_open",
    "network_error",
    "server_error",
    "plan_limit_exceeded",
];
const SOURCES: [&str; 4] = [
    "fail_open_circuit_breaker",
    "fail_open_network_error",
    "fail_open_server_error",
    "fail_open_plan_limit",
];

/// A report of which nothing can be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Hopeless {
    /// Not JSON, or of another shape.
    #[error("no report: {0}")]
    Malformed(String),
    /// Neither windows nor a count of lost ones.
    #[error("windows: is required")]
    Empty,
    /// More windows than a report has.
    #[error("windows: at most {MOST} items, these are {0}")]
    TooMany(usize),
    /// Nothing in it is within its bounds; the first reason.
    #[error("{0}")]
    Nothing(String),
}

/// What can be recorded of a report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Report {
    pub(crate) windows: Vec<Bypass>,
    pub(crate) dropped: Option<Dropped>,
    /// What cannot, by its place (`windows[3]`, `dropped`), and why.
    pub(crate) refused: Vec<(String, String)>,
}

/// One agent acting for one reason without decisions. Times in microseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bypass {
    pub(crate) id: Uuid,
    pub(crate) agent_id: String,
    pub(crate) reason: &'static str,
    pub(crate) source: &'static str,
    pub(crate) first_us: i64,
    pub(crate) last_us: i64,
    pub(crate) count: u64,
    pub(crate) status: Option<u32>,
    pub(crate) consecutive_failures: Option<u32>,
}

/// Windows that the client lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) id: Uuid,
    pub(crate) windows: u64,
    pub(crate) bypasses: u64,
    pub(crate) since_us: Option<i64>,
}

#[derive(Deserialize)]
struct RawReport<'a> {
    #[serde(borrow)]
    windows: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    dropped: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawWindow {
    window_id: Uuid,
    agent_id: String,
    reason: String,
    source: String,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    count: u64,
    message: Option<String>,
    status: Option<u32>,
    consecutive_failures: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDropped {
    drop_id: Uuid,
    windows: u64,
    bypasses: u64,
    since: Option<DateTime<Utc>>,
}

impl Report {
    /// Reads a report; what is out of its bounds is left out and named.
    ///
    /// # Errors
    /// [`Hopeless`] when nothing is left.
    pub(crate) fn read(text: &str, now_us: i64) -> Result<Self, Hopeless> {
        let raw: RawReport<'_> =
            serde_json::from_str(text).map_err(|e| Hopeless::Malformed(e.to_string()))?;
        if raw.windows.is_none() && raw.dropped.is_none() {
            return Err(Hopeless::Empty);
        }
        let windows = raw.windows.unwrap_or_default();
        if windows.len() > MOST {
            return Err(Hopeless::TooMany(windows.len()));
        }
        let mut report = Self::default();
        for (index, text) in windows.into_iter().enumerate() {
            match Bypass::read(text.get(), now_us) {
                Ok(window) => report.windows.push(window),
                Err(why) => report.refused.push((format!("windows[{index}]"), why)),
            }
        }
        match raw.dropped.map(|text| Dropped::read(text.get(), now_us)) {
            Some(Ok(dropped)) => report.dropped = Some(dropped),
            Some(Err(why)) => report.refused.push(("dropped".to_owned(), why)),
            None => {}
        }
        match report.refused.first() {
            Some((place, why)) if report.windows.is_empty() && report.dropped.is_none() => {
                Err(Hopeless::Nothing(format!("{place}: {why}")))
            }
            Some(_) | None => Ok(report),
        }
    }
}

impl Bypass {
    fn read(text: &str, now_us: i64) -> Result<Self, String> {
        let raw: RawWindow = serde_json::from_str(text).map_err(|e| e.to_string())?;
        within("agentId", &raw.agent_id, 1, AGENT)?;
        within("reason", &raw.reason, 1, SOURCE)?;
        within("source", &raw.source, 1, SOURCE)?;
        within(
            "message",
            raw.message.as_deref().unwrap_or_default(),
            0,
            MESSAGE,
        )?;
        if !(1..=MOST_ACTS).contains(&raw.count) {
            return Err(format!("count: expected 1 to {MOST_ACTS}"));
        }
        if raw.consecutive_failures.is_some_and(|n| n > MOST_FAILURES) {
            return Err(format!(
                "consecutiveFailures: expected 0 to {MOST_FAILURES}"
            ));
        }
        let first_us = moment("firstAt", raw.first_at, now_us)?;
        let last_us = moment("lastAt", raw.last_at, now_us)?;
        // A clock that was put back in between turns them round.
        let (first_us, last_us) = (first_us.min(last_us), first_us.max(last_us));
        if last_us - first_us > LONGEST_US {
            return Err("lastAt: expected at most 31 days after firstAt; report parts".to_owned());
        }
        Ok(Self {
            id: raw.window_id,
            agent_id: raw.agent_id,
            reason: known(&REASONS, &raw.reason),
            source: known(&SOURCES, &raw.source),
            first_us,
            last_us,
            count: raw.count,
            status: raw.status,
            consecutive_failures: raw.consecutive_failures,
        })
    }
}

impl Dropped {
    fn read(text: &str, now_us: i64) -> Result<Self, String> {
        let raw: RawDropped = serde_json::from_str(text).map_err(|e| e.to_string())?;
        for (field, count) in [("windows", raw.windows), ("bypasses", raw.bypasses)] {
            if count > MOST_LOST {
                return Err(format!("{field}: expected 0 to {MOST_LOST}"));
            }
        }
        let since = raw.since.map(|since| moment("since", since, now_us));
        Ok(Self {
            id: raw.drop_id,
            windows: raw.windows,
            bypasses: raw.bypasses,
            since_us: since.transpose()?,
        })
    }
}

/// A time that can have been: not before there were clients, not ahead of now.
fn moment(field: &str, at: DateTime<Utc>, now_us: i64) -> Result<i64, String> {
    let at_us = at.timestamp_micros();
    if (EARLIEST_US..=now_us.saturating_add(AHEAD_US)).contains(&at_us) {
        return Ok(at_us);
    }
    Err(format!(
        "{field}: expected a time from 2020 on that has come; set the client's clock"
    ))
}

fn within(field: &str, text: &str, least: usize, most: usize) -> Result<(), String> {
    if text.contains('\0') {
        return Err(format!("{field}: must not contain U+0000"));
    }
    let units = text.encode_utf16().count();
    if (least..=most).contains(&units) {
        return Ok(());
    }
    Err(format!(
        "{field}: expected {least} to {most} UTF-16 code units, these are {units}"
    ))
}

/// The word itself when it is one of `words`.
fn known(words: &[&'static str], word: &str) -> &'static str {
    words
        .iter()
        .find(|one| **one == word)
        .copied()
        .unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// 2026-11-21.
    const NOW_US: i64 = 1_795_219_200_000_000;

    fn read(text: &str) -> Result<Report, Hopeless> {
        Report::read(text, NOW_US)
    }

    fn window() -> Value {
        json!({
            "windowId": "7b0c1d7e-5a7e-4f7c-9d3f-0a1b2c3d4e5f", "agentId": "bot",
            "reason": "network_error", "source": "fail_open_network_error",
            "firstAt": "2026-01-02T03:04:05.678Z", "lastAt": "2026-01-02T03:05:05.678Z",
            "count": 3, "message": "refused",
        })
    }

    fn with(field: &str, value: Value) -> Result<Report, Hopeless> {
        let mut one = window();
        one[field] = value;
        Report::read(&json!({ "sdk": {}, "windows": [one] }).to_string(), NOW_US)
    }

    #[test]
    fn texts_are_as_long_as_the_client_counts_them() {
        for (field, units) in [("agentId", 256), ("source", 64), ("message", 500)] {
            // Two units and four bytes each.
            assert!(
                with(field, json!("🦀".repeat(units / 2))).is_ok(),
                "{field}"
            );
            let over = with(field, json!("🦀".repeat(units / 2) + "x"));
            assert!(
                matches!(over, Err(Hopeless::Nothing(_))),
                "{field}: {over:?}"
            );
        }
        assert!(with("agentId", json!("")).is_err());
        assert!(with("agentId", json!("a\0b")).is_err());
        assert!(with("message", json!("")).is_ok());
    }

    #[test]
    fn numbers_are_within_their_bounds() {
        for (field, right, wrong) in [
            ("count", json!(1_000_000_000), json!(0)),
            ("count", json!(1), json!(1_000_000_001)),
            ("consecutiveFailures", json!(1_000_000), json!(1_000_001)),
            ("status", json!(503), json!("503")),
        ] {
            assert!(with(field, right).is_ok(), "{field}");
            assert!(with(field, wrong).is_err(), "{field}");
        }
    }

    #[test]
    fn times_can_have_been_and_are_in_order() {
        for wrong in [
            "-5000-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "2026-11-21T03:00:00Z",
            "+200000-01-01T00:00:00Z",
        ] {
            assert!(with("firstAt", json!(wrong)).is_err(), "{wrong}");
            assert!(with("lastAt", json!(wrong)).is_err(), "{wrong}");
        }
        let skewed = with("firstAt", json!("2026-01-02T04:00:00Z")).unwrap();
        let window = &skewed.windows[0];
        assert_eq!(window.last_us - window.first_us, 3_294_322_000);
        assert!(
            with("firstAt", json!("2025-11-02T04:00:00Z")).is_err(),
            "longer than a month"
        );
    }

    #[test]
    fn what_a_later_client_says_is_recorded_as_another_reason() {
        let report = with("reason", json!("cosmic_rays")).unwrap();
        assert_eq!(report.windows[0].reason, "other");
        assert_eq!(report.windows[0].source, "fail_open_network_error");
    }

    #[test]
    fn one_bad_window_does_not_lose_the_others() {
        let body = json!({ "windows": [window(), {"agentId": "x"}], "dropped": null });
        let report = Report::read(&body.to_string(), NOW_US).unwrap();
        assert_eq!(report.windows.len(), 1);
        assert_eq!(report.refused[0].0, "windows[1]");
        assert!(
            report.refused[0].1.contains("windowId"),
            "{:?}",
            report.refused
        );
    }

    #[test]
    fn losses_alone_are_a_report_and_nothing_at_all_is_none() {
        let lost = json!({ "dropId": window()["windowId"], "windows": 2, "bypasses": 9 });
        let report = read(&json!({ "windows": [], "dropped": lost }).to_string());
        assert_eq!(report.unwrap().dropped.unwrap().bypasses, 9);
        let flood = json!({ "dropped": {
            "dropId": window()["windowId"], "windows": u64::MAX, "bypasses": 1,
        } });
        assert!(read(&flood.to_string()).is_err());
        assert_eq!(read(r#"{"windows":[]}"#), Ok(Report::default()));
        for hopeless in ["", "[]", "{}", r#"{"windows":7}"#, r#"{"dropped":{}}"#] {
            assert!(read(hopeless).is_err(), "{hopeless}");
        }
        let many = json!({ "windows": vec![window(); 101] }).to_string();
        assert_eq!(read(&many), Err(Hopeless::TooMany(101)));
    }
}

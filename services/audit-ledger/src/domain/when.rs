//! A time that callers ask for: a day or an instant.

use std::str::FromStr;

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Utc};
use serde::de::{Deserialize, Deserializer, Error as _};

/// A UTC day (`2026-11-01`) or an instant (RFC 3339) that a ledger can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Day(NaiveDate),
    At(DateTime<Utc>),
}

/// Why a text is no time of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoTime {
    #[error("must be a day like 2026-11-01 or an instant like 2026-11-01T00:00:00Z")]
    Malformed,
    /// No store compares years far away.
    #[error("must be between the years 2000 and 9999")]
    Implausible,
}

impl When {
    /// Its day; of an instant the one it falls in.
    pub(crate) fn day(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::At(at) => at.date_naive(),
        }
    }

    /// Its first instant.
    pub(crate) fn start(self) -> DateTime<Utc> {
        match self {
            Self::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
            Self::At(at) => at,
        }
    }
}

impl FromStr for When {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self::Day);
        let when = day.or_else(|_| {
            let at = DateTime::parse_from_rfc3339(text);
            at.map(|at| Self::At(at.to_utc()))
        });
        let when = when.map_err(|_| NoTime::Malformed)?;
        if (2000..=9999).contains(&when.day().year()) {
            Ok(when)
        } else {
            Err(NoTime::Implausible)
        }
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_and_an_instant_is_one_anywhere() {
        let day: When = "2026-11-30".parse().unwrap();
        assert_eq!(day.start().to_rfc3339(), "2026-11-30T00:00:00+00:00");
        let at: When = "2026-11-30T23:30:00-02:00".parse().unwrap();
        assert_eq!(at.start().to_rfc3339(), "2026-12-01T01:30:00+00:00");
        assert_eq!(at.day().to_string(), "2026-12-01");
    }

    #[test]
    fn what_no_ledger_holds_is_no_time() {
        for text in [
            "",
            "soon",
            "2026-13-01",
            "2026-11-01T00:00:00",
            "1795176000",
        ] {
            assert_eq!(text.parse::<When>(), Err(NoTime::Malformed), "{text}");
        }
        for text in [
            "-200000-01-01",
            "-200000-01-01T00:00:00Z",
            "0001-01-01",
            "1999-12-31T23:59:59Z",
            "+262142-01-01",
        ] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }
}

//! Values as Postgres can hold them: what an index has of a text or a time that it cannot.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

/// Microseconds since 1970 of the first instant of year 1, and of the last of year 9999.
const YEAR_1: i64 = -62_135_596_800_000_000;
const YEAR_9999: i64 = 253_402_300_799_999_999;

/// A text with U+FFFD for each U+0000, which Postgres does not hold.
#[must_use]
pub fn text(stated: &str) -> Cow<'_, str> {
    if stated.contains('\0') {
        Cow::Owned(stated.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(stated)
    }
}

/// The nearest time of the years 1 to 9999 to one in microseconds since 1970.
#[must_use]
pub fn time(micros: i64) -> DateTime<Utc> {
    let micros = micros.clamp(YEAR_1, YEAR_9999);
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_and_what_does_not_is_made_to_fit() {
        assert_eq!(text("agent:a"), "agent:a");
        assert_eq!(text("a\0b"), "a\u{fffd}b");
        assert_eq!(
            time(1_800_000_000_000_001).timestamp_micros(),
            1_800_000_000_000_001
        );
        assert_eq!(time(i64::MIN).to_rfc3339(), "0001-01-01T00:00:00+00:00");
        assert_eq!(time(i64::MAX).timestamp_micros(), YEAR_9999);
    }
}

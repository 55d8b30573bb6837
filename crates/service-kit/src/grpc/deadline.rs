//! How long a caller waits, as gRPC says it.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

const HEADER: &str = "grpc-timeout";

/// When the caller stops waiting. Methods that stream find it in the request's extensions: what
/// they send is not over when they return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// The deadline that a request carries, counted from `now`; one that is not readable is none.
    #[must_use]
    pub fn of(headers: &HeaderMap, now: Instant) -> Option<Self> {
        let text = headers.get(HEADER)?.to_str().ok()?;
        now.checked_add(read(text)?).map(Self)
    }
}

/// At most eight digits and a unit: hours, minutes, seconds, milli-, micro- or nanoseconds.
fn read(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(count * 3_600)),
        'M' => Some(Duration::from_secs(count * 60)),
        'S' => Some(Duration::from_secs(count)),
        'm' => Some(Duration::from_millis(count)),
        'u' => Some(Duration::from_micros(count)),
        'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_what_is_none_is_no_deadline() {
        for (text, millis) in [
            ("1H", 3_600_000),
            ("2M", 120_000),
            ("3S", 3_000),
            ("40m", 40),
            ("5000u", 5),
            ("6000000n", 6),
        ] {
            assert_eq!(read(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for none in ["", "S", "10", "1x", "-1S", "123456789S", "1.5S", "é"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}

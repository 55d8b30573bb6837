/// RFC 3339 of microseconds since 1970, to the second; `None` beyond the years it can write.
pub(super) fn utc(micros: i64) -> Option<String> {
    let seconds = micros.div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    (0..10_000).contains(&year).then(|| {
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    })
}

/// Year, month and day of a day since 1970-01-01. Years are counted from March, so that a leap day is
/// the last of its year and each 400 of them are 146,097 days.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let january = i64::from(month >= 10);
    (year + era * 400 + january, month + 3 - 12 * january, day)
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn a_time_is_written_as_rfc_3339_has_it() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00Z"),
            (1_790_000_000_000_000, "2026-09-21T14:13:20Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(micros).as_deref(), Some(text));
        }
        assert_eq!(utc(i64::MAX), None);
    }
}

//! Pages: limits, times and cursors of list parameters.

use axum::extract::{FromRequestParts, Path, Query};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use writ_service_kit::ApiError;
use writ_service_kit::openapi::{Input, Part};

use crate::error::Error;
use crate::store::Cursor;

const LIMIT: u32 = 50;
const MOST: u32 = 200;

/// The parameters of a list, refused in the words of this interface.
#[derive(Debug)]
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Query::from_request_parts(parts, state).await;
        read.map(|Query(parameters)| Self(parameters))
            .map_err(|wrong| ApiError::invalid(wrong.body_text()).with_ref("ING0102"))
    }
}

impl<T: JsonSchema> Part for Parameters<T> {
    fn describe(input: &mut Input<'_>) {
        input.query::<T>();
    }
}

/// The id in a path.
#[derive(Debug)]
pub(super) struct Named(pub(super) String);

impl Part for Named {}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Path::from_request_parts(parts, state).await;
        read.map(|Path(id)| Self(id))
            .map_err(|wrong| ApiError::invalid(wrong.body_text()).with_ref("ING0102"))
    }
}

/// The number of rows of a page.
pub(super) fn limit(given: Option<u32>) -> Result<u32, Error> {
    match given.unwrap_or(LIMIT) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(Error::Parameter {
            field: "limit",
            expected: "1 to 200",
        }),
    }
}

/// An instant of a parameter.
pub(super) fn time(
    field: &'static str,
    given: Option<&str>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let parse = |text: &str| DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    given.map(parse).transpose().map_err(|_| Error::Parameter {
        field,
        expected: "an RFC 3339 time",
    })
}

/// Reads what [`next`] wrote.
pub(super) fn after(given: Option<&str>) -> Result<Option<Cursor>, Error> {
    given
        .map(|text| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (time, id, span) = serde_json::from_slice(&bytes).ok()?;
            Some(Cursor { time, id, span })
        })
        .map(|cursor| {
            cursor.ok_or(Error::Parameter {
                field: "cursor",
                expected: "the nextCursor of the page before",
            })
        })
        .transpose()
}

/// The cursor after the last row of a full page.
pub(super) fn next(rows: usize, limit: u32, last: Option<(i64, &str, &str)>) -> Option<String> {
    let full = u32::try_from(rows).is_ok_and(|rows| rows >= limit);
    let last = last.filter(|_| full)?;
    let text = serde_json::to_vec(&last).ok()?;
    Some(URL_SAFE_NO_PAD.encode(text))
}

/// Microseconds since the Unix epoch as RFC 3339.
pub(super) fn micros(us: i64) -> String {
    shown(DateTime::from_timestamp_micros(us), SecondsFormat::Micros)
}

/// Milliseconds since the Unix epoch as RFC 3339.
pub(super) fn millis(ms: i64) -> String {
    shown(DateTime::from_timestamp_millis(ms), SecondsFormat::Millis)
}

fn shown(time: Option<DateTime<Utc>>, precision: SecondsFormat) -> String {
    time.map_or_else(String::new, |time| time.to_rfc3339_opts(precision, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_ends_with_the_last_page() {
        let text = next(2, 2, Some((7, "tr/é", "sp_1"))).unwrap();
        let read = after(Some(&text)).unwrap().unwrap();
        assert_eq!(
            (read.time, read.id.as_str(), read.span.as_str()),
            (7, "tr/é", "sp_1")
        );
        assert_eq!(next(1, 2, Some((7, "t", ""))), None);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (told, field) in [
            (limit(Some(0)).map(drop), "limit"),
            (limit(Some(201)).map(drop), "limit"),
            (time("since", Some("now")).map(drop), "since"),
            (after(Some("%%")).map(drop), "cursor"),
        ] {
            assert!(told.unwrap_err().to_string().starts_with(field));
        }
    }
}

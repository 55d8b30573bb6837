//! Request bodies as values.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::{check_depth, sanitize};
use crate::error::ApiError;

/// Levels of nesting a body may have.
pub const DEPTH: usize = 64;

/// A body of the routes the SDK calls: an empty body reads as `{}`, a missing or wrong
/// content type is fine, unknown fields are ignored (`T` must not deny them), NUL and lone
/// surrogates are replaced.
#[derive(Debug, Clone, Copy)]
pub struct Lenient<T>(pub T);

/// A body of the management routes: it must be there, and unknown fields are refused by name
/// (`T` carries `deny_unknown_fields`).
#[derive(Debug, Clone, Copy)]
pub struct Strict<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Lenient<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        parse_lenient(&read(request, state).await?).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Strict<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        parse_strict(&read(request, state).await?).map(Self)
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "BODY_TOO_LARGE",
                "body is too large",
            ),
            _ => ApiError::invalid("body could not be read"),
        })
}

/// Parses as [`Lenient`] does.
///
/// # Errors
/// 400 with the place where the text stops making sense.
pub fn parse_lenient<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let blank = body.iter().all(u8::is_ascii_whitespace);
    parse(if blank { b"{}" } else { body })
}

/// Parses as [`Strict`] does.
///
/// # Errors
/// 400 with the place where the text stops making sense, or the name of an unknown field.
pub fn parse_strict<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if body.is_empty() {
        return Err(ApiError::invalid("a JSON body is required"));
    }
    parse(body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let text = sanitize(body);
    check_depth(&text, DEPTH).map_err(|deep| ApiError::invalid(deep.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| ApiError::invalid(explain(&error)))
}

fn explain(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => error.to_string(),
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => format!("malformed JSON: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Loose {
        #[serde(default)]
        reason: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Tight {
        #[expect(dead_code, reason = "only its presence matters")]
        name: String,
    }

    #[test]
    fn lenient_bodies_may_be_empty_null_or_carry_more() {
        for body in ["", "  ", "{}", r#"{"reason":null}"#, r#"{"x":1}"#] {
            assert!(
                parse_lenient::<Loose>(body.as_bytes())
                    .unwrap()
                    .reason
                    .is_none()
            );
        }
        let replaced = parse_lenient::<Loose>(br#"{"reason":"a\u0000\ud800"}"#).unwrap();
        assert_eq!(replaced.reason.as_deref(), Some("a\u{fffd}\u{fffd}"));
    }

    #[test]
    fn strict_bodies_name_the_unknown_field() {
        let refused = parse_strict::<Tight>(br#"{"name":"a","nmae":"b"}"#).unwrap_err();
        assert!(
            refused.message.contains("unknown field `nmae`"),
            "{}",
            refused.message
        );
        assert!(
            parse_strict::<Tight>(b"")
                .unwrap_err()
                .message
                .contains("required")
        );
    }

    #[test]
    fn malformed_and_too_deep_bodies_are_refused_in_words() {
        let malformed = parse_lenient::<Loose>(b"{\"reason\":").unwrap_err();
        assert!(
            malformed.message.starts_with("malformed JSON"),
            "{}",
            malformed.message
        );
        let deep = "[".repeat(100_000);
        assert!(
            parse_lenient::<Loose>(deep.as_bytes())
                .unwrap_err()
                .message
                .contains("nested")
        );
    }
}

//! The trace a request belongs to (W3C Trace Context), as facts keep it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use crate::openapi::Part;

/// The header, and the key of gRPC metadata.
pub const TRACEPARENT: &str = "traceparent";
/// Longest that is taken: those of version 00 have 55 characters.
const LONGEST: usize = 64;

/// The traceparent of a request; empty when it came without a plausible one.
#[must_use]
pub fn traceparent(headers: &HeaderMap) -> &str {
    let sent = headers
        .get(TRACEPARENT)
        .and_then(|value| value.to_str().ok());
    sent.filter(|text| text.len() <= LONGEST)
        .unwrap_or_default()
}

/// The [`traceparent`] of a request, as a handler takes it.
#[derive(Debug, Clone, Default)]
pub struct Traced(pub String);

/// No API has to name the header: whatever is in between may set it.
impl Part for Traced {}

impl<S: Send + Sync> FromRequestParts<S> for Traced {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(traceparent(&parts.headers).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_plausible_traceparent_is_taken() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut headers = HeaderMap::new();
        assert_eq!(traceparent(&headers), "");
        headers.insert(TRACEPARENT, HeaderValue::from_static(parent));
        assert_eq!(traceparent(&headers), parent);
        let long = HeaderValue::from_str(&"0".repeat(65)).unwrap();
        headers.insert(TRACEPARENT, long);
        assert_eq!(traceparent(&headers), "");
    }
}

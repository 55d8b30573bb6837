//! The header that carries a delegation token.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use writ_access::delegation::HEADER;
use writ_service_kit::openapi::{Input, Part};

/// The token as sent, if one was.
#[derive(Debug)]
pub(super) struct Shown(pub(super) Option<String>);

impl Part for Shown {
    fn describe(input: &mut Input<'_>) {
        input.header(
            "X-Writ-Delegation",
            "The token of a delegation to the agent; `metadata.delegationToken` does as well.",
        );
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Shown {
    type Rejection = Infallible;

    /// What is no text is no token, and is refused as one.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let token = parts.headers.get(HEADER);
        Ok(Self(token.map(|it| it.to_str().unwrap_or("?").to_owned())))
    }
}

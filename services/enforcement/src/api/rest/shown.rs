//! The headers that carry tokens and the trace.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use writ_access::{delegation, issuer};
use writ_service_kit::openapi::{Input, Part};
use writ_service_kit::trace::traceparent;

use crate::enforce::Tokens;

/// What was sent beside the act: tokens, if any were, and the W3C traceparent.
#[derive(Debug)]
pub(super) struct Shown {
    delegation: Option<String>,
    person: Option<String>,
    pub(super) traceparent: String,
}

impl Shown {
    pub(super) fn tokens(&self) -> Tokens<'_> {
        Tokens {
            delegation: self.delegation.as_deref(),
            person: self.person.as_deref(),
        }
    }
}

impl Part for Shown {
    fn describe(input: &mut Input<'_>) {
        input.header(
            "X-Writ-Delegation",
            "The token of a delegation to the agent; `metadata.delegationToken` does as well.",
        );
        input.header(
            "X-Writ-On-Behalf-Of",
            "The token of the person the act is for, of an OIDC issuer of the organization; \
             `metadata.userToken` does as well.",
        );
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Shown {
    type Rejection = Infallible;

    /// What is no text is no token, and is refused as one.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let text = |name| {
            let token = parts.headers.get(name)?;
            Some(token.to_str().unwrap_or("?").to_owned())
        };
        Ok(Self {
            delegation: text(delegation::HEADER),
            person: text(issuer::HEADER),
            traceparent: traceparent(&parts.headers).to_owned(),
        })
    }
}

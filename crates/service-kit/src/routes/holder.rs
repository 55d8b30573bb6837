//! Whose a long answer is: asked again before each part, since a stream may outlive its key.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use writ_access::Caller;

use super::{Gate, Peer};
use crate::error::ApiError;

/// The holder of a request's credential, on routes that ask for one.
#[derive(Debug, Clone)]
pub struct Holder {
    gate: Gate,
    headers: HeaderMap,
    peer: Option<Peer>,
}

impl Holder {
    /// The holder, by what the gate has put into a request's extensions.
    ///
    /// # Errors
    /// On a route that asks for no credential.
    pub fn of(extensions: &Extensions, headers: HeaderMap) -> Result<Self, ApiError> {
        let gate = extensions.get::<Gate>().cloned();
        Ok(Self {
            gate: gate.ok_or_else(|| ApiError::internal(&"a stream on a route without a gate"))?,
            headers,
            peer: extensions.get::<Peer>().copied(),
        })
    }

    /// The caller as of now; `None` once the credential holds no more. Counts as no call.
    pub async fn caller(&self) -> Option<Caller> {
        let peer = self.peer.map(|peer| peer.0);
        let checked = self.gate.check_credential(&self.headers, peer).await;
        checked.ok()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Holder {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::of(&parts.extensions, parts.headers.clone())
    }
}

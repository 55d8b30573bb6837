//! `Idempotency-Key`: what makes a request that is sent again the same request.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use http::HeaderMap;
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use writ_access::Caller;

use super::gate::collect;
use crate::error::ApiError;

const HEADER: &str = "idempotency-key";
const LONGEST: usize = 255;

/// A request its sender may send again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The sender's key, made its own by the id of its API key.
    pub key: String,
    /// SHA-256 over method, path, query and body.
    pub request: [u8; 32],
}

impl Once {
    /// What a gRPC call's metadata names, `path` and `message` being what it asks.
    ///
    /// # Errors
    /// When the key is none.
    pub fn of_call(
        metadata: &HeaderMap,
        caller: &Caller,
        path: &str,
        message: &[u8],
    ) -> Result<Option<Self>, ApiError> {
        let key = own(metadata, caller)?;
        let request = digest("POST", path, message);
        Ok(key.map(|key| Self { key, request }))
    }
}

/// The request's [`Once`], if it names a key; on routes with [`super::Access::Role`].
#[derive(Debug, Clone)]
pub struct Repeatable(pub Option<Once>);

/// Notes what a request that names a key asks for. Without one the body is left unread; a key that
/// is none is a 400, a body over `body_limit` a 413.
pub(super) async fn note(
    request: Request,
    caller: &Caller,
    body_limit: usize,
) -> (Request, Result<(), ApiError>) {
    let (mut parts, body) = request.into_parts();
    let key = match own(&parts.headers, caller) {
        Ok(Some(key)) => key,
        none => return (Request::from_parts(parts, body), none.map(drop)),
    };
    match collect(body, body_limit).await {
        Ok(body) => {
            let target = parts.uri.path_and_query();
            let target = target.map_or("", |target| target.as_str());
            let request = digest(parts.method.as_str(), target, &body);
            parts.extensions.insert(Once { key, request });
            (Request::from_parts(parts, Body::from(body)), Ok(()))
        }
        Err(error) => (Request::from_parts(parts, Body::empty()), Err(error)),
    }
}

/// The key that is named, made the caller's own.
fn own(headers: &HeaderMap, caller: &Caller) -> Result<Option<String>, ApiError> {
    let named = named(headers)?;
    Ok(named.map(|key| format!("{}/{key}", caller.id().unwrap_or_default())))
}

fn named(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(text) if (1..=LONGEST).contains(&text.len()) => Ok(Some(text.to_owned())),
        Ok(_) | Err(_) => Err(ApiError::invalid(
            "Idempotency-Key: 1 to 255 visible ASCII characters",
        )),
    }
}

fn digest(method: &str, target: &str, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [method.as_bytes(), target.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl<S: Send + Sync> FromRequestParts<S> for Repeatable {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Once>().cloned()))
    }
}

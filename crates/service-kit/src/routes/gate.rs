//! The check before every handler: credential, role, signature, rate.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use writ_access::issuer::ORGANIZATION;
use writ_access::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use writ_access::{Caller, Checker, IpNet, Presented, Refusal};

use super::limits::{Limits, Verdict};
use super::{Access, Class, Guard, Visitors, once, refuse};
use crate::clock::Clock;
use crate::error::ApiError;
use crate::trace::traceparent;

/// How much of a refused request's body is read, and for how long.
const UNREAD_LIMIT: usize = 256 * 1024;
const UNREAD_WAIT: Duration = Duration::from_millis(500);

/// Where a connection comes from; put into the extensions by the accept loop.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The authenticated caller of a route with [`Access::Role`].
#[derive(Debug, Clone)]
pub struct Authed(pub Caller);

/// How authentication went, on a route with [`Access::Deferred`].
#[derive(Debug, Clone)]
pub struct Attempt(pub Result<Caller, ApiError>);

/// Decides whether a request reaches its handler; clones share limits and keys.
#[derive(Debug, Clone)]
pub struct Gate {
    inner: Arc<Inner>,
    visitors: Option<Arc<dyn Visitors>>,
}

#[derive(Debug)]
struct Inner {
    checker: Checker,
    clock: Arc<dyn Clock>,
    limits: Limits,
    trusted: Vec<IpNet>,
}

impl Gate {
    /// A gate over a feed of keys. `trusted` are the hops whose `X-Forwarded-For` is believed.
    #[must_use]
    pub fn new(
        checker: Checker,
        clock: Arc<dyn Clock>,
        limits: Limits,
        trusted: Vec<IpNet>,
    ) -> Self {
        let inner = Arc::new(Inner {
            checker,
            clock,
            limits,
            trusted,
        });
        Self {
            inner,
            visitors: None,
        }
    }

    /// With somebody who is told of people that come in with tokens of their own.
    #[must_use]
    pub fn telling(self, visitors: Arc<dyn Visitors>) -> Self {
        Self {
            visitors: Some(visitors),
            ..self
        }
    }

    /// The check of a bare key, for transports without these headers (Socket.IO).
    ///
    /// # Errors
    /// 401 with a stable code.
    pub async fn check_key(&self, key: &str, ip: Option<IpAddr>) -> Result<Caller, ApiError> {
        let now_ms = self.inner.clock.now_ms();
        self.inner
            .checker
            .check_key(key, ip, now_ms)
            .await
            .map_err(unauthorized)
    }

    pub(crate) async fn check(
        &self,
        headers: &HeaderMap,
        peer: Option<SocketAddr>,
        raw_body: &[u8],
        guard: &Guard,
    ) -> Result<Caller, ApiError> {
        let presented = Presented {
            unsigned: !guard.signs,
            ..self.presented(headers, peer, raw_body)
        };
        let checked = self
            .inner
            .checker
            .check(presented, self.inner.clock.now_ms());
        let checked = checked.await;
        self.tell(&checked, &presented, headers).await;
        let caller = checked.map_err(unauthorized)?;
        // What agents do is recorded under a key, which can be revoked.
        if caller.key_id().is_none() && matches!(guard.class, Class::Enforce | Class::Ingest) {
            return Err(unauthorized(Refusal::OnlyKeys));
        }
        Ok(caller)
    }

    async fn tell(
        &self,
        checked: &Result<Caller, Refusal>,
        presented: &Presented<'_>,
        headers: &HeaderMap,
    ) {
        let Some(visitors) = &self.visitors else {
            return;
        };
        match checked {
            Ok(caller) => {
                if let Some(sign_in) = caller.sign_in() {
                    visitors
                        .signed_in(caller, sign_in, traceparent(headers))
                        .await;
                }
            }
            Err(refusal) => {
                if let Some((org, issuer)) = self.inner.checker.refused_at(presented) {
                    visitors.refused(org, issuer, *refusal);
                }
            }
        }
    }

    /// What can be refused before the body is there.
    pub(super) async fn check_credential(
        &self,
        headers: &HeaderMap,
        peer: Option<SocketAddr>,
    ) -> Result<Caller, ApiError> {
        let presented = self.presented(headers, peer, &[]);
        self.inner
            .checker
            .check_credential(&presented, self.inner.clock.now_ms())
            .await
            .map_err(unauthorized)
    }

    fn presented<'a>(
        &self,
        headers: &'a HeaderMap,
        peer: Option<SocketAddr>,
        raw_body: &'a [u8],
    ) -> Presented<'a> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Presented {
            authorization: text(header::AUTHORIZATION.as_str()),
            x_api_key: text("x-api-key"),
            timestamp: text(TIMESTAMP_HEADER),
            signature: text(SIGNATURE_HEADER),
            organization: text(ORGANIZATION),
            raw_body,
            unsigned: false,
            client_ip: self.client_ip(headers, peer),
        }
    }

    /// Where a request comes from: the nearest address that is not a trusted hop.
    #[must_use]
    pub fn client_ip(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<IpAddr> {
        let peer = peer?.ip().to_canonical();
        let trusted = |ip: &IpAddr| self.inner.trusted.iter().any(|net| net.contains(ip));
        if !trusted(&peer) {
            return Some(peer);
        }
        let hops = headers.get_all("x-forwarded-for");
        let named: Vec<&str> = hops
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .collect();
        let mut nearest = peer;
        for hop in named.into_iter().rev() {
            // A hop that does not parse hides everything behind it.
            nearest = hop.trim().parse::<IpAddr>().ok()?.to_canonical();
            if !trusted(&nearest) {
                break;
            }
        }
        Some(nearest)
    }

    pub(crate) fn count(&self, caller: &Caller, guard: &Guard) -> Verdict {
        self.inner
            .limits
            .check(guard.class, caller.org_id(), caller.id())
    }
}

fn unauthorized(refusal: Refusal) -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        refusal.code(),
        refusal.to_string(),
    )
    .with_header(
        header::WWW_AUTHENTICATE,
        http::HeaderValue::from_static("Bearer"),
    )
}

/// The caller if it has what a route asks for.
///
/// # Errors
/// 403 naming what is needed.
pub(crate) fn require(caller: Caller, access: Access) -> Result<Caller, ApiError> {
    let may = match access {
        Access::Role(role) => caller.require(role),
        Access::Approver => caller.require_approver(),
        Access::Public | Access::Deferred => Ok(()),
    };
    match may {
        Ok(()) => Ok(caller),
        Err(no) => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            no.code(),
            no.to_string(),
        )),
    }
}

/// The middleware of every route.
pub(super) async fn pass(
    State((gate, guard)): State<(Gate, Guard)>,
    request: Request,
    next: Next,
) -> Response {
    if guard.access == Access::Public {
        return next.run(request).await;
    }
    let (mut request, outcome) = authenticate(&gate, &guard, request).await;
    request.extensions_mut().insert(gate.clone());
    let verdict = outcome
        .as_ref()
        .ok()
        .map(|caller| gate.count(caller, &guard));
    let outcome = match (outcome, verdict.as_ref().and_then(Verdict::refusal)) {
        (Ok(_), Some(too_many)) => Err(too_many),
        (outcome, _) => outcome,
    };
    match (guard.access, outcome) {
        (Access::Deferred, outcome) => drop(request.extensions_mut().insert(Attempt(outcome))),
        (Access::Role(_) | Access::Approver, Ok(caller)) => {
            let (entering, entered) = enter(request, caller, &guard).await;
            if let Err(error) = entered {
                return refuse_unread(entering, error).await;
            }
            request = entering;
        }
        (Access::Role(_) | Access::Approver, Err(error)) => {
            return refuse_unread(request, error).await;
        }
        (Access::Public, _) => {}
    }
    let mut response = next.run(request).await;
    if let Some(verdict) = verdict {
        response.headers_mut().extend(verdict.headers());
    }
    response
}

/// Lets a caller in who may, and notes under which key it may come again.
async fn enter(
    mut request: Request,
    caller: Caller,
    guard: &Guard,
) -> (Request, Result<(), ApiError>) {
    match require(caller, guard.access) {
        Ok(caller) => {
            request.extensions_mut().insert(Authed(caller.clone()));
            once::note(request, &caller, guard.body_limit).await
        }
        Err(forbidden) => (request, Err(forbidden)),
    }
}

/// Refuses, and reads away a small body first: a client that is still sending when the connection
/// closes would not see the answer.
async fn refuse_unread(request: Request, error: ApiError) -> Response {
    let rest = collect(request.into_body(), UNREAD_LIMIT);
    if tokio::time::timeout(UNREAD_WAIT, rest).await.is_err() {
        tracing::debug!("a refused body was still being sent");
    }
    refuse(error)
}

async fn authenticate(
    gate: &Gate,
    guard: &Guard,
    request: Request,
) -> (Request, Result<Caller, ApiError>) {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let (parts, body) = request.into_parts();
    // Only a signature needs the whole body before the handler asks for it, and only a known key's.
    let (body, raw) = if parts.headers.contains_key(SIGNATURE_HEADER) {
        if let Err(error) = gate.check_credential(&parts.headers, peer).await {
            return (Request::from_parts(parts, body), Err(error));
        }
        match collect(body, guard.body_limit).await {
            Ok(raw) => (Body::from(raw.clone()), raw),
            Err(error) => return (Request::from_parts(parts, Body::empty()), Err(error)),
        }
    } else {
        (body, Bytes::new())
    };
    let outcome = gate.check(&parts.headers, peer, &raw, guard).await;
    (Request::from_parts(parts, body), outcome)
}

pub(super) async fn collect(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "BODY_TOO_LARGE",
            "body is too large",
        )),
        Err(_) => Err(ApiError::invalid("body could not be read")),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| ApiError::internal(&"a handler asked for a caller its route lacks"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Attempt {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| ApiError::internal(&"a handler asked for an attempt its route lacks"))
    }
}

//! gRPC services beside REST on one router, behind the same gate.

mod deadline;

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use tonic::Status;
use tonic::server::NamedService;
use tower::{Service, ServiceExt};
use writ_access::Caller;

pub use deadline::Deadline;

use crate::error::ApiError;
use crate::routes::{Access, Attempt, Authed, Gate, Guard, Peer, require};

/// Collects the gRPC services of one service. A call that carries a deadline ends with it; a stream
/// finds its [`Deadline`] in the request's extensions.
#[derive(Debug)]
pub struct Services {
    gate: Gate,
    router: Router,
    names: Vec<&'static str>,
}

impl Services {
    /// No services yet.
    #[must_use]
    pub fn new(gate: Gate) -> Self {
        Self {
            gate,
            router: Router::new(),
            names: Vec::new(),
        }
    }

    /// Adds a generated server. Its methods find an [`Authed`] (or [`Attempt`]) in the request's
    /// extensions; message sizes are limited on the server itself.
    #[must_use]
    pub fn with<S>(mut self, guard: impl Into<Guard>, server: S) -> Self
    where
        S: Service<http::Request<tonic::body::Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        let server = server.map_request(|request: Request| request.map(tonic::body::Body::new));
        let one = Router::new()
            .route_service(&format!("/{}/{{*method}}", S::NAME), server)
            .layer(from_fn_with_state((self.gate.clone(), guard.into()), pass));
        self.router = self.router.merge(one);
        self.names.push(S::NAME);
        self
    }

    /// The router and the full names of its services.
    pub fn build(self) -> (Router, Vec<&'static str>) {
        (self.router, self.names)
    }
}

/// The caller that the gate put into a request.
///
/// # Errors
/// `INTERNAL` when the method's service was not added with [`Access::Role`].
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, tonic::Status> {
    let found = request
        .extensions()
        .get::<Authed>()
        .map(|authed| authed.0.clone());
    found.ok_or_else(|| tonic::Status::internal("no caller"))
}

/// The gate of a method, to be asked again for each message of a stream: a stream may outlive its
/// key. Stands in the request's extensions.
#[derive(Debug, Clone)]
pub struct Recheck {
    gate: Gate,
    guard: Guard,
    peer: Option<SocketAddr>,
}

impl Recheck {
    /// The caller as of now; counts as one call.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `PERMISSION_DENIED` or `RESOURCE_EXHAUSTED`, as for a call of its own.
    pub async fn caller(&self, headers: &http::HeaderMap) -> Result<Caller, tonic::Status> {
        let caller = self.counted(headers).await?;
        Ok(require(caller, self.guard.access)?)
    }

    async fn counted(&self, headers: &http::HeaderMap) -> Result<Caller, ApiError> {
        let caller = self
            .gate
            .check(headers, self.peer, b"", &self.guard)
            .await?;
        match self.gate.count(&caller, &self.guard).refusal() {
            Some(too_many) => Err(too_many),
            None => Ok(caller),
        }
    }
}

async fn pass(
    State((gate, guard)): State<(Gate, Guard)>,
    mut request: Request,
    next: Next,
) -> Response {
    if guard.access == Access::Public {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    request.extensions_mut().insert(gate.clone());
    let recheck = Recheck { gate, guard, peer };
    let outcome = recheck.counted(request.headers()).await;
    request.extensions_mut().insert(recheck);
    match (guard.access, outcome) {
        (Access::Public | Access::Deferred, outcome) => {
            drop(request.extensions_mut().insert(Attempt(outcome)));
        }
        (asked, outcome) => match outcome.and_then(|caller| require(caller, asked)) {
            Ok(caller) => drop(request.extensions_mut().insert(Authed(caller))),
            Err(error) => return status(error),
        },
    }
    let Some(deadline) = Deadline::of(request.headers(), Instant::now()) else {
        return next.run(request).await;
    };
    request.extensions_mut().insert(deadline);
    let answered = tokio::time::timeout_at(deadline.0, next.run(request)).await;
    answered.unwrap_or_else(|_| Status::deadline_exceeded("the deadline has passed").into_http())
}

fn status(error: ApiError) -> Response {
    tonic::Status::from(error).into_http()
}

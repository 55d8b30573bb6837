//! The table of endpoints: path × method × who may call it. Router, docs and tests come from it,
//! and what is not in it does not exist.

mod access;
mod gate;
mod holder;
mod limits;
mod once;
mod saying;
mod visitors;

use std::convert::Infallible;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use writ_access::Role;

use crate::openapi::{Parts, Said};

pub use access::AccessConfig;
pub(crate) use gate::require;
pub use gate::{Attempt, Authed, Gate, Peer};
pub use holder::Holder;
pub use limits::{Limits, LimitsConfig};
pub use once::{Once, Repeatable};
pub use visitors::Visitors;

/// Where every versioned route is mounted; the SDK uses the second with `api_version=None`.
pub const PREFIXES: [&str; 2] = ["/api/v1", "/api"];

const MEBIBYTE: usize = 1024 * 1024;

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; the only way to a route without credentials.
    Public,
    /// A caller of at least this role; the handler may ask for its [`Authed`] caller.
    Role(Role),
    /// A caller who may decide approvals.
    Approver,
    /// The handler decides over an [`Attempt`]: for routes that answer refusals in their own way.
    Deferred,
}

/// Which bucket a call is counted in, per organisation and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Management calls.
    Control,
    /// Traces.
    Ingest,
    /// Decisions.
    Enforce,
    /// Polls and heartbeats, which a 429 would harm more than help.
    Generous,
    /// Not counted.
    Unlimited,
}

/// Everything that is checked before a handler runs.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    pub(crate) access: Access,
    pub(crate) class: Class,
    pub(crate) body_limit: usize,
    pub(crate) signs: bool,
}

impl From<Access> for Guard {
    fn from(access: Access) -> Self {
        let class = if access == Access::Public {
            Class::Unlimited
        } else {
            Class::Control
        };
        Self {
            access,
            class,
            body_limit: MEBIBYTE,
            signs: true,
        }
    }
}

impl Access {
    /// With another bucket than [`Class::Control`].
    #[must_use]
    pub fn class(self, class: Class) -> Guard {
        Guard::from(self).class(class)
    }

    /// With another body limit than 1 MiB, in bytes after decompression.
    #[must_use]
    pub fn body_limit(self, bytes: usize) -> Guard {
        Guard::from(self).body_limit(bytes)
    }
}

impl Guard {
    /// With another bucket.
    #[must_use]
    pub fn class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// For clients that cannot sign: a key that requires signed requests does not require it here.
    #[must_use]
    pub fn unsigned(self) -> Self {
        Self {
            signs: false,
            ..self
        }
    }

    /// With another body limit, in bytes after decompression.
    #[must_use]
    pub fn body_limit(self, body_limit: usize) -> Self {
        Self { body_limit, ..self }
    }
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Role(role) => write!(f, "{role}"),
            Self::Approver => f.write_str("approver"),
            Self::Deferred => f.write_str("deferred"),
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// HTTP method.
    pub method: Method,
    /// Path as in the router, without the prefixes unless it is unprefixed.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// Mounted as it stands instead of under [`PREFIXES`].
    pub unprefixed: bool,
    /// What the API's document says of it.
    pub(crate) said: Said,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let prefix = if self.unprefixed { "" } else { PREFIXES[0] };
        write!(f, "{} {prefix}{} {}", self.method, self.path, self.access)
    }
}

/// Collects the endpoints of one service.
pub struct Routes<S> {
    gate: Gate,
    versioned: Router<S>,
    bare: Router<S>,
    table: Vec<Endpoint>,
}

impl<S> std::fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

macro_rules! methods {
    ($($name:ident, $method:ident;)*) => {$(
        #[doc = concat!("Adds a ", stringify!($method), " route under both prefixes.")]
        #[must_use]
        pub fn $name<H, T>(self, path: &str, guard: impl Into<Guard>, handler: H) -> Self
        where
            H: Handler<T, S>,
            T: Parts + 'static,
        {
            self.add(Method::$method, MethodFilter::$method, path, guard.into(), handler)
        }
    )*};
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// An empty table behind a gate.
    #[must_use]
    pub fn new(gate: Gate) -> Self {
        Self {
            gate,
            versioned: Router::new(),
            bare: Router::new(),
            table: Vec::new(),
        }
    }

    methods! {
        get, GET;
        post, POST;
        put, PUT;
        patch, PATCH;
        delete, DELETE;
    }

    /// Adds a GET route outside the prefixes, such as `/health`.
    #[must_use]
    pub fn get_bare<H, T>(mut self, path: &str, guard: impl Into<Guard>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: Parts + 'static,
    {
        let guard = guard.into();
        let route = self.guarded(MethodFilter::GET, guard, handler);
        self.bare = self.bare.route(path, route);
        self.record::<T>(Method::GET, path, guard, true)
    }

    /// Adds a POST route outside the prefixes, such as `/v1/traces`.
    #[must_use]
    pub fn post_bare<H, T>(mut self, path: &str, guard: impl Into<Guard>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: Parts + 'static,
    {
        let guard = guard.into();
        let route = self.guarded(MethodFilter::POST, guard, handler);
        self.bare = self.bare.route(path, route);
        self.record::<T>(Method::POST, path, guard, true)
    }

    /// Every endpoint added so far.
    #[must_use]
    pub fn table(&self) -> &[Endpoint] {
        &self.table
    }

    /// The router and its table.
    pub fn build(self, state: S) -> (Router, Vec<Endpoint>) {
        let mut router = self.bare;
        for prefix in PREFIXES {
            router = router.nest(prefix, self.versioned.clone());
        }
        (router.with_state(state), self.table)
    }

    fn add<H, T>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &str,
        guard: Guard,
        handler: H,
    ) -> Self
    where
        H: Handler<T, S>,
        T: Parts + 'static,
    {
        let route = self.guarded(filter, guard, handler);
        self.versioned = self.versioned.route(path, route);
        self.record::<T>(method, path, guard, false)
    }

    fn record<T: Parts>(
        mut self,
        method: Method,
        path: &str,
        guard: Guard,
        unprefixed: bool,
    ) -> Self {
        let (path, access) = (path.to_owned(), guard.access);
        self.table.push(Endpoint {
            method,
            path,
            access,
            unprefixed,
            said: Said::of::<T>(),
        });
        self
    }

    fn guarded<H, T>(&self, filter: MethodFilter, guard: Guard, handler: H) -> MethodRouter<S>
    where
        H: Handler<T, S>,
        T: 'static,
    {
        // A deferred route answers everything itself: an encoding nobody reads is then a body that
        // makes no sense, instead of a 415.
        let unpack = tower_http::decompression::RequestDecompressionLayer::new()
            .pass_through_unaccepted(guard.access == Access::Deferred);
        on(filter, handler)
            .layer::<_, Infallible>(DefaultBodyLimit::max(guard.body_limit))
            .layer(unpack)
            .layer(from_fn_with_state((self.gate.clone(), guard), gate::pass))
    }
}

/// A refusal of the gate as a response.
pub(crate) fn refuse(error: crate::ApiError) -> axum::response::Response {
    error.into_response()
}

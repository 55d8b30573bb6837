//! What a service is built from, and what building it gives.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::ready::ReadyLatch;
use crate::routes::Endpoint;
use crate::telemetry::Metrics;

/// Why a service stopped running.
pub type RunError = Box<dyn std::error::Error + Send + Sync>;

/// What the process gives to a service.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The shared connection to NATS.
    pub nats: async_nats::Client,
    /// First token of every subject, `writ` in production, one per test otherwise.
    pub prefix: String,
    /// Cancelled when the process has to stop.
    pub cancel: CancellationToken,
    /// Renders `/metrics`.
    pub metrics: Metrics,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A service, wired and not yet running.
pub struct Built {
    /// Its name, as in the topology.
    pub name: &'static str,
    /// REST and gRPC paths, without probes and fallbacks.
    pub router: axum::Router,
    /// Encoded file descriptor sets of its gRPC services, for reflection.
    pub descriptors: Vec<&'static [u8]>,
    /// Full names of its gRPC services, for the health service.
    pub grpc_names: Vec<&'static str>,
    /// Every REST endpoint with its access rule.
    pub endpoints: Vec<Endpoint>,
    /// Ready when it may be given traffic.
    pub ready: ReadyLatch,
    /// Its loops; resolves after a drain, or early with the reason it cannot go on.
    pub run: BoxFuture<'static, Result<(), RunError>>,
}

impl fmt::Debug for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Built")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

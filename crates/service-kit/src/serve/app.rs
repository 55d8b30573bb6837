//! Several services, or one, as one router with probes.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use super::dress::dress;
use crate::deps::Built;
use crate::error::ApiError;
use crate::ready::ReadyLatch;
use crate::tasks::Tasks;
use crate::telemetry::Metrics;

/// How an app treats requests.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long a handler may take until its response begins.
    pub request_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// The router of a process under construction.
#[derive(Debug)]
pub struct App {
    metrics: Metrics,
    options: Options,
    router: Router,
    latches: Vec<ReadyLatch>,
    descriptors: Vec<&'static [u8]>,
    names: Vec<(&'static str, ReadyLatch)>,
}

#[derive(Debug, Clone)]
struct Probes {
    metrics: Metrics,
    latches: Vec<ReadyLatch>,
}

impl App {
    /// An app without services.
    #[must_use]
    pub fn new(metrics: Metrics, options: Options) -> Self {
        let (router, latches) = (Router::new(), Vec::new());
        Self {
            metrics,
            options,
            router,
            latches,
            descriptors: Vec::new(),
            names: Vec::new(),
        }
    }

    /// Adds a service's routes, probes and gRPC names.
    #[must_use]
    pub fn with(mut self, built: &Built) -> Self {
        self.router = self.router.merge(built.router.clone());
        self.latches.push(built.ready.clone());
        self.names.extend(
            built
                .grpc_names
                .iter()
                .map(|name| (*name, built.ready.clone())),
        );
        for set in &built.descriptors {
            if !self.descriptors.contains(set) {
                self.descriptors.push(set);
            }
        }
        self
    }

    /// Adds routes that belong to no service.
    #[must_use]
    pub fn merge(mut self, router: Router) -> Self {
        self.router = self.router.merge(router);
        self
    }

    /// The finished router: probes, gRPC health and reflection, fallbacks, and the layers.
    pub fn finish(self, tasks: &Tasks) -> Router {
        let probes = Probes {
            metrics: self.metrics.clone(),
            latches: self.latches.clone(),
        };
        let probes = Router::new()
            .route("/livez", get(|| async { "ok" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(probes);
        let router = self.router.clone().merge(probes).merge(self.health(tasks));
        self.reflect(router)
            .fallback(async || ApiError::not_found("route"))
            .method_not_allowed_fallback(async || {
                let (status, code) = (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED");
                ApiError::new(status, code, "this path does not support the method")
            })
            .layer(TimeoutLayer::with_status_code(
                StatusCode::SERVICE_UNAVAILABLE,
                self.options.request_timeout,
            ))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(axum::middleware::from_fn(dress))
    }

    /// The standard gRPC health service, told by the latches.
    fn health(&self, tasks: &Tasks) -> Router {
        let (reporter, server) = tonic_health::server::health_reporter();
        for (name, latch) in self.names.clone() {
            let reporter = reporter.clone();
            let cancel = tasks.cancel().clone();
            tasks.spawn("grpc health", async move {
                let mut seen = latch.watch();
                loop {
                    let status = if *seen.borrow_and_update() {
                        tonic_health::ServingStatus::Serving
                    } else {
                        tonic_health::ServingStatus::NotServing
                    };
                    reporter.set_service_status(name, status).await;
                    match cancel.run_until_cancelled(seen.changed()).await {
                        Some(Ok(())) => {}
                        Some(Err(_)) | None => return,
                    }
                }
            });
        }
        tonic::service::Routes::new(server)
            .into_axum_router()
            .reset_fallback()
    }

    /// Both names of the protocol: many clients still know only the older one.
    fn reflect(&self, router: Router) -> Router {
        if self.descriptors.is_empty() {
            return router;
        }
        let builder = || {
            let mut builder = tonic_reflection::server::Builder::configure();
            for set in &self.descriptors {
                builder = builder.register_encoded_file_descriptor_set(set);
            }
            builder
        };
        match (builder().build_v1(), builder().build_v1alpha()) {
            (Ok(current), Ok(older)) => {
                let routes = tonic::service::Routes::new(current).add_service(older);
                router.merge(routes.into_axum_router().reset_fallback())
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "gRPC reflection is off: a descriptor set does not decode");
                router
            }
        }
    }
}

async fn readyz(State(probes): State<Probes>) -> Response {
    let missing: Vec<_> = probes
        .latches
        .iter()
        .flat_map(|latch| {
            latch
                .missing()
                .into_iter()
                .map(|(what, why)| (latch.name(), what, why))
        })
        .map(|(service, what, why)| json!({ "service": service, "what": what, "why": why }))
        .collect();
    let ready = missing.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(json!({ "ready": ready, "missing": missing }))).into_response()
}

async fn metrics(State(probes): State<Probes>) -> Response {
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (kind, probes.metrics.render()).into_response()
}

fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    metrics::counter!("writ_http_panics_total").increment(1);
    ApiError::internal(&"a handler panicked").into_response()
}

//! REST: traces in, traces and decisions out.

mod bypass;
mod decisions;
mod grpc;
pub(crate) mod ingest;
mod otlp;
mod page;
mod resolutions;
mod status;
mod traces;

use std::sync::Arc;

use tonic::codec::CompressionEncoding;
use writ_access::Role;
use writ_service_kit::grpc::Services;
use writ_service_kit::routes::{Access, Class, Endpoint, Gate, Routes};

use crate::consume::Registrar;
use crate::intake::Intake;
use crate::otlp::collector::trace_service_server::TraceServiceServer as OtlpServer;
use crate::publish::Facts;
use crate::publishers::Tally;
use crate::store::Store;
use crate::wire::TraceServiceServer;

/// What handlers work with.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) intake: Arc<Intake>,
    pub(crate) store: Store,
    pub(crate) tally: Arc<Tally>,
    pub(crate) registrar: Arc<Registrar>,
    pub(crate) facts: Facts,
}

/// The endpoints of this service.
pub(crate) fn router(gate: Gate, api: Api, max_body: usize) -> (axum::Router, Vec<Endpoint>) {
    let send = Access::Role(Role::Developer)
        .class(Class::Ingest)
        .body_limit(max_body);
    let read = Access::Role(Role::Viewer);
    // Whoever may act may have acted without a decision, and a 429 or a 403 would lose the evidence.
    let evidence = read.class(Class::Generous);
    Routes::new(gate)
        .post("/traces/ingest", send, ingest::ingest)
        .get("/traces", read, traces::list)
        .get("/traces/publishers", read, ingest::publishers)
        .get("/traces/{id}", read, traces::one)
        .post("/traces/{id}/resolutions", send, resolutions::resolve)
        .post_bare("/v1/traces", send, otlp::export)
        .post("/sdk/bypass-windows", evidence, bypass::report)
        .get("/decisions", read, decisions::list)
        .get("/decisions/{id}", read, decisions::one)
        .build(api)
}

/// The gRPC services and their names.
pub(crate) fn services(gate: Gate, api: Api, most: usize) -> (axum::Router, Vec<&'static str>) {
    let send = Access::Role(Role::Developer).class(Class::Ingest);
    let traces = TraceServiceServer::new(api.clone()).max_decoding_message_size(most);
    let otlp = OtlpServer::new(api)
        .max_decoding_message_size(most)
        .accept_compressed(CompressionEncoding::Gzip);
    Services::new(gate)
        .with(send, traces)
        .with(send, otlp)
        .build()
}

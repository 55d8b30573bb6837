//! REST: traces in, traces and decisions out.

mod bypass;
mod decisions;
mod grpc;
pub(crate) mod ingest;
mod page;
mod status;
mod traces;

use std::sync::Arc;

use writ_access::Role;
use writ_service_kit::grpc::Services;
use writ_service_kit::routes::{Access, Class, Endpoint, Gate, Routes};

use crate::consume::Registrar;
use crate::intake::Intake;
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
        .post("/sdk/bypass-windows", evidence, bypass::report)
        .get("/decisions", read, decisions::list)
        .get("/decisions/{id}", read, decisions::one)
        .build(api)
}

/// The gRPC services and their names.
pub(crate) fn services(gate: Gate, api: Api, most: usize) -> (axum::Router, Vec<&'static str>) {
    let send = Access::Role(Role::Developer).class(Class::Ingest);
    let server = TraceServiceServer::new(api).max_decoding_message_size(most);
    Services::new(gate).with(send, server).build()
}

//! REST: traces in, traces and decisions out.

mod bypass;
mod decisions;
mod grpc;
pub(crate) mod ingest;
mod otlp;
mod page;
mod resolutions;
mod shape;
mod simulate;
mod status;
mod traces;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tonic::codec::CompressionEncoding;
use writ_access::Role;
use writ_service_kit::grpc::Services;
use writ_service_kit::json::{Data, Page};
use writ_service_kit::routes::{Access, Class, Endpoint, Gate, Routes};

use crate::consume::Registrar;
use crate::domain::Resolution;
use crate::intake::Intake;
use crate::otlp::collector::trace_service_server::TraceServiceServer as OtlpServer;
use crate::publish::Facts;
use crate::publishers::{Sent, Tally};
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
    /// Turns of simulations.
    pub(crate) simulating: Arc<Semaphore>,
}

/// The endpoints of this service.
pub(crate) fn router(gate: Gate, api: Api, max_body: usize) -> (axum::Router, Vec<Endpoint>) {
    let send = Access::Role(Role::Developer)
        .class(Class::Ingest)
        .body_limit(max_body);
    let read = Access::Role(Role::Viewer);
    // Whoever may act may have acted without a decision, and a 429 or a 403 would lose the evidence.
    let evidence = read.class(Class::Generous);
    // An exporter of OpenTelemetry sends its key and no signature.
    let exporter = send.unsigned();
    let routes = Routes::new(gate)
        .post("/traces/ingest", send, ingest::ingest)
        .says(
            "Ingest traces",
            "202 once everything that is not refused is stored. A refused trace is listed in \
             `errors` and does not take the others with it; sending one again is fine.",
        )
        .takes::<shape::Chunk>()
        .answers::<shape::Ingested>(202)
        .get("/traces", read, traces::list)
        .says("List traces", "Latest first, without inputs and outputs.")
        .answers::<Page<traces::Shown<'_>>>(200)
        .get("/traces/publishers", read, ingest::publishers)
        .says(
            "Count messages of publishers",
            "What outside NATS publishers sent to this replica since it started.",
        )
        .answers::<Data<Sent>>(200)
        .get("/traces/{id}", read, traces::one)
        .says("Get a trace", "Every span of it.")
        .answers::<Data<traces::Whole<'_>>>(200)
        .post("/traces/{id}/resolutions", send, resolutions::resolve)
        .says(
            "Resolve a trace",
            "Records what was learnt of an act after its trace; the trace's own status stays.",
        )
        .answers::<Data<Resolution>>(201)
        .post_bare("/v1/traces", exporter, otlp::export)
        .says(
            "Export OTLP traces",
            "OpenTelemetry's own form, as protobuf or JSON; refused spans are a partial success.",
        )
        .takes::<shape::Export>()
        .answers::<shape::Exported>(200)
        .post("/sdk/bypass-windows", evidence, bypass::report)
        .says(
            "Report bypass windows",
            "Times in which a client acted without a decision; what is out of bounds is listed in \
             `errors`.",
        )
        .takes::<bypass::Windows>()
        .answers::<bypass::Stated>(200);
    reads_of_decisions(routes).build(api)
}

fn reads_of_decisions(to: Routes<Api>) -> Routes<Api> {
    let read = Access::Role(Role::Viewer);
    to.get("/decisions", read, decisions::list)
        .says("List decisions", "Latest first.")
        .answers::<Page<decisions::Shown<'_>>>(200)
        .get("/decisions/{id}", read, decisions::one)
        .says("Get a decision", "`id` is `dec_…` or the bare UUID.")
        .answers::<Data<decisions::Shown<'_>>>(200)
        .post(
            "/policies/simulate",
            Access::Role(Role::Developer),
            simulate::simulate,
        )
        .says(
            "Simulate a policy",
            "What a draft would have done to the latest decisions. Nothing is stored.",
        )
        .answers::<Data<simulate::Simulated>>(200)
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
        .with(send.unsigned(), otlp)
        .build()
}

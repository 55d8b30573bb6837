//! REST and gRPC: the audit log, its proofs, and the bundle anyone can verify offline.

mod checkpoint;
mod compliance;
mod coverage;
mod export;
pub(crate) mod grpc;
mod keys;
mod logs;
mod receipt;
mod recorded;
mod signed;
mod status;
mod tiles;

use std::sync::Arc;

use writ_access::Role;
use writ_pg::ApiPool;
use writ_service_kit::Clock;
use writ_service_kit::grpc::Services;
use writ_service_kit::json::{Data, Page};
use writ_service_kit::routes::{Access, Gate, Routes};

use crate::domain::compliance::Catalogues;
use crate::keys::Keys;
use grpc::v1::ledger_service_server::LedgerServiceServer;

/// What handlers need.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) pool: ApiPool,
    pub(crate) keys: Arc<Keys>,
    pub(crate) catalogues: Arc<Catalogues>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether witnesses are asked, so that it is worth waiting for one.
    pub(crate) witnessed: bool,
}

pub(crate) fn routes(gate: Gate) -> Routes<State> {
    let log = Routes::new(gate)
        .get("/audit-logs", Access::Role(Role::Developer), logs::list)
        .says("List audit log entries", "Latest first.")
        .answers::<Page<logs::EntryDto>>(200)
        .get("/audit/export", Access::Role(Role::Admin), export::bundle)
        .says(
            "Export the ledger",
            "Sealed entries as a bundle that `writ audit verify` checks offline. What is not asked for \
             is in it as hashes, so that the rest still adds up to the signed checkpoint.",
        )
        .sends("application/jsonl")
        .sends("text/plain");
    evidence(own_tree(global_log(proofs(log))))
}

/// The gRPC service and its name.
pub(crate) fn services(gate: Gate, state: State) -> (axum::Router, Vec<&'static str>) {
    let server = LedgerServiceServer::new(state);
    Services::new(gate)
        .with(Access::Role(Role::Viewer), server)
        .build()
}

/// What is signed, and with what.
fn proofs(to: Routes<State>) -> Routes<State> {
    to.get(
        "/audit/checkpoint",
        Access::Role(Role::Viewer),
        checkpoint::latest,
    )
    .says(
        "Get the checkpoint",
        "The latest signed head of the ledger; with `Accept: text/plain` the bare note.",
    )
    .answers::<Data<checkpoint::CheckpointDto>>(200)
    .get(
        "/audit/decisions/{id}/receipt",
        Access::Role(Role::Viewer),
        receipt::show,
    )
    .says(
        "Get a receipt",
        "Of a decision: that it is in the signed ledger, for anyone to check offline with \
         `writ audit verify --file`. While it is not sealed yet: 503 with `Retry-After`.",
    )
    .answers::<Data<signed::SignedDto>>(200)
    .get(
        "/audit/entries/{seq}/receipt",
        Access::Role(Role::Developer),
        receipt::show_entry,
    )
    .says(
        "Get a receipt of an entry",
        "As of a decision, for any entry, by its number in the audit log.",
    )
    .answers::<Data<signed::SignedDto>>(200)
    .get(
        "/audit/coverage",
        Access::Role(Role::Viewer),
        coverage::show,
    )
    .says(
        "Get coverage",
        "Of an agent in a period: how many decisions, how long it acted without, and whether any \
         record is missing. Signed.",
    )
    .answers::<Data<signed::SignedDto>>(200)
    .get_bare("/.well-known/writ-keys.json", Access::Public, keys::list)
    .says(
        "Get the public keys",
        "What readers of the ledger may meet. A reader who takes them from here trusts whoever \
         answers: compare the fingerprints with what the operator published elsewhere.",
    )
    .answers::<keys::KeysDto>(200)
}

/// The log over all organisations, for everybody.
fn global_log(to: Routes<State>) -> Routes<State> {
    to.get_bare("/checkpoint", Access::Public, tiles::global_checkpoint)
        .says(
            "Get the global checkpoint",
            "The signed head of the log over all organisations (C2SP tlog-checkpoint). It tells \
             nothing of any of them.",
        )
        .sends("text/plain")
        .get_bare("/tile/{*path}", Access::Public, tiles::global_tile)
        .says(
            "Get a tile of the global log",
            "`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`, as C2SP tlog-tiles has them.",
        )
        .sends("application/octet-stream")
}

/// The organisation's own log.
fn own_tree(to: Routes<State>) -> Routes<State> {
    to.get(
        "/audit/log/checkpoint",
        Access::Role(Role::Viewer),
        tiles::tenant_checkpoint,
    )
    .says(
        "Get the checkpoint of the log",
        "The bare note, where C2SP tlog-tiles expects it.",
    )
    .sends("text/plain")
    .get(
        "/audit/log/tile/{*path}",
        Access::Role(Role::Developer),
        tiles::tenant_tile,
    )
    .says(
        "Get a tile of the log",
        "Of the organisation's own tree: `<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`, as C2SP \
         tlog-tiles has them.",
    )
    .sends("application/octet-stream")
}

/// What the ledger says about controls.
fn evidence(to: Routes<State>) -> Routes<State> {
    to.get(
        "/compliance/frameworks",
        Access::Role(Role::Admin),
        compliance::list,
    )
    .says(
        "List compliance frameworks",
        "The control catalogues, and what in the ledger bears on each control.",
    )
    .answers::<Data<Vec<compliance::FrameworkDto>>>(200)
    .get(
        "/compliance/reports",
        Access::Role(Role::Admin),
        compliance::show,
    )
    .says(
        "Get a compliance report",
        "Evidence about the controls of a framework, signed; as a printable page with \
         `Accept: text/html` or `format=html`, as OSCAL assessment results with `format=oscal`, \
         as all three of one report with `format=all`.",
    )
    .answers::<Data<compliance::SignedReportDto>>(200)
    .sends("text/html")
}

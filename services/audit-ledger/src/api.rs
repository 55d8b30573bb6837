//! REST: the audit log, its checkpoint, and the bundle anyone can verify offline.

mod checkpoint;
mod export;
mod logs;
mod status;

use writ_access::Role;
use writ_chain::keys::NamedVerifier;
use writ_pg::ApiPool;
use writ_service_kit::json::{Data, Page};
use writ_service_kit::routes::{Access, Gate, Routes};

/// What handlers need.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) pool: ApiPool,
    /// The public half of the checkpoint key, for information: a verifier gets it out of band.
    pub(crate) key: NamedVerifier,
}

pub(crate) fn routes(gate: Gate) -> Routes<State> {
    Routes::new(gate)
        .get("/audit-logs", Access::Role(Role::Developer), logs::list)
        .says("List audit log entries", "Latest first.")
        .answers::<Page<logs::EntryDto>>(200)
        .get(
            "/audit/checkpoint",
            Access::Role(Role::Viewer),
            checkpoint::latest,
        )
        .says(
            "Get the checkpoint",
            "The latest signed head of the ledger; with `Accept: text/plain` the bare note.",
        )
        .answers::<Data<checkpoint::CheckpointDto>>(200)
        .get("/audit/export", Access::Role(Role::Admin), export::bundle)
        .says(
            "Export the ledger",
            "Every sealed entry as a bundle that `writ audit verify` checks offline.",
        )
        .sends("application/jsonl")
}

//! The service alone, against a real NATS and a real Postgres.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper that fails is a test that fails"
)]

mod api;
mod append_only;
mod compliance;
mod coverage;
mod exports;
mod faults;
mod grpc;
mod kills;
mod ledger;
mod months;
mod receipts;
mod stage;
mod tamper;
mod tiles;
mod witness;

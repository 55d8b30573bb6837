//! The service alone, against a real NATS and a real Postgres.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper that fails is a test that fails"
)]

mod api;
mod findings;
mod incidents;
mod rebuild;
mod stage;

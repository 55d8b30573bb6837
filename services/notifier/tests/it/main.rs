//! The service alone, against a real NATS, a real Postgres and real receivers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod api;
mod deliveries;
mod faults;
mod idempotency;
mod receiver;
mod stage;
mod topics;

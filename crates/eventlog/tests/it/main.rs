//! The log against a real nats-server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and runs as a process of its own"
)]

mod keys;
mod lanes;
mod reading;
mod resuming;
mod sinks;
mod stage;

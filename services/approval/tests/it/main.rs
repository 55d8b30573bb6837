//! The service alone, against a real NATS and a real Postgres.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise"
)]

mod answers;
mod erasure;
mod faults;
mod grpc;
mod life;
mod prompts;
mod redeem;
mod store;
mod world;

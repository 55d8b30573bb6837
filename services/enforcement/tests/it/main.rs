//! Enforcement alone against a real NATS server. The test states the facts that control and
//! approval would state, under their signatures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod answers;
mod authorize;
mod behind;
mod budgets;
mod config;
mod delegated;
mod grpc;
mod holds;
mod integrity;
mod others;
mod outage;
mod pause;
mod person;
mod plan;
mod rebuild;
mod semantic;
mod stage;
mod validators;

//! `ingest` alone against a real broker and a real ClickHouse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

mod bypass;
mod decisions;
mod erasure;
mod facts;
mod faults;
mod fixture;
mod identity;
mod intake;
mod links;
mod numbers;
mod otlp;
mod publishers;
mod rebuild;
mod resolutions;
mod retention;
mod simulate;
mod sink;
mod streaming;

//! Journeys through all seven services, as their users take them: the development build, real
//! stores, the real SDK. One story a file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and runs as a process of its own"
)]

mod adapters;
mod analyst;
mod architecture;
mod behind;
mod bypass;
mod clients;
mod edges;
mod every_event;
mod faults;
mod grpc;
mod otlp;
mod outcomes;
mod policies_as_code;
mod privacy;
mod publisher;
mod rust_client;
mod sdk;
mod stack;
mod validators;
mod witnessed;

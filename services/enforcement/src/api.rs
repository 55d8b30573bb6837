//! The edges: REST and gRPC over one engine.

pub mod grpc;
pub mod rest;

/// Largest request, in bytes (ruling 7).
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;

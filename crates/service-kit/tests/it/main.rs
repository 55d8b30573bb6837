//! The crate over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod gate;
mod serving;
mod stand;

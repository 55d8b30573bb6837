//! The service alone, against real NATS and Postgres.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper that fails is a test that fails"
)]

mod agents;
mod baselines;
mod budgets;
mod events;
mod forged;
mod grants;
mod idempotency;
mod keys;
mod members;
mod oidc;
mod pauses;
mod plans;
mod policies;
mod policy_chains;
mod privacy;
mod prompts;
mod sign_ins;
mod sockets;
mod stand;
mod switches;
mod tokens;
mod validators;

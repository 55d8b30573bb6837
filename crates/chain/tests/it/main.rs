//! Bundles as a ledger makes them, changed in many ways, and read by two verifiers that share no
//! code: this crate's and `infra/verify/verify.py`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper that fails is a test that fails"
)]

mod bundle;
mod changes;
mod inside;
mod matrix;
mod odd;
mod portable;
mod proofs;
mod python;
mod recount;
mod seen;
mod siem;
mod statements;
mod sums;
mod tamper;

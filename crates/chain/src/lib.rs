//! What makes Writ's record checkable by someone who trusts nobody: canonical bytes, the hash
//! chain, RFC 6962 trees, signed checkpoints, cosignatures, receipts, exports, approval certificates
//! and the offline verifier.
//!
//! Pure: no clock, no randomness, no input or output, and no other Writ crate. Everything here that
//! ends up in a hash or under a signature is final from its first release: a change needs a new
//! scheme version, never an edit.

pub mod action;
pub mod canonical;
pub mod certificate;
pub mod chain;
pub mod checkpoint;
pub mod cosignature;
pub mod coverage;
pub mod document;
pub mod export;
pub mod global;
mod hashes;
pub mod keys;
pub mod leaf;
pub mod merkle;
pub mod note;
pub mod receipt;
pub mod statement;
pub mod tiles;
pub mod verify;

/// A SHA-256 output.
pub type Hash = [u8; 32];

//! RFC 6962 Merkle trees (§2.1): leaf `SHA-256(0x00‖d)`, node `SHA-256(0x01‖l‖r)`, empty tree
//! `SHA-256("")`.
//!
//! [`Frontier`] appends, [`prove_inclusion`] and [`prove_consistency`] read the nodes they need
//! through [`Nodes`], [`verify_inclusion`] and [`verify_consistency`] need nothing but the proof.

mod frontier;
mod prove;
mod verify;

pub use frontier::{Frontier, subtrees};
pub use prove::{Nodes, OutOfRange, ProveError, prove_consistency, prove_inclusion, root_of};
pub use verify::{climb, verify_consistency, verify_inclusion};

use crate::Hash;
use sha2::{Digest, Sha256};

/// `SHA-256(0x00 ‖ data)`.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0x00])
        .chain_update(data)
        .finalize()
        .into()
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([0x01])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The root of the tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

#[cfg(test)]
mod tests;

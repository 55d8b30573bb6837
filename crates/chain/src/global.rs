//! The global log: one leaf per interval over the heads of every tenant (ruling 33).
//!
//! An interval's heads form a tree of their own, sorted by tenant; its root is the leaf data of the
//! global log. A tenant is shown its own head with an inclusion proof, and learns no other's size.

use crate::Hash;
use crate::checkpoint::Checkpoint;
use crate::merkle::{self, Frontier};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One tenant's head at the end of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantHead {
    /// Whose log.
    pub tenant: Uuid,
    /// Its size.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// One tenant's head in the global log: what shows it to whoever trusts the global checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Inclusion {
    /// The signed global checkpoint, with the cosignatures there are.
    pub checkpoint: String,
    /// The head's place among the heads of its interval.
    pub head: u64,
    /// From the head to the interval's root.
    #[serde(with = "crate::hashes")]
    pub head_path: Vec<Hash>,
    /// How many heads the interval has.
    pub heads: u64,
    /// The interval: its leaf in the global log.
    pub index: u64,
    /// From that leaf to the global root.
    #[serde(with = "crate::hashes")]
    pub path: Vec<Hash>,
}

impl Inclusion {
    /// Whether `head` is in the global log of this verified checkpoint.
    #[must_use]
    pub fn proves(&self, head: &TenantHead, global: &Checkpoint) -> bool {
        let leaf = head.leaf_hash();
        let interval = merkle::climb(&leaf, self.head, self.heads, &self.head_path);
        interval.is_some_and(|interval| {
            let leaf = merkle::leaf_hash(&interval);
            merkle::verify_inclusion(&leaf, self.index, global.size, &self.path, &global.root)
        })
    }
}

/// Heads out of order, or one tenant twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("heads are not in strictly rising order of tenant")]
pub struct Unsorted;

impl TenantHead {
    /// The head as a leaf hash of its interval's tree, over tenant (16) ‖ size (u64 BE) ‖ root (32).
    #[must_use]
    pub fn leaf_hash(&self) -> Hash {
        let mut data = Vec::with_capacity(56);
        data.extend_from_slice(self.tenant.as_bytes());
        data.extend_from_slice(&self.size.to_be_bytes());
        data.extend_from_slice(&self.root);
        merkle::leaf_hash(&data)
    }
}

/// The root over one interval's heads: the data of one global leaf, whose leaf hash is
/// `merkle::leaf_hash(root)`.
///
/// # Errors
/// [`Unsorted`] unless the tenants rise strictly.
pub fn interval_root(heads: &[TenantHead]) -> Result<Hash, Unsorted> {
    let mut tree = Frontier::default();
    let mut previous: Option<Uuid> = None;
    for head in heads {
        if previous.is_some_and(|tenant| tenant >= head.tenant) {
            return Err(Unsorted);
        }
        previous = Some(head.tenant);
        tree.append(head.leaf_hash());
    }
    Ok(tree.root())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::tests::tenant;

    fn head(n: u128) -> TenantHead {
        TenantHead {
            tenant: tenant(n),
            size: 5,
            root: [u8::try_from(n).unwrap(); 32],
        }
    }

    #[test]
    fn heads_must_rise() {
        assert_eq!(interval_root(&[head(2), head(1)]), Err(Unsorted));
        assert_eq!(interval_root(&[head(1), head(1)]), Err(Unsorted));
        assert!(interval_root(&[head(1), head(2)]).is_ok());
    }

    #[test]
    fn a_tenant_can_be_shown_its_own_head() {
        let heads: Vec<_> = (1..8).map(head).collect();
        let root = interval_root(&heads).unwrap();
        let hashes: Vec<Hash> = heads.iter().map(TenantHead::leaf_hash).collect();
        let path = merkle::prove_inclusion(hashes.as_slice(), 3, 7).unwrap();
        assert!(merkle::verify_inclusion(
            &heads[3].leaf_hash(),
            3,
            7,
            &path,
            &root
        ));
    }

    #[test]
    fn every_field_of_a_head_counts() {
        let root = interval_root(&[head(1)]).unwrap();
        let other = [
            TenantHead { size: 6, ..head(1) },
            TenantHead {
                root: [9; 32],
                ..head(1)
            },
            TenantHead {
                tenant: tenant(2),
                ..head(1)
            },
        ];
        assert!(
            other
                .iter()
                .all(|changed| interval_root(&[*changed]).unwrap() != root)
        );
    }
}

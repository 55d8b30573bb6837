use super::{empty_root, node_hash};
use crate::Hash;
use crate::action::same_digest;

/// Whether `path` proves that `leaf_hash` is leaf `index` of the tree of `size` leaves under `root`
/// (RFC 9162 §2.1.3.2). A path that is too short or too long is no proof.
#[must_use]
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> bool {
    climb(leaf_hash, index, size, path).is_some_and(|reached| same_digest(&reached, root))
}

/// The root that `path` leads to from leaf `index` of a tree of `size` leaves; `None` for a path that
/// is too short or too long. For a root that nobody signed itself, to be looked for where it must be.
#[must_use]
pub fn climb(leaf_hash: &Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let last = size.checked_sub(1).filter(|last| index <= *last)?;
    let (mut node, mut last, mut hash) = (index, last, *leaf_hash);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // A right edge node without sibling moves up unchanged.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Whether `proof` shows that the tree (`new`, `new_root`) extends (`old`, `old_root`)
/// (RFC 9162 §2.1.4.2). Everything extends the empty tree; equal sizes need equal roots and an
/// empty proof.
#[must_use]
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> bool {
    if old == 0 {
        return proof.is_empty()
            && same_digest(old_root, &empty_root())
            && (new > 0 || same_digest(old_root, new_root));
    }
    if old >= new {
        return old == new && proof.is_empty() && same_digest(old_root, new_root);
    }
    let first = old.is_power_of_two().then_some(old_root);
    let mut path = first.into_iter().chain(proof);
    let Some(seed) = path.next() else {
        return false;
    };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut from, mut to) = (*seed, *seed);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            from = node_hash(sibling, &from);
            to = node_hash(sibling, &to);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            to = node_hash(&to, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && same_digest(&from, old_root) && same_digest(&to, new_root)
}

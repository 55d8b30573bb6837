use super::{empty_root, node_hash};
use crate::Hash;

/// The one thing a proof needs from a store: the root of a complete subtree.
pub trait Nodes {
    /// Why a node could not be read.
    type Error;

    /// The root over the leaves `index·2^level .. (index+1)·2^level`; level 0 are leaf hashes. Only
    /// asked for subtrees that lie wholly inside the tree.
    ///
    /// # Errors
    /// The store's own.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Leaf hashes in order are enough; inner nodes are computed.
impl Nodes for [Hash] {
    type Error = OutOfRange;

    fn node(&self, level: u32, index: u64) -> Result<Hash, OutOfRange> {
        if level == 0 {
            let index = usize::try_from(index).map_err(|_| OutOfRange)?;
            return self.get(index).copied().ok_or(OutOfRange);
        }
        let left = self.node(level - 1, index * 2)?;
        let right = self.node(level - 1, index * 2 + 1)?;
        Ok(node_hash(&left, &right))
    }
}

/// A leaf or a size beyond the tree was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("beyond the tree")]
pub struct OutOfRange;

/// Why no proof was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// The leaf or the older size is beyond the tree.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The store failed.
    #[error("node store failed")]
    Store(E),
}

/// The root over the first `size` leaves.
///
/// # Errors
/// The store's own.
pub fn root_of<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 {
        Ok(empty_root())
    } else {
        range_root(nodes, 0, size)
    }
}

/// The audit path of leaf `index` in the tree of `size` leaves, leaf side first (RFC 6962 §2.1.1).
///
/// # Errors
/// [`ProveError::OutOfRange`] unless `index < size`; else the store's own.
pub fn prove_inclusion<N: Nodes + ?Sized>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ProveError<N::Error>> {
    if index >= size {
        return Err(OutOfRange.into());
    }
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        let (from, to) = if index < middle {
            (middle, end)
        } else {
            (start, middle)
        };
        path.push(range_root(nodes, from, to).map_err(ProveError::Store)?);
        if index < middle {
            end = middle
        } else {
            start = middle
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `new` leaves extends the tree of `old` leaves (RFC 6962 §2.1.2).
/// Empty when `old` is 0 or equals `new`.
///
/// # Errors
/// [`ProveError::OutOfRange`] unless `old <= new`; else the store's own.
pub fn prove_consistency<N: Nodes + ?Sized>(
    nodes: &N,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, ProveError<N::Error>> {
    if old > new {
        return Err(OutOfRange.into());
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (mut start, mut end) = (0, new);
    let mut proof = Vec::new();
    while end != old {
        let middle = start + split(end - start);
        let (from, to) = if old <= middle {
            (middle, end)
        } else {
            (start, middle)
        };
        proof.push(range_root(nodes, from, to).map_err(ProveError::Store)?);
        if old <= middle {
            end = middle
        } else {
            start = middle
        }
    }
    // The old root itself is left out when the walk ended on it: the verifier has it.
    if start > 0 {
        proof.push(range_root(nodes, start, end).map_err(ProveError::Store)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The root over leaves `start..end`, a range the RFC's splitting rule reaches.
fn range_root<N: Nodes + ?Sized>(nodes: &N, start: u64, end: u64) -> Result<Hash, N::Error> {
    let width = end - start;
    if width.is_power_of_two() {
        let level = width.trailing_zeros();
        return nodes.node(level, start >> level);
    }
    let middle = start + split(width);
    let (left, right) = (
        range_root(nodes, start, middle)?,
        range_root(nodes, middle, end)?,
    );
    Ok(node_hash(&left, &right))
}

/// The largest power of two smaller than `width`, which is at least 2.
fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

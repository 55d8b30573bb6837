use super::{empty_root, node_hash};
use crate::Hash;

/// The fewest complete subtrees that make up the leaves `from..to`, in order: level and index, each
/// over the leaves `index·2^level .. (index+1)·2^level`.
pub fn subtrees(from: u64, to: u64) -> impl Iterator<Item = (u32, u64)> {
    let mut at = from;
    std::iter::from_fn(move || {
        let left = to.checked_sub(at).filter(|left| *left > 0)?;
        let level = at.trailing_zeros().min(left.ilog2());
        let index = at >> level;
        at += 1 << level;
        Some((level, index))
    })
}

/// A tree seen from its right edge: the roots of its complete subtrees, largest first. One per set
/// bit of the size, so a tree of 2⁴⁰ leaves needs at most 40 hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Adds one leaf by its hash.
    pub fn append(&mut self, leaf_hash: Hash) {
        self.push(0, leaf_hash);
    }

    /// Adds 2^`level` leaves by the root of the complete subtree they form. `false`, and nothing
    /// is added, when no such subtree can begin here.
    #[must_use]
    pub fn append_subtree(&mut self, level: u32, root: Hash) -> bool {
        let fits = level < u64::BITS
            && self.size.trailing_zeros() >= level
            && self.size.checked_add(1 << level).is_some();
        if fits {
            self.push(level, root);
        }
        fits
    }

    fn push(&mut self, level: u32, root: Hash) {
        let mut node = root;
        for _ in 0..(self.size >> level).trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1 << level;
    }

    /// The roots of the complete subtrees, largest first: those of [`subtrees`]`(0, size)`.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves appended so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else {
            return empty_root();
        };
        peaks.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// The stored form: size as big-endian u64, then the peaks, largest first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend(self.peaks.iter().flatten());
        bytes
    }

    /// Reads the stored form. `None` unless it has exactly the peaks its size calls for.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk::<8>()?;
        let size = u64::from_be_bytes(*size);
        let (peaks, left_over) = rest.as_chunks::<32>();
        let whole = left_over.is_empty() && u32::try_from(peaks.len()).ok()? == size.count_ones();
        whole.then(|| Self {
            size,
            peaks: peaks.to_vec(),
        })
    }
}

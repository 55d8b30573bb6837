//! Trees as tiles (C2SP tlog-tiles): 256 hashes wide, one level of tiles for eight levels of a tree.
//!
//! Hash `i` of level `L` is the Merkle tree hash of the leaves `i·256^L .. (i+1)·256^L`; tile `n`
//! holds the hashes `n·256 .. (n+1)·256` of its level, as many as the tree has.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use crate::Hash;
use crate::merkle::{Frontier, Nodes, OutOfRange, ProveError};

/// Hashes in a full tile.
pub const WIDTH: u64 = 256;
/// Levels of a tree in one level of tiles.
const HEIGHT: u32 = 8;
/// Greatest level of tiles that a path may name.
const MAX_LEVEL: u8 = 63;

/// Where a tile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 are leaf hashes.
    pub level: u8,
    /// Its number within the level.
    pub index: u64,
}

/// What a path below `tile/` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// `<L>/<N>[.p/<W>]`: hashes.
    Tile {
        /// Which tile.
        id: TileId,
        /// How many hashes of it: 256 for a full tile.
        width: u64,
    },
    /// `entries/<N>[.p/<W>]`: the leaves under a tile of level 0.
    Entries {
        /// Number of the bundle.
        index: u64,
        /// How many leaves.
        width: u64,
    },
}

impl Resource {
    /// Reads the path after `tile/`; `None` for one that is not written as the specification has it.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.split_once('/')?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, partial_width(width)?),
            None => (rest, WIDTH),
        };
        let index = read_index(number)?;
        if kind == "entries" {
            return Some(Self::Entries { index, width });
        }
        let level = canonical_number(kind).and_then(|level| u8::try_from(level).ok())?;
        let id = TileId { level, index };
        (level <= MAX_LEVEL).then_some(Self::Tile { id, width })
    }

    /// Whether a tree of `size` leaves has it.
    #[must_use]
    pub fn is_in(self, size: u64) -> bool {
        let (level, index, width) = match self {
            Self::Tile { id, width } => (id.level, id.index, width),
            Self::Entries { index, width } => (0, index, width),
        };
        let end = index
            .checked_mul(WIDTH)
            .and_then(|start| start.checked_add(width));
        end.is_some_and(|end| end <= hashes_at(level, size))
    }

    /// Whether it will never be another.
    #[must_use]
    pub fn is_full(self) -> bool {
        let (Self::Tile { width, .. } | Self::Entries { width, .. }) = self;
        width == WIDTH
    }
}

/// The path of a tile below `tile/`, for a client.
#[must_use]
pub fn path(id: TileId, width: u64) -> String {
    let mut parts = vec![format!("{:03}", id.index % 1000)];
    let mut rest = id.index / 1000;
    while rest > 0 {
        parts.insert(0, format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    let partial = if width < WIDTH {
        format!(".p/{width}")
    } else {
        String::new()
    };
    format!("{}/{}{partial}", id.level, parts.join("/"))
}

/// How many hashes a level of a tree of `size` leaves has.
#[must_use]
pub fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0)
}

/// How many hashes a tile has in a tree of `size` leaves.
#[must_use]
pub fn width_in(id: TileId, size: u64) -> u64 {
    let start = id.index.saturating_mul(WIDTH);
    hashes_at(id.level, size).saturating_sub(start).min(WIDTH)
}

/// The root over one full tile.
#[must_use]
pub fn tile_root(hashes: &[Hash]) -> Hash {
    let mut tree = Frontier::default();
    hashes.iter().for_each(|hash| tree.append(*hash));
    tree.root()
}

/// Which tiles a proof reads: made by proving once over nothing.
#[derive(Debug, Default)]
pub struct Needed(RefCell<BTreeSet<TileId>>);

impl Needed {
    /// The tiles that `prove` reads.
    ///
    /// # Errors
    /// [`OutOfRange`] when the proof is of a leaf or size beyond the tree.
    pub fn by<T>(
        prove: impl FnOnce(&Self) -> Result<T, ProveError<Infallible>>,
    ) -> Result<BTreeSet<TileId>, OutOfRange> {
        let needed = Self::default();
        match prove(&needed) {
            Ok(_) => Ok(needed.0.into_inner()),
            Err(ProveError::OutOfRange(beyond)) => Err(beyond),
            Err(ProveError::Store(never)) => match never {},
        }
    }
}

impl Nodes for Needed {
    type Error = Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        if let Some((id, _)) = place(level, index) {
            self.0.borrow_mut().insert(id);
        }
        Ok(Hash::default())
    }
}

/// Tiles that were read, ready to prove from.
#[derive(Debug, Clone, Default)]
pub struct Tiles(pub BTreeMap<TileId, Vec<Hash>>);

impl Nodes for Tiles {
    type Error = OutOfRange;

    fn node(&self, level: u32, index: u64) -> Result<Hash, OutOfRange> {
        let (id, range) = place(level, index).ok_or(OutOfRange)?;
        let hashes = self.0.get(&id).and_then(|tile| tile.get(range));
        hashes.map(tile_root).ok_or(OutOfRange)
    }
}

/// The tile that holds the leaves of a node's subtree at its level of tiles, and where.
fn place(level: u32, index: u64) -> Option<(TileId, std::ops::Range<usize>)> {
    let (tiles, within) = (level / HEIGHT, level % HEIGHT);
    let start = index.checked_shl(within)?;
    let id = TileId {
        level: u8::try_from(tiles).ok()?,
        index: start / WIDTH,
    };
    let from = usize::try_from(start % WIDTH).ok()?;
    Some((id, from..from + (1 << within)))
}

/// `x001/x234/067`.
fn read_index(text: &str) -> Option<u64> {
    let mut parts: Vec<&str> = text.split('/').collect();
    let last = parts.pop()?;
    let mut index = three_digits(last)?;
    let mut scale = 1_000u64;
    for (place, part) in parts.iter().rev().enumerate() {
        let digits = three_digits(part.strip_prefix('x')?)?;
        let leading = place + 1 == parts.len();
        if leading && digits == 0 {
            return None;
        }
        index = index.checked_add(digits.checked_mul(scale)?)?;
        // Past the largest number a further part could only be refused.
        scale = scale.checked_mul(1_000)?;
    }
    Some(index)
}

fn three_digits(text: &str) -> Option<u64> {
    let plain = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

fn partial_width(text: &str) -> Option<u64> {
    canonical_number(text).filter(|width| (1..WIDTH).contains(width))
}

/// Decimal without sign or leading zeros.
fn canonical_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    (plain && !leading_zero).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{leaf_hash, prove_consistency, prove_inclusion, root_of};

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    /// Tiles as a store builds them: a level from the roots of the full tiles below.
    fn tiles(leaves: &[Hash]) -> Tiles {
        let mut tiles = Tiles::default();
        let (mut level, mut hashes) = (0, leaves.to_vec());
        while !hashes.is_empty() {
            let chunks = hashes.chunks(256);
            for (index, tile) in (0..).zip(chunks.clone()) {
                tiles.0.insert(TileId { level, index }, tile.to_vec());
            }
            hashes = chunks
                .filter(|tile| tile.len() == 256)
                .map(tile_root)
                .collect();
            level += 1;
        }
        tiles
    }

    #[test]
    fn proofs_from_tiles_are_those_from_leaves() {
        for size in [1, 2, 255, 256, 257, 511, 70_000] {
            let leaves = leaves(size);
            let all = tiles(&leaves);
            assert_eq!(root_of(&all, size), root_of(leaves.as_slice(), size));
            for index in [0, size / 3, size - 1] {
                let needed = Needed::by(|nodes| prove_inclusion(nodes, index, size)).unwrap();
                let some = Tiles(needed.iter().map(|id| (*id, all.0[id].clone())).collect());
                assert_eq!(
                    prove_inclusion(&some, index, size).unwrap(),
                    prove_inclusion(leaves.as_slice(), index, size).unwrap()
                );
                let (old, new) = (index, size);
                assert_eq!(
                    prove_consistency(&all, old, new).unwrap(),
                    prove_consistency(leaves.as_slice(), old, new).unwrap()
                );
            }
        }
    }

    #[test]
    fn the_example_of_the_specification_has_its_widths() {
        let width = |level, index| width_in(TileId { level, index }, 70_000);
        assert_eq!((width(0, 272), width(0, 273), width(0, 274)), (256, 112, 0));
        assert_eq!((width(1, 0), width(1, 1), width(2, 0)), (256, 17, 1));
        assert_eq!(width(3, 0), 0);
    }

    #[test]
    fn paths_read_as_they_are_written() {
        for (index, width) in [(0, 256), (67, 255), (1_234_067, 1), (1_000, 256)] {
            let id = TileId { level: 3, index };
            let read = Resource::parse(&path(id, width));
            assert_eq!(read, Some(Resource::Tile { id, width }));
        }
        assert_eq!(
            path(
                TileId {
                    level: 0,
                    index: 1_234_067
                },
                256
            ),
            "0/x001/x234/067"
        );
        assert_eq!(
            Resource::parse("entries/x001/000.p/9"),
            Some(Resource::Entries {
                index: 1_000,
                width: 9
            })
        );
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "0",
            "0/",
            "0/0",
            "0/0067",
            "00/067",
            "64/000",
            "-1/000",
            "+1/000",
            "0/x000/067",
            "0/001/067",
            "0/x001",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "x/000",
            "entries",
            "entries/x/000",
            "0/000/",
            "0//000",
            "0/x999/x999/x999/x999/x999/x999/x999/000",
        ] {
            assert_eq!(Resource::parse(path), None, "{path}");
        }
    }

    #[test]
    fn only_what_the_tree_has_is_in_it() {
        let is_in = |path: &str, size| Resource::parse(path).unwrap().is_in(size);
        assert!(is_in("0/000.p/9", 9) && !is_in("0/000.p/9", 8) && !is_in("0/000", 255));
        assert!(is_in("0/000", 256) && is_in("1/000.p/1", 256) && !is_in("1/000.p/1", 255));
        assert!(is_in("entries/001.p/1", 257) && !is_in("entries/001.p/2", 257));
        assert!(!is_in("63/000.p/1", u64::MAX));
    }
}

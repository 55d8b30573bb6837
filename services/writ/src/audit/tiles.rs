//! The tiles that proofs are made from, against the leaves they stand for.

use futures::StreamExt;
use uuid::Uuid;
use writ_chain::Hash;
use writ_chain::tiles::{TileId, WIDTH, hashes_at, tile_root};
use writ_chain::verify::Class;

use super::ledger::Ledger;
use super::outcome::Outcome;
use crate::failure::Failure;

/// A full tile as it is stored.
pub(super) struct Tile {
    /// Where it is.
    pub(super) id: TileId,
    /// The root kept beside it.
    pub(super) root: Vec<u8>,
    /// Its hashes, one after the other.
    pub(super) hashes: Vec<u8>,
}

/// The roots of the full tiles of a growing tree, level by level.
#[derive(Debug, Default)]
pub(super) struct Roots(Vec<Level>);

#[derive(Debug, Default)]
struct Level {
    /// The hashes of the tile that is not full yet.
    open: Vec<Hash>,
    full: Vec<Hash>,
}

impl Roots {
    /// One more leaf.
    pub(super) fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in &mut self.0 {
            match level.append(hash) {
                Some(root) => hash = root,
                None => return,
            }
        }
        let mut top = Level::default();
        top.append(hash);
        self.0.push(top);
    }

    /// Reads the stored tiles of a log, of which `size` leaves are sealed, and says what differs.
    pub(super) async fn check(
        &self,
        ledger: &mut Ledger,
        log: Uuid,
        size: u64,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        let mut found = vec![0; self.0.len()];
        let mut tiles = ledger.tiles(log);
        while let Some(tile) = tiles.next().await {
            let tile = tile?;
            let TileId { level, index } = tile.id;
            match self.root(tile.id) {
                Some(root) if tile.is_of(root) => {
                    if let Some(found) = found.get_mut(usize::from(level)) {
                        *found += 1;
                    }
                }
                Some(_) => {
                    let text = format!("tile {level}/{index} is not of the entries it stands for");
                    outcome.wrong(Class::BadContent, text);
                }
                None => {
                    let text = format!("tile {level}/{index} stands for entries that are not here");
                    outcome.wrong(Class::IncompleteRange, text);
                }
            }
        }
        for (level, found) in (0..=u8::MAX).zip(found) {
            let missing = hashes_at(level.saturating_add(1), size).saturating_sub(found);
            if missing > 0 && outcome.class == Class::Clean {
                let text = format!("{missing} tiles of level {level} are missing");
                outcome.wrong(Class::IncompleteRange, text);
            }
        }
        Ok(())
    }

    fn root(&self, id: TileId) -> Option<&Hash> {
        let level = self.0.get(usize::from(id.level))?;
        level.full.get(usize::try_from(id.index).ok()?)
    }
}

impl Level {
    /// The root of the tile that this hash fills.
    fn append(&mut self, hash: Hash) -> Option<Hash> {
        self.open.push(hash);
        if (self.open.len() as u64) < WIDTH {
            return None;
        }
        let root = tile_root(&self.open);
        self.open.clear();
        self.full.push(root);
        Some(root)
    }
}

impl Tile {
    fn is_of(&self, root: &Hash) -> bool {
        let (hashes, rest) = self.hashes.as_chunks::<32>();
        let whole = rest.is_empty() && hashes.len() as u64 == WIDTH;
        whole && self.root == root && tile_root(hashes) == *root
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use writ_chain::merkle::Frontier;

    #[test]
    fn a_tile_of_the_second_level_is_over_the_roots_of_the_first() {
        let (mut roots, mut tree) = (Roots::default(), Frontier::default());
        for n in 0..65_536_u32 + 300 {
            let mut leaf = [0; 32];
            leaf[..4].copy_from_slice(&n.to_be_bytes());
            roots.append(leaf);
            if n < 65_536 {
                tree.append(leaf);
            }
        }
        let at = |level, index| roots.root(TileId { level, index });
        assert!(at(0, 256).is_some() && at(0, 257).is_none());
        assert_eq!(at(1, 0), Some(&tree.root()));
        assert_eq!(at(1, 1), None);
    }
}

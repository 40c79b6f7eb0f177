//! The partial tiles at the right edge of the tree, which change with every statement and so stay
//! in memory.

use probity_tlog::{Hash, TILE_WIDTH, subtree_root};

/// The hashes of all tiles that are not full: at most 255 for each of eight levels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

/// A tile that has just become full.
#[derive(Debug)]
pub(super) struct FullTile {
    pub(super) level: u8,
    pub(super) index: u64,
    pub(super) hashes: Vec<Hash>,
}

impl Edge {
    /// Puts together the edge of a tree of `size` leaves from the hashes of its partial tiles,
    /// level by level.
    pub(super) fn from_levels(size: u64, levels: Vec<Vec<Hash>>) -> Self {
        Self { size, levels }
    }

    /// The number of leaves.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The number of hashes at a tile level, those of full tiles included.
    pub(super) fn count(&self, level: u8) -> u64 {
        self.size.checked_shr(u32::from(level) * 8).unwrap_or(0)
    }

    /// The partial tile of a level; empty if there is none.
    pub(super) fn partial(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// Appends a leaf hash and hands over the tiles that this fills, lowest first.
    pub(super) fn push(&mut self, leaf: Hash, full: &mut Vec<FullTile>) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0.. {
            let depth = usize::from(level);
            if depth == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let tile = &mut self.levels[depth];
            tile.push(hash);
            if tile.len() < usize::from(TILE_WIDTH) {
                return;
            }
            let hashes = std::mem::take(tile);
            let Ok(root) = subtree_root(&hashes) else { return };
            hash = root;
            let index = (self.count(level) >> 8) - 1;
            full.push(FullTile { level, index, hashes });
        }
    }
}

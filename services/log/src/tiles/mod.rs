//! The nodes of the tree on disk, in the C2SP tlog-tiles layout: where proofs come from.
//!
//! Full tiles are files, the partial ones at the right edge are in memory. Nothing here is synced
//! and nothing is believed: every full tile that is read is checked against the tile above it and
//! so, in the end, against the edge, whose root the log compares with the anchor. A tile that is
//! missing or damaged is made again from the blocks.

mod cache;
mod edge;
mod mirror;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use probity_tlog::{
    Frontier, Hash, NodeReader, TILE_HEIGHT, TILE_WIDTH, TileError, TileId, frontier, leaf_hash, subtree_root,
};

pub use mirror::{MirrorError, mirror};

use crate::ReadError;
use crate::segments::{Cursor, Segments};
use crate::storage::{Operation, Storage, StorageError, read_whole, replace};
use cache::Cache;
use edge::{Edge, FullTile};

const WIDTH: u64 = TILE_WIDTH as u64;
const HASH_LENGTH: usize = 32;

/// Reads the nodes of a log's tree, for proofs at any size up to the newest committed one.
///
/// Cloning is cheap, and a clone sees what is appended later.
#[derive(Debug, Clone)]
pub struct Tiles(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    storage: Arc<dyn Storage>,
    /// The directory that holds `tile/`.
    dir: PathBuf,
    segments: Arc<Segments>,
    edge: RwLock<Edge>,
    cache: Mutex<Cache>,
}

/// How far stored tiles are believed while others are made from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// A tile of the right length is taken for what it should be.
    Stored,
    /// Only blocks count.
    Blocks,
}

impl Tiles {
    /// Puts together the right edge at `size` from stored tiles; what is missing is made from
    /// blocks.
    ///
    /// The result must be checked: compare the root of [`Tiles::frontier`] with a signed one.
    pub(crate) fn open(segments: Arc<Segments>, size: u64) -> Result<Self, TilesError> {
        let tiles = Self::empty(segments);
        let mut levels = Vec::new();
        let at_level = |level: u8| size.checked_shr(u32::from(level) * 8).unwrap_or(0);
        for level in (0..).take_while(|level| at_level(*level) > 0) {
            let count = at_level(level);
            let first = count - count % WIDTH;
            levels.push(tiles.compute(level, first..count, Belief::Stored)?);
        }
        *tiles.edge_mut() = Edge::from_levels(size, levels);
        Ok(tiles)
    }

    /// Makes all tiles of the first `blocks` blocks again.
    pub(crate) fn rebuild(segments: Arc<Segments>, blocks: u64) -> Result<Self, TilesError> {
        let tiles = Self::empty(segments.clone());
        let mut cursor = Cursor::new(segments, 0);
        while cursor.height() < blocks {
            let block = cursor.next(blocks - 1)?;
            tiles.append(block.statements().map(leaf_hash));
        }
        Ok(tiles)
    }

    fn empty(segments: Arc<Segments>) -> Self {
        let storage = segments.storage().clone();
        // The segments have a directory of their own within the log's.
        let dir = segments.dir().parent().map(Path::to_owned).unwrap_or_default();
        let (edge, cache) = (RwLock::default(), Mutex::default());
        Self(Arc::new(Shared { storage, dir, segments, edge, cache }))
    }

    /// Appends leaf hashes and writes the tiles they fill.
    pub(crate) fn append(&self, leaves: impl IntoIterator<Item = Hash>) {
        let mut full = Vec::new();
        {
            let mut edge = self.edge_mut();
            for leaf in leaves {
                edge.push(leaf, &mut full);
            }
        }
        for FullTile { level, index, hashes } in full {
            self.store(level, index, &hashes);
            self.cache().insert(level, index, hashes.into());
        }
    }

    /// The number of leaves of the tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.edge().size()
    }

    /// The right edge of the tree at an earlier size, or the present one.
    ///
    /// # Errors
    /// `size` is beyond the tree, or tiles could neither be read nor made again.
    pub fn frontier(&self, size: u64) -> Result<Frontier, TilesError> {
        frontier(self, size)
    }

    /// The hashes of a tile, in the tree the tile is named for.
    ///
    /// # Errors
    /// The tile is beyond the tree, or could neither be read nor made again.
    pub fn tile(&self, tile: TileId) -> Result<Vec<Hash>, TilesError> {
        self.hashes(tile.level(), tile.index(), 0, tile.width().into())
    }

    /// `count` hashes of a tile from position `start` on.
    fn hashes(&self, level: u8, index: u64, start: usize, count: usize) -> Result<Vec<Hash>, TilesError> {
        let not_in_tree = || TilesError::NotInTree { level: level * TILE_HEIGHT, index: index * WIDTH + start as u64 };
        let partial = {
            let edge = self.edge();
            (edge.count(level) / WIDTH <= index).then(|| {
                let is_last = edge.count(level) / WIDTH == index;
                let hashes = if is_last { edge.partial(level) } else { &[] };
                hashes.get(start..start + count).map(<[Hash]>::to_vec)
            })
        };
        match partial {
            Some(hashes) => hashes.ok_or_else(not_in_tree),
            None => {
                let tile = self.full_tile(level, index)?;
                tile.get(start..start + count).map(<[Hash]>::to_vec).ok_or_else(not_in_tree)
            }
        }
    }

    /// A full tile that agrees with the one above it.
    fn full_tile(&self, level: u8, index: u64) -> Result<Arc<[Hash]>, TilesError> {
        if let Some(tile) = self.cache().get(level, index) {
            return Ok(tile);
        }
        let expected = self.hashes(level + 1, index / WIDTH, (index % WIDTH) as usize, 1)?;
        let agrees = |hashes: &[Hash]| subtree_root(hashes).is_ok_and(|root| expected == [root]);
        let mut hashes = self.stored(level, index)?.filter(|hashes| agrees(hashes));
        for belief in [Belief::Stored, Belief::Blocks] {
            if hashes.is_none() {
                let made = self.compute(level, index * WIDTH..(index + 1) * WIDTH, belief)?;
                if agrees(&made) {
                    self.store(level, index, &made);
                    hashes = Some(made);
                }
            }
        }
        let tile: Arc<[Hash]> = hashes.ok_or(TilesError::Disagrees { level, index })?.into();
        self.cache().insert(level, index, tile.clone());
        Ok(tile)
    }

    /// The hashes `range` of a tile level, made from what lies below.
    fn compute(&self, level: u8, range: std::ops::Range<u64>, belief: Belief) -> Result<Vec<Hash>, TilesError> {
        let Some(below) = level.checked_sub(1) else { return self.leaves(range) };
        range
            .map(|tile| {
                let stored = if belief == Belief::Stored { self.stored(below, tile)? } else { None };
                let hashes = match stored {
                    Some(hashes) => hashes,
                    None => {
                        let hashes = self.compute(below, tile * WIDTH..(tile + 1) * WIDTH, belief)?;
                        self.store(below, tile, &hashes);
                        hashes
                    }
                };
                Ok(subtree_root(&hashes)?)
            })
            .collect()
    }

    /// Leaf hashes from the blocks.
    fn leaves(&self, range: std::ops::Range<u64>) -> Result<Vec<Hash>, TilesError> {
        let mut leaves = Vec::new();
        if range.is_empty() {
            return Ok(leaves);
        }
        let last = self.0.segments.height_of(range.end - 1)?;
        let mut cursor = Cursor::new(self.0.segments.clone(), self.0.segments.height_of(range.start)?);
        while cursor.height() <= last {
            let block = cursor.next(last)?;
            let entries = (block.first_index()..).zip(block.statements());
            leaves.extend(entries.filter(|(index, _)| range.contains(index)).map(|(_, entry)| leaf_hash(entry)));
        }
        Ok(leaves)
    }

    /// A full tile as it is on disk; `None` if it is missing or has another length.
    fn stored(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, TilesError> {
        let path = self.path(level, index)?;
        let bytes = match read_whole(&*self.0.storage, &path) {
            Ok(bytes) => bytes,
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let hashes: Vec<Hash> = bytes.chunks_exact(HASH_LENGTH).filter_map(|hash| Hash::try_from(hash).ok()).collect();
        let is_whole = bytes.len() == usize::from(TILE_WIDTH) * HASH_LENGTH;
        Ok(is_whole.then_some(hashes))
    }

    /// Writes a full tile. That it cannot be written is no reason to stop: it can be made again.
    fn store(&self, level: u8, index: u64, hashes: &[Hash]) {
        let stored = self.path(level, index).and_then(|path| Ok(write_tile(&*self.0.storage, &path, hashes)?));
        if let Err(error) = stored {
            tracing::warn!(level, index, error = &error as &dyn std::error::Error, "a tile is not kept");
        }
    }

    fn path(&self, level: u8, index: u64) -> Result<PathBuf, TilesError> {
        Ok(self.0.dir.join(TileId::new(level, index, TILE_WIDTH)?.path()))
    }

    // A panic leaves the edge no worse than the writer's end does: no leaf is appended after it.
    fn edge(&self) -> RwLockReadGuard<'_, Edge> {
        self.0.edge.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn edge_mut(&self) -> RwLockWriteGuard<'_, Edge> {
        self.0.edge.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.0.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeReader for Tiles {
    type Error = TilesError;

    fn node(&self, level: u8, index: u64) -> Result<Hash, TilesError> {
        let (tile_level, height) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let first = index.checked_shl(height.into()).ok_or(TilesError::NotInTree { level, index })?;
        let hashes = self.hashes(tile_level, first / WIDTH, (first % WIDTH) as usize, 1 << height)?;
        Ok(subtree_root(&hashes)?)
    }
}

/// Writes a tile's hashes, making its directory if it is the first there.
fn write_tile(storage: &dyn Storage, path: &Path, hashes: &[Hash]) -> Result<(), StorageError> {
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    write_new(storage, path, &bytes)
}

/// Replaces a file whose directory may not exist yet.
fn write_new(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    match replace(storage, path, bytes) {
        Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => {
            if let Some(dir) = path.parent() {
                storage.create_dir_all(dir).map_err(StorageError::of(Operation::Create, dir))?;
            }
            replace(storage, path, bytes)
        }
        written => written,
    }
}

/// Why a node of the tree could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TilesError {
    /// The tree does not reach that far.
    #[error("the tree has no node {index} at level {level}")]
    NotInTree {
        /// The tree level, 0 for leaves.
        level: u8,
        /// The position within the level.
        index: u64,
    },
    /// No tree has such a tile.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The blocks do not lead to what the tree above says.
    #[error("the blocks do not lead to what is above tile {index} of level {level}")]
    Disagrees {
        /// The tile level.
        level: u8,
        /// The position within the level.
        index: u64,
    },
    /// The blocks from which a tile would be made could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file system refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

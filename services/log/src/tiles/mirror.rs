//! The static form of a log that third parties mirror (C2SP tlog-tiles): `checkpoint`, `tile/…`,
//! `tile/entries/…`.
//!
//! It is made from the released blocks alone, each of which is verified on the way, and without the
//! log's lock: beside a process that appends, from a stopped ledger, or from a copy of one.

use std::ops::ControlFlow;
use std::path::Path;

use probity_tlog::{
    BundleError, BundleId, CheckpointVerifier, Hash, TILE_WIDTH, TileError, TileId, append_entry, leaf_hash,
    subtree_root,
};

use super::{write_new, write_tile};
use crate::scrub::Scrubbed;
use crate::storage::{Storage, StorageError, replace};
use crate::{Anchor, AnchorError, Block, Chain, FileLogOptions, Head, ScrubError, scrub};

/// Writes the log in `options`, up to what its anchor covers, below the directory `to`. Files of an
/// earlier mirror that cannot change are left alone, and the checkpoint comes last, so that no
/// reader sees one whose tiles are missing.
///
/// # Errors
/// There is no anchor, the log is empty or does not verify, or the file system refuses.
pub fn mirror(options: &FileLogOptions, verifier: CheckpointVerifier, to: &Path) -> Result<Head, MirrorError> {
    let storage = &*options.storage;
    // Without it there is no telling which blocks were released.
    if Anchor::peek(storage, options.anchor_path())?.is_none() {
        return Err(MirrorError::NoAnchor);
    }
    let mut mirror = Mirror { storage, to, levels: Vec::new(), bundle: Vec::new(), size: 0 };
    let (mut checkpoint, mut fault) = (String::new(), None);
    let scrubbed = scrub(options, Chain::new(verifier), |block, _, _| {
        block.checkpoint().clone_into(&mut checkpoint);
        match mirror.block(block) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                fault = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    if let Some(error) = fault {
        return Err(error);
    }
    let Scrubbed { head, .. } = scrubbed?;
    let head = head.ok_or(MirrorError::Empty)?;
    mirror.finish()?;
    replace(storage, &to.join("checkpoint"), checkpoint.as_bytes())?;
    Ok(head)
}

/// The right edge of what is mirrored.
struct Mirror<'a> {
    storage: &'a dyn Storage,
    to: &'a Path,
    /// For each level, how many tiles are full, and the hashes after them.
    levels: Vec<(u64, Vec<Hash>)>,
    /// The entries after the last full bundle.
    bundle: Vec<u8>,
    /// The number of entries so far.
    size: u64,
}

const WIDTH: usize = TILE_WIDTH as usize;

impl Mirror<'_> {
    fn block(&mut self, block: &Block) -> Result<(), MirrorError> {
        for statement in block.statements() {
            append_entry(&mut self.bundle, statement)?;
            self.size += 1;
            if self.size.is_multiple_of(WIDTH as u64) {
                let bundle = std::mem::take(&mut self.bundle);
                self.write_bundle(BundleId::new(self.size / WIDTH as u64 - 1, TILE_WIDTH)?, &bundle)?;
            }
            self.push(0, leaf_hash(statement))?;
        }
        Ok(())
    }

    /// Adds a hash to a level, and the root of the tile that it fills to the level above.
    fn push(&mut self, level: u8, hash: Hash) -> Result<(), MirrorError> {
        let at = usize::from(level);
        if self.levels.len() == at {
            self.levels.push((0, Vec::with_capacity(WIDTH)));
        }
        let (full, hashes) = &mut self.levels[at];
        hashes.push(hash);
        if hashes.len() < WIDTH {
            return Ok(());
        }
        let (tile, root) = (TileId::new(level, *full, TILE_WIDTH)?, subtree_root(hashes)?);
        *full += 1;
        let hashes = std::mem::replace(hashes, Vec::with_capacity(WIDTH));
        self.write_hashes(tile, &hashes)?;
        self.push(level + 1, root)
    }

    /// Writes the partial tiles and the partial bundle at the right edge.
    fn finish(self) -> Result<(), MirrorError> {
        for (level, (full, hashes)) in (0..).zip(&self.levels) {
            if !hashes.is_empty() {
                self.write_hashes(TileId::new(level, *full, hashes.len() as u16)?, hashes)?;
            }
        }
        let partial = (self.size % WIDTH as u64) as u16;
        if partial > 0 {
            self.write_bundle(BundleId::new(self.size / WIDTH as u64, partial)?, &self.bundle)?;
        }
        Ok(())
    }

    fn write_hashes(&self, tile: TileId, hashes: &[Hash]) -> Result<(), MirrorError> {
        let path = self.to.join(tile.path());
        if !(tile.is_full() && self.is_there(&path)) {
            write_tile(self.storage, &path, hashes)?;
        }
        Ok(())
    }

    fn write_bundle(&self, bundle: BundleId, bytes: &[u8]) -> Result<(), MirrorError> {
        let path = self.to.join(bundle.path());
        if !(bundle.is_full() && self.is_there(&path)) {
            write_new(self.storage, &path, bytes)?;
        }
        Ok(())
    }

    fn is_there(&self, path: &Path) -> bool {
        self.storage.open_read(path).is_ok()
    }
}

/// Why a log could not be mirrored.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// There is no block yet.
    #[error("an empty log has no static form")]
    Empty,
    /// The log has no anchor, so it is not known which of its blocks were released.
    #[error("the log has no anchor, so which of its blocks were released cannot be told")]
    NoAnchor,
    /// The anchor cannot be used.
    #[error("the anchor cannot be used")]
    Anchor(#[from] AnchorError),
    /// The log does not verify, or cannot be read.
    #[error("the log does not verify")]
    Log(#[from] ScrubError),
    /// A statement does not fit into an entry bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A tile would be outside the tree. A defect of ours.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The file system refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

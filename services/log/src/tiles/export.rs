//! The static form of a log that third parties mirror (C2SP tlog-tiles): `checkpoint`, `tile/…`, `tile/entries/…`.

use std::path::Path;
use std::sync::Arc;

use probity_tlog::{BundleError, BundleId, TileId, append_entry};

use super::{Tiles, TilesError, write_new, write_tile};
use crate::segments::{Cursor, Segments};
use crate::storage::{Storage, StorageError, replace};
use crate::{Head, ReadError};

/// Writes the log up to `head` below `to`. Files of an earlier export that cannot change are left alone, and the
/// checkpoint comes last, so that a mirror never sees one whose tiles are missing.
pub(crate) fn export(
    storage: &dyn Storage,
    segments: &Arc<Segments>,
    tiles: &Tiles,
    head: Head,
    to: &Path,
) -> Result<(), ExportError> {
    for tile in TileId::all(head.tree_size) {
        let path = to.join(tile.path());
        if !(tile.is_full() && storage.open_read(&path).is_ok()) {
            write_tile(storage, &path, &tiles.tile(tile)?)?;
        }
    }
    let mut entries = None;
    for bundle in BundleId::all(head.tree_size) {
        let path = to.join(bundle.path());
        let is_there = bundle.is_full() && storage.open_read(&path).is_ok();
        if is_there {
            continue;
        }
        let entries = match &mut entries {
            Some(entries) => entries,
            none => none.insert(Entries::new(segments, head, bundle.first_entry())?),
        };
        let bytes = entries.bundle(bundle)?;
        write_new(storage, &path, &bytes)?;
    }
    let checkpoint = segments.block(head.height)?;
    replace(storage, &to.join("checkpoint"), checkpoint.checkpoint().as_bytes())?;
    Ok(())
}

/// The statements of a log in order, bundle by bundle.
struct Entries {
    cursor: Cursor,
    last: u64,
    /// Statements that were read for an earlier bundle, and the index of the first.
    pending: std::collections::VecDeque<Vec<u8>>,
    index: u64,
}

impl Entries {
    fn new(segments: &Arc<Segments>, head: Head, index: u64) -> Result<Self, ReadError> {
        let height = segments.height_of(index)?;
        let cursor = Cursor::new(segments.clone(), height);
        let index = segments.block(height)?.first_index();
        Ok(Self { cursor, last: head.height, pending: Default::default(), index })
    }

    fn bundle(&mut self, bundle: BundleId) -> Result<Vec<u8>, ExportError> {
        let mut bytes = Vec::new();
        let end = bundle.first_entry() + u64::from(bundle.width());
        while self.index < end {
            let Some(entry) = self.pending.pop_front() else {
                let block = self.cursor.next(self.last)?;
                self.pending.extend(block.statements().map(<[u8]>::to_vec));
                continue;
            };
            if self.index >= bundle.first_entry() {
                append_entry(&mut bytes, &entry)?;
            }
            self.index += 1;
        }
        Ok(bytes)
    }
}

/// Why a log could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log does not open.
    #[error(transparent)]
    Open(#[from] Box<crate::OpenError>),
    /// There is no block yet.
    #[error("an empty log has no static form")]
    Empty,
    /// A tile could not be had.
    #[error(transparent)]
    Tiles(#[from] TilesError),
    /// A statement could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A statement does not fit into an entry bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The file system refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

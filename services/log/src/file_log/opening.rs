//! Making a log, and opening one: the anchored part must be there to the byte, what lies above it
//! is taken in.

use std::path::Path;
use std::sync::Arc;

use probity_tlog::CheckpointVerifier;

use tokio::sync::watch;

use super::ends::{Released, Written};
use super::{BlockReader, FileLogOptions, OpenError, Opening};
use crate::segments::{Segments, list, segment_has_frames};
use crate::storage::{Operation, Storage, StorageError, StoredFile, read_whole};
use crate::tiles::Tiles;
use crate::{Anchor, Block, BlockFault, Chain, Head};

/// The smallest segment: room for its header and a block of a few statements.
pub(crate) const MIN_SEGMENT_LENGTH: u64 = 4096;

/// All parts of an open log.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) lock: Arc<dyn StoredFile>,
    pub(crate) written: Written,
    pub(crate) released: Released,
    pub(crate) reader: BlockReader,
    /// The end of what is released.
    pub(crate) chain: Chain,
    /// The blocks that are written but not released.
    pub(crate) unreleased: Vec<Block>,
    pub(crate) opening: Opening,
}

/// Which blocks above the anchor are released by opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adopt {
    /// All: being in these files is enough.
    All,
    /// None: where else they are is still to be found out.
    Nothing,
}

/// Makes the directories and the anchor of a new log. A process that ends before the anchor is
/// there leaves something that can be made again.
pub(crate) fn create(options: &FileLogOptions) -> Result<(), OpenError> {
    let storage = &*options.storage;
    let segments = options.segments_dir();
    storage.create_dir_all(&segments).map_err(StorageError::of(Operation::Create, &segments))?;
    let _lock = lock(options)?;
    if has_blocks(storage, &segments)? {
        return Err(OpenError::Exists { dir: options.dir.clone() });
    }
    for dir in [Some(options.dir.as_path()), options.dir.parent()].into_iter().flatten() {
        if !dir.as_os_str().is_empty() {
            storage.sync_dir(dir).map_err(StorageError::of(Operation::Sync, dir))?;
        }
    }
    Anchor::create(storage, &options.anchor, None)?;
    Ok(())
}

/// Opens a log.
pub(crate) fn open(options: &FileLogOptions, verifier: CheckpointVerifier, adopt: Adopt) -> Result<Opened, OpenError> {
    let length = options.segment_length;
    if length < MIN_SEGMENT_LENGTH || length > u64::from(u32::MAX) {
        return Err(OpenError::SegmentLength { length });
    }
    let storage = &options.storage;
    let lock = lock(options)?;
    if adopt == Adopt::All && storage.open_read(&options.stream_path()).is_ok() {
        return Err(OpenError::OnStream { dir: options.dir.clone() });
    }
    let dir = options.segments_dir();
    let Some(mut anchor) = Anchor::open(&**storage, &options.anchor)? else {
        let (dir, anchor) = (options.dir.clone(), options.anchor.clone());
        return Err(match has_blocks(&**storage, &options.segments_dir())? {
            true => OpenError::NoAnchor { dir, anchor },
            false => OpenError::NoLog { dir },
        });
    };
    let head = anchor.head();
    let anchored = head.map_or(0, |head| head.height + 1);
    let segments = Arc::new(Segments::open(storage.clone(), &dir, length, anchored)?);
    if let Some(head) = head {
        agree(&segments, &verifier, head)?;
    }
    let (mut released, tiles, rebuilt_tiles) = resume(&segments, verifier, head)?;
    let (mut chain, mut unreleased) = (released.clone(), Vec::new());
    let recovered = segments.recover(|block| {
        let tree = chain.extend(block)?;
        match adopt {
            Adopt::All => tiles.append(tree.leaves().iter().copied()),
            Adopt::Nothing => unreleased.push(block.clone()),
        }
        Ok(())
    })?;
    if adopt == Adopt::All {
        released = chain.clone();
    }
    if let Some(head) = released.head() {
        anchor.advance(head)?;
    }
    let adopted = if adopt == Adopt::All { recovered.adopted } else { 0 };
    let opening = Opening { adopted, discarded: recovered.discarded, rebuilt_tiles };
    tracing::debug!(head = ?chain.head(), ?opening, "log opened");
    let (head, follows) = watch::channel(released.head());
    Ok(Opened {
        lock,
        written: Written::new(segments.clone(), chain),
        reader: BlockReader::new(segments, tiles.clone(), follows),
        released: Released::new(anchor, tiles, head),
        chain: released,
        unreleased,
        opening,
    })
}

/// Checks that the block the anchor names is the one that was released.
fn agree(segments: &Segments, verifier: &CheckpointVerifier, anchored: Head) -> Result<(), OpenError> {
    let block = segments.block(anchored.height)?;
    let unverified = |fault: BlockFault| match segments.location(anchored.height) {
        Ok(at) => OpenError::Unverified { at, fault },
        Err(error) => error.into(),
    };
    let signed = verifier.open(block.checkpoint()).map_err(|error| unverified(error.into()))?;
    if signed.time != block.time() {
        return Err(unverified(BlockFault::TimeNotSigned { signed: signed.time, found: block.time() }));
    }
    let (size, root) = (signed.checkpoint.size, signed.checkpoint.root);
    let found = Head { height: block.height(), tree_size: size, root, time: signed.time };
    if found != anchored || block.tree_size() != size {
        return Err(OpenError::DisagreesWithAnchor { anchored, size, root });
    }
    Ok(())
}

/// The chain and the tiles at the anchor; the tiles are made again if they don't lead to its root.
fn resume(
    segments: &Arc<Segments>,
    verifier: CheckpointVerifier,
    head: Option<Head>,
) -> Result<(Chain, Tiles, bool), OpenError> {
    let size = head.map_or(0, |head| head.tree_size);
    let tiles = Tiles::open(segments.clone(), size)?;
    if let Ok(chain) = Chain::resume(verifier.clone(), tiles.frontier(size)?, head) {
        return Ok((chain, tiles, false));
    }
    tracing::warn!(size, "the tiles do not lead to the anchored root and are made again");
    let tiles = Tiles::rebuild(segments.clone(), head.map_or(0, |head| head.height + 1))?;
    let chain = Chain::resume(verifier, tiles.frontier(size)?, head)?;
    Ok((chain, tiles, true))
}

/// Whether any segment holds anything beyond its header.
fn has_blocks(storage: &dyn Storage, dir: &Path) -> Result<bool, OpenError> {
    let listing = match list(storage, dir) {
        Ok(listing) => listing,
        Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    for number in listing.segments {
        if segment_has_frames(storage, dir, number)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Locks the log's directory against other processes, and leaves this one's id for them to name.
pub(super) fn lock(options: &FileLogOptions) -> Result<Arc<dyn StoredFile>, OpenError> {
    let (path, storage) = (options.lock_path(), &*options.storage);
    match storage.lock(&path) {
        Ok(Some(file)) => {
            let id = format!("{:<10}\n", std::process::id());
            file.write_all_at(id.as_bytes(), 0).map_err(StorageError::of(Operation::Write, &path))?;
            Ok(file)
        }
        Ok(None) => {
            let text = read_whole(storage, &path).unwrap_or_default();
            let holder = String::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
            Err(OpenError::Locked { dir: options.dir.clone(), holder })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(OpenError::NoLog { dir: options.dir.clone() })
        }
        Err(error) => Err(StorageError::of(Operation::Lock, &path)(error).into()),
    }
}

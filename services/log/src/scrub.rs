//! Reading a whole log again from block 0: every frame, signature, statement and root.
//!
//! Nothing is locked or changed, so a log can be scrubbed while it is written to, and a copy of one
//! anywhere.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use probity_tlog::Hash;

use crate::file_log::FileLogOptions;
use crate::frame::{FrameError, FrameFault, FrameReader};
use crate::segments::{FRAMES_START, SegmentFault, check_header, first_nonzero, list, segment_path};
use crate::storage::{Operation, StorageError, StoredFile};
use crate::{Anchor, AnchorError, Block, BlockFault, Chain, Head, Location};

/// How far a scrub has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The blocks read so far.
    pub blocks: u64,
    /// The statements read so far.
    pub statements: u64,
    /// Where the scrub ends, if there is an anchor.
    pub anchored: Option<Head>,
}

/// What a scrub found in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrubbed {
    /// The last block that was read; `None` in an empty log.
    pub head: Option<Head>,
    /// What the anchor says; `None` if there is no anchor. If there is one, `head` is the same,
    /// unless the visitor broke off.
    pub anchored: Option<Head>,
}

/// Reads the first block of a log without verifying it, for the keys that it holds.
///
/// # Errors
/// There is no segment or no whole block in it, or the file system refuses.
pub fn first_block(options: &FileLogOptions) -> Result<Block, ScrubError> {
    let path = segment_path(&options.segments_dir(), 0);
    let file = match options.storage.open_read(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ScrubError::Segment { file: path, fault: SegmentFault::Missing });
        }
        Err(error) => return Err(StorageError::of(Operation::Open, &path)(error).into()),
    };
    let at = Location { file: path.clone(), offset: FRAMES_START, height: 0, index: 0 };
    match FrameReader::single(file, FRAMES_START).next() {
        Ok(Some(block)) => Ok(block),
        Ok(None) => Err(ScrubError::Damaged { at, fault: FrameFault::Missing }),
        Err(FrameError::Fault(fault)) => Err(ScrubError::Damaged { at, fault }),
        Err(FrameError::Io(error)) => Err(StorageError::of(Operation::Read, &path)(error).into()),
    }
}

/// Reads and verifies all blocks up to the anchor, or where there is none to the last whole block.
///
/// `chain` is the empty chain with the ledger's first keys; `visit` sees every block once it is
/// verified, may rotate the chain's keys for the next one, and may break off.
///
/// # Errors
/// The first thing that is not as it was written, and where it is.
pub fn scrub(
    options: &FileLogOptions,
    chain: Chain,
    mut visit: impl FnMut(&Block, Progress, &mut Chain) -> ControlFlow<()>,
) -> Result<Scrubbed, ScrubError> {
    let anchored = Anchor::peek(&*options.storage, &options.anchor)?;
    let mut scrub = Scrub { options, chain, until: anchored.map(|head| head.map_or(0, |head| head.height + 1)) };
    let broken_off = scrub.run(&mut |block, chain| {
        let progress =
            Progress { blocks: block.height() + 1, statements: block.tree_size(), anchored: anchored.flatten() };
        visit(block, progress, chain)
    })?;
    let head = scrub.chain.head();
    match (anchored.flatten(), head) {
        (Some(anchored), Some(Head { tree_size, root, .. })) if head != Some(anchored) && broken_off.is_continue() => {
            Err(ScrubError::DisagreesWithAnchor { anchored, size: tree_size, root })
        }
        (anchored, head) => Ok(Scrubbed { head, anchored }),
    }
}

struct Scrub<'a> {
    options: &'a FileLogOptions,
    chain: Chain,
    /// How many blocks there must be; unknown without an anchor.
    until: Option<u64>,
}

type Visit<'a> = &'a mut dyn FnMut(&Block, &mut Chain) -> ControlFlow<()>;

impl Scrub<'_> {
    fn run(&mut self, visit: Visit<'_>) -> Result<ControlFlow<()>, ScrubError> {
        let (storage, dir) = (&*self.options.storage, self.options.segments_dir());
        let segments = list(storage, &dir)?.segments;
        let mut at = Location { file: segment_path(&dir, 0), offset: FRAMES_START, height: 0, index: 0 };
        for (number, found) in (0..).zip(&segments) {
            if self.is_done() {
                return Ok(ControlFlow::Continue(()));
            }
            let path = segment_path(&dir, number);
            if number != *found {
                return Err(ScrubError::Segment { file: path, fault: SegmentFault::Missing });
            }
            let file = storage.open_read(&path).map_err(StorageError::of(Operation::Open, &path))?;
            if let Err(fault) = check_header(&*file, number).map_err(StorageError::of(Operation::Read, &path))? {
                return Err(ScrubError::Segment { file: path, fault });
            }
            let before = self.chain.next_height();
            let ControlFlow::Continue(offset) = self.segment(&path, &file, visit)? else {
                return Ok(ControlFlow::Break(()));
            };
            let is_empty = self.chain.next_height() == before;
            if is_empty && self.until.is_none() {
                return Ok(ControlFlow::Continue(()));
            }
            if !is_empty {
                at = self.location(&path, offset);
            }
        }
        match self.until {
            Some(anchored) if !self.is_done() => Err(ScrubError::BehindAnchor { at, anchored }),
            _ => Ok(ControlFlow::Continue(())),
        }
    }

    /// Reads one segment and returns where its frames end.
    fn segment(
        &mut self,
        path: &Path,
        file: &Arc<dyn StoredFile>,
        visit: Visit<'_>,
    ) -> Result<ControlFlow<(), u64>, ScrubError> {
        let mut reader = FrameReader::new(file.clone(), FRAMES_START);
        loop {
            let offset = reader.position();
            if self.is_done() {
                return Ok(ControlFlow::Continue(offset));
            }
            let at = self.location(path, offset);
            match reader.next() {
                Ok(Some(block)) => {
                    self.chain.extend(&block).map_err(|fault| ScrubError::Unverified { at, fault })?;
                    if visit(&block, &mut self.chain).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(None) => {
                    let garbage = first_nonzero(&**file, offset).map_err(StorageError::of(Operation::Read, path))?;
                    return match garbage {
                        Some(offset) => Err(ScrubError::Garbage { at: Location { offset, ..at } }),
                        None => Ok(ControlFlow::Continue(offset)),
                    };
                }
                Err(FrameError::Fault(fault)) => return Err(ScrubError::Damaged { at, fault }),
                Err(FrameError::Io(error)) => return Err(StorageError::of(Operation::Read, path)(error).into()),
            }
        }
    }

    fn is_done(&self) -> bool {
        self.until == Some(self.chain.next_height())
    }

    fn location(&self, path: &Path, offset: u64) -> Location {
        let (height, index) = (self.chain.next_height(), self.chain.size());
        Location { file: path.to_owned(), offset, height, index }
    }
}

/// The first thing in a log that is not as it was written.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// The anchor cannot be used.
    #[error("the anchor cannot be used")]
    Anchor(#[from] AnchorError),
    /// A segment file as a whole is not what it was made as.
    #[error("{} is not as it was made", file.display())]
    Segment {
        /// The segment's file.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: SegmentFault,
    },
    /// A block was changed.
    #[error("the log is damaged at {at}")]
    Damaged {
        /// Where.
        at: Location,
        /// What is wrong there.
        #[source]
        fault: FrameFault,
    },
    /// A whole block does not continue the log.
    #[error("the block at {at} does not verify")]
    Unverified {
        /// Where.
        at: Location,
        /// What is wrong with it.
        #[source]
        fault: BlockFault,
    },
    /// There is something where a full segment is empty.
    #[error("there are bytes that belong to no block at {at}")]
    Garbage {
        /// Where the first of them is, and which block follows in the next segment.
        at: Location,
    },
    /// The log ends before its anchor.
    #[error("the log ends at {at}, but {anchored} blocks were released")]
    BehindAnchor {
        /// Where the next block should be.
        at: Location,
        /// How many blocks the anchor covers.
        anchored: u64,
    },
    /// All blocks verify, but lead to another head than the anchor's.
    #[error(
        "block {} ends with size {size} and root {root}, but the anchor has size {} and root {}",
        anchored.height, anchored.tree_size, anchored.root
    )]
    DisagreesWithAnchor {
        /// What was released.
        anchored: Head,
        /// The block's size.
        size: u64,
        /// The block's root.
        root: Hash,
    },
    /// The file system refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

//! Why a log does not open.

use std::path::PathBuf;

use probity_tlog::Hash;

use crate::log::Head;
use crate::tiles::TilesError;
use crate::{AnchorError, BlockFault, FrameFault, FrontierMismatch, Location, ReadError, SegmentFault, StorageError};

/// Why a log was not opened. Nothing at or below its anchor was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by {}", dir.display(), holder.map_or("another process".into(), |id| format!("process {id}")))]
    Locked {
        /// The log's directory.
        dir: PathBuf,
        /// The process id the other one left, if it can be read.
        holder: Option<u32>,
    },
    /// There is no log.
    #[error("there is no log in {}", dir.display())]
    NoLog {
        /// The directory.
        dir: PathBuf,
    },
    /// The log is carried by a stream, and what is above its anchor may not be taken for committed
    /// without asking there.
    #[error("the log in {} is carried by a NATS stream; name the servers with --nats", dir.display())]
    OnStream {
        /// The directory.
        dir: PathBuf,
    },
    /// A new log would replace one.
    #[error("there is a log in {} already", dir.display())]
    Exists {
        /// The directory.
        dir: PathBuf,
    },
    /// There are blocks but no anchor: who knows how many blocks there should be?
    #[error("there are blocks in {} but no anchor at {}", dir.display(), anchor.display())]
    NoAnchor {
        /// The log's directory.
        dir: PathBuf,
        /// Where the anchor should be.
        anchor: PathBuf,
    },
    /// The anchor cannot be used or moved.
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
    /// The log ends before its anchor.
    #[error("the log ends at {at}, but {anchored} blocks were released")]
    BehindAnchor {
        /// Where the next block should be.
        at: Location,
        /// How many blocks the anchor covers.
        anchored: u64,
    },
    /// The block the anchor names has another tree.
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
    /// The block the anchor names is not one of this ledger, or a whole block above the anchor does
    /// not continue it.
    #[error("the block at {at} does not verify")]
    Unverified {
        /// Where.
        at: Location,
        /// What is wrong with it.
        #[source]
        fault: BlockFault,
    },
    /// The statements up to the anchor do not lead to its root.
    #[error("the stored statements do not lead to the released root")]
    Tree(#[from] FrontierMismatch),
    /// The nodes of the tree can neither be read nor made again.
    #[error("the tree cannot be read")]
    Tiles(#[source] TilesError),
    /// The block the anchor names cannot be read.
    #[error(transparent)]
    Read(ReadError),
    /// The configured segment length cannot be used.
    #[error("a segment cannot be {length} bytes long")]
    SegmentLength {
        /// The configured length in bytes.
        length: u64,
    },
    /// The file system refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The writer could not be started.
    #[error("the log's writer cannot be started")]
    Thread(#[source] std::io::Error),
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged { at, fault } => Self::Damaged { at, fault },
            ReadError::Storage(error) => Self::Storage(error),
            ReadError::NoSuchBlock { .. } | ReadError::NoSuchStatement { .. } | ReadError::Abandoned => {
                Self::Read(error)
            }
        }
    }
}

impl From<TilesError> for OpenError {
    fn from(error: TilesError) -> Self {
        match error {
            TilesError::Read(error) => error.into(),
            TilesError::Storage(error) => Self::Storage(error),
            TilesError::NotInTree { .. } | TilesError::Tile(_) | TilesError::Disagrees { .. } => Self::Tiles(error),
        }
    }
}

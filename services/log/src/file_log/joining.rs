//! Giving a log an anchor that has lost it, because a person vouches for a checkpoint.

use std::ops::ControlFlow;

use probity_tlog::{Checkpoint, Hash};

use super::{FileLogOptions, OpenError, opening};
use crate::segments::{list, segment_path};
use crate::storage::{Operation, StorageError};
use crate::{Anchor, AnchorError, Block, Chain, Head, Progress, ScrubError, scrub};

/// Makes the anchor of a log that has none, at a checkpoint that somebody got from elsewhere and
/// trusts.
///
/// Everything up to it is read and verified from block 0; `visit` sees each block and may rotate
/// the chain's keys for the next. What lies above is taken in, as always, when the log is opened.
///
/// # Errors
/// There is an anchor, another process has the log, a block does not verify, or no block ends with
/// this checkpoint.
pub fn join(
    options: &FileLogOptions,
    chain: Chain,
    checkpoint: &Checkpoint,
    mut visit: impl FnMut(&Block, Progress, &mut Chain),
) -> Result<Head, JoinError> {
    let _lock = opening::lock(options).map_err(Box::new)?;
    let storage = &*options.storage;
    if Anchor::peek(storage, &options.anchor)?.is_some() {
        return Err(AnchorError::Exists { path: options.anchor.clone() }.into());
    }
    if chain.verifier().origin() != checkpoint.origin {
        return Err(JoinError::OtherLog { origin: checkpoint.origin.clone() });
    }
    let scrubbed = scrub(options, chain, |block, progress, chain| {
        visit(block, progress, chain);
        if block.tree_size() < checkpoint.size { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .map_err(Box::new)?;
    let Some(head) = scrubbed.head.filter(|head| head.tree_size == checkpoint.size && head.root == checkpoint.root)
    else {
        return Err(JoinError::NotInLog { size: checkpoint.size, root: checkpoint.root, found: scrubbed.head });
    };
    // Whoever copied the files here need not have synced them.
    let dir = options.segments_dir();
    for number in list(storage, &dir)?.segments {
        let path = segment_path(&dir, number);
        let file = storage.open_write(&path).map_err(StorageError::of(Operation::Open, &path))?;
        file.sync_data().map_err(StorageError::of(Operation::Sync, &path))?;
    }
    storage.sync_dir(&dir).map_err(StorageError::of(Operation::Sync, &dir))?;
    Anchor::create(storage, &options.anchor, Some(head))?;
    Ok(head)
}

/// Why a log was not given an anchor.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The checkpoint is of another log.
    #[error("the checkpoint is of the log {origin}")]
    OtherLog {
        /// The name of that log.
        origin: String,
    },
    /// No block ends with the checkpoint.
    #[error("no block ends with size {size} and root {root}: {}", instead(found.as_ref()))]
    NotInLog {
        /// The checkpoint's size.
        size: u64,
        /// The checkpoint's root.
        root: Hash,
        /// The first block that reaches its size, or the last there is.
        found: Option<Head>,
    },
    /// The directory cannot be used.
    #[error(transparent)]
    Open(#[from] Box<OpenError>),
    /// There is an anchor, or none can be made.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// A block does not verify.
    #[error(transparent)]
    Scrub(#[from] Box<ScrubError>),
    /// The file system refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Where the search for a checkpoint ended.
fn instead(found: Option<&Head>) -> String {
    match found {
        Some(Head { height, tree_size, root, .. }) => {
            format!("reading ended with block {height}, which has size {tree_size} and root {root}")
        }
        None => "the log is empty".into(),
    }
}

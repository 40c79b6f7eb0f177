//! Statements that were folded, read again where a question quotes them. A view holds of them what it needs to find them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use probity_log::{Block, Log, ReadError};

/// Blocks that are kept, since the next statement is often in one of them.
const BLOCKS: usize = 16;

/// Where statements are read again.
pub trait Statements: fmt::Debug + Send + Sync {
    /// The signed statement at `index`. Blocks, and reads files.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    fn statement(&self, index: u64) -> Result<Bytes, ReadError>;
}

/// Those of a log.
#[derive(Debug)]
pub(crate) struct OfLog {
    log: Arc<dyn Log>,
    /// The one that was asked last in front.
    blocks: Mutex<VecDeque<Block>>,
}

impl OfLog {
    pub(crate) fn new(log: Arc<dyn Log>) -> Self {
        Self { log, blocks: Mutex::default() }
    }

    fn kept(&self, index: u64) -> Option<Bytes> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let at = blocks.iter().position(|block| block.statement(index).is_some())?;
        let block = blocks.remove(at)?;
        let found = block.statement(index).map(Bytes::copy_from_slice);
        blocks.push_front(block);
        found
    }
}

impl Statements for OfLog {
    fn statement(&self, index: u64) -> Result<Bytes, ReadError> {
        if let Some(kept) = self.kept(index) {
            return Ok(kept);
        }
        let block = self.log.block_of(index)?;
        let found = block.statement(index).map(Bytes::copy_from_slice);
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.truncate(BLOCKS - 1);
        blocks.push_front(block);
        found.ok_or(ReadError::NoSuchStatement { index })
    }
}

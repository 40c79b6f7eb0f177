//! The segment that is appended to. Where its blocks are is in memory until it is full.

use std::sync::Arc;

use super::layout::FRAMES_START;
use super::scan::{Scan, entry};
use super::table::{Entry, Position};
use crate::Block;
use crate::frame::frame_length;
use crate::storage::StoredFile;

/// A segment that is not full.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) file: Arc<dyn StoredFile>,
    /// The length of the file in bytes.
    pub(super) length: u64,
    /// What its first block has, or will have.
    pub(super) start: Position,
    /// What the next block will have.
    pub(super) end: Position,
    /// Where the next frame goes, in bytes.
    pub(super) offset: u64,
    pub(super) entries: Vec<Entry>,
}

impl Active {
    /// A segment without blocks.
    pub(super) fn new(file: Arc<dyn StoredFile>, length: u64, start: Position) -> Self {
        Self { file, length, start, end: start, offset: FRAMES_START, entries: Vec::new() }
    }

    /// A segment with the blocks that a scan found.
    pub(super) fn scanned(file: Arc<dyn StoredFile>, length: u64, start: Position, scan: Scan) -> Self {
        let Scan { entries, end, offset, fault: _ } = scan;
        Self { file, length, start, end, offset, entries }
    }

    /// Takes note of a frame that was written at `offset`; `None` if no segment reaches that far.
    pub(super) fn record(&mut self, block: &Block, offset: u64) -> Option<()> {
        self.entries.push(entry(offset, block.first_index() - self.start.index)?);
        self.end = Position { height: block.height() + 1, index: block.tree_size() };
        self.offset = offset + frame_length(block);
        Some(())
    }

    /// Where the block at `height` is.
    pub(super) fn entry_of(&self, height: u64) -> Option<Entry> {
        let position = usize::try_from(height.checked_sub(self.start.height)?).ok()?;
        self.entries.get(position).copied()
    }

    /// The height of the block that holds the statement at `index`.
    pub(super) fn height_of(&self, index: u64) -> Option<u64> {
        if !(self.start.index..self.end.index).contains(&index) {
            return None;
        }
        let after = self.entries.partition_point(|entry| u64::from(entry.index) <= index - self.start.index);
        Some(self.start.height + after.checked_sub(1)? as u64)
    }
}

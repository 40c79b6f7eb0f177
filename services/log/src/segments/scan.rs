//! Reading a segment's frames from its start, to learn what is in it without a table.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::layout::FRAMES_START;
use super::table::{Entry, Position};
use crate::Location;
use crate::frame::{FrameError, FrameFault, FrameReader};
use crate::storage::StoredFile;

/// The unbroken run of blocks at the start of a segment.
#[derive(Debug)]
pub(crate) struct Scan {
    /// One for each block.
    pub(crate) entries: Vec<Entry>,
    /// The height and index that follow the last block.
    pub(crate) end: Position,
    /// Where the frame after the last block is, in bytes.
    pub(crate) offset: u64,
    /// What is wrong there; `None` if the frames end there, or the scan did.
    pub(crate) fault: Option<FrameFault>,
}

impl Scan {
    /// Reads the segment that starts with the block at `start`, up to but not including height
    /// `until`.
    pub(crate) fn of(file: &Arc<dyn StoredFile>, start: Position, until: u64) -> io::Result<Self> {
        let mut reader = FrameReader::new(file.clone(), FRAMES_START);
        let mut scan = Self { entries: Vec::new(), end: start, offset: FRAMES_START, fault: None };
        while scan.end.height < until {
            let block = match reader.next() {
                Ok(Some(block)) => block,
                Ok(None) => break,
                Err(FrameError::Io(error)) => return Err(error),
                Err(FrameError::Fault(fault)) => {
                    scan.fault = Some(fault);
                    break;
                }
            };
            let found = Position { height: block.height(), index: block.first_index() };
            let entry = entry(scan.offset, found.index - start.index.min(found.index));
            let (true, Some(entry)) = (found == scan.end, entry) else {
                scan.fault = Some(FrameFault::OtherBlock { height: found.height, index: found.index });
                break;
            };
            scan.entries.push(entry);
            scan.end = Position { height: found.height + 1, index: block.tree_size() };
            scan.offset = reader.position();
        }
        Ok(scan)
    }

    /// Where the scan ended.
    pub(crate) fn location(&self, file: &Path) -> Location {
        Location { file: file.to_owned(), offset: self.offset, height: self.end.height, index: self.end.index }
    }
}

/// `None` for numbers no segment has: segments are shorter than 4 GiB.
pub(super) fn entry(offset: u64, index: u64) -> Option<Entry> {
    Some(Entry { offset: u32::try_from(offset).ok()?, index: u32::try_from(index).ok()? })
}

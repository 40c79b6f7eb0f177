//! Reading blocks in order, across segments.

use std::sync::Arc;

use super::Segments;
use crate::frame::FrameReader;
use crate::{Block, ReadError};

/// Below this many blocks each is looked up by itself rather than reading ahead.
const WORTH_READING_AHEAD: u64 = 4;

/// A position among the blocks of a log.
#[derive(Debug)]
pub(crate) struct Cursor {
    segments: Arc<Segments>,
    height: u64,
    /// Reads ahead, with the last height that was committed when it was made. What it holds of
    /// later blocks is not to be used: they may have been given up since.
    reader: Option<(FrameReader, u64)>,
}

impl Cursor {
    /// Starts before the block at `height`.
    pub(crate) fn new(segments: Arc<Segments>, height: u64) -> Self {
        Self { segments, height, reader: None }
    }

    /// The height of the block that comes next.
    pub(crate) fn height(&self) -> u64 {
        self.height
    }

    /// The next block, which must be there, as must be all up to height `last`.
    pub(crate) fn next(&mut self, last: u64) -> Result<Block, ReadError> {
        let block = match self.read_ahead(last)? {
            Some(block) => block,
            None => {
                // The end of a segment, bytes from before they were written, or damage: looking it
                // up tells which.
                self.reader = None;
                self.segments.block(self.height)?
            }
        };
        self.height += 1;
        Ok(block)
    }

    fn read_ahead(&mut self, last: u64) -> Result<Option<Block>, ReadError> {
        if self.reader.as_ref().is_some_and(|(_, committed)| self.height > *committed) {
            self.reader = None;
        }
        if self.reader.is_none() {
            if last.saturating_sub(self.height) < WORTH_READING_AHEAD {
                return Ok(None);
            }
            let place = self.segments.place(self.height)?;
            self.reader = Some((FrameReader::new(place.file, place.offset), last));
        }
        let block = self.reader.as_mut().and_then(|(reader, _)| reader.next().ok().flatten());
        Ok(block.filter(|block| block.height() == self.height))
    }
}

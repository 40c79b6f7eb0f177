//! How a block lies in a segment: `u32be length ‖ u32be CRC-32C(length ‖ block) ‖ block`.
//!
//! A length of zero ends the frames: a segment is zeroed before it is used.

use std::io;
use std::sync::Arc;

use crate::block::{Block, BlockError, MAX_BLOCK_LENGTH};
use crate::storage::StoredFile;

/// The bytes of a frame before its block.
pub(crate) const FRAME_HEADER: u64 = 8;

/// How much is read ahead when frames are read one after another.
const READ_AHEAD: usize = 256 * 1024;

/// What is wrong where a block should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// There are only zeros.
    #[error("the block is missing")]
    Missing,
    /// The file ends before the frame does.
    #[error("the file ends inside the frame, at {file_length}")]
    Truncated {
        /// Where the file ends.
        file_length: u64,
    },
    /// No block is that long, or the frame would reach beyond the segment.
    #[error("the frame's length {length} is impossible")]
    Length {
        /// The length found.
        length: u32,
    },
    /// The frame was changed.
    #[error("the frame's checksum is {stored:#010x} where its bytes give {computed:#010x}")]
    Checksum {
        /// The checksum found.
        stored: u32,
        /// The checksum of the bytes found.
        computed: u32,
    },
    /// The frame is whole but holds no block.
    #[error("the frame holds no block")]
    Block(#[from] BlockError),
    /// The frame is whole but holds another block.
    #[error("the frame holds block {height} from index {index}")]
    OtherBlock {
        /// The height found.
        height: u64,
        /// The first index found.
        index: u64,
    },
}

impl FrameFault {
    /// Whether an append that was cut short can leave this behind. Anything else was written whole,
    /// by whomever.
    pub(crate) fn is_torn(&self) -> bool {
        match self {
            Self::Missing | Self::Truncated { .. } | Self::Length { .. } | Self::Checksum { .. } => true,
            Self::Block(_) | Self::OtherBlock { .. } => false,
        }
    }
}

/// Why no frame could be read.
#[derive(Debug)]
pub(crate) enum FrameError {
    Io(io::Error),
    Fault(FrameFault),
}

impl From<FrameFault> for FrameError {
    fn from(fault: FrameFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The number of bytes the frame of `block` takes.
pub(crate) fn frame_length(block: &Block) -> u64 {
    FRAME_HEADER + block.bytes().len() as u64
}

/// The frame of a block.
pub(crate) fn encode(block: &Block) -> Result<Vec<u8>, BlockError> {
    let bytes = block.bytes();
    let length = u32::try_from(bytes.len()).map_err(|_| BlockError::TooLong { length: bytes.len() })?;
    let length = length.to_be_bytes();
    Ok([&length, &checksum(length, bytes).to_be_bytes(), bytes].concat())
}

fn checksum(length: [u8; 4], block: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), block)
}

/// Reads the frames of one segment in order.
#[derive(Debug)]
pub(crate) struct FrameReader {
    file: Arc<dyn StoredFile>,
    position: u64,
    window: Vec<u8>,
    window_start: u64,
    read_ahead: usize,
}

impl FrameReader {
    /// Reads many frames from `position` on.
    pub(crate) fn new(file: Arc<dyn StoredFile>, position: u64) -> Self {
        Self { file, position, window: Vec::new(), window_start: position, read_ahead: READ_AHEAD }
    }

    /// Reads the one frame at `position`.
    pub(crate) fn single(file: Arc<dyn StoredFile>, position: u64) -> Self {
        Self { read_ahead: 4096, ..Self::new(file, position) }
    }

    /// Where the next frame is.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next block; `None` where the frames end. After an error the position is still that of
    /// the frame in error.
    pub(crate) fn next(&mut self) -> Result<Option<Block>, FrameError> {
        let header = self.peek(FRAME_HEADER)?;
        let Some(&[l0, l1, l2, l3, c0, c1, c2, c3]) = header.first_chunk() else {
            // Less is left of the segment than a frame needs, so it was never written.
            let untouched = header.iter().all(|byte| *byte == 0);
            let count = header.len() as u64;
            let truncated = FrameFault::Truncated { file_length: self.position + count };
            return if untouched { Ok(None) } else { Err(truncated.into()) };
        };
        let length_bytes = [l0, l1, l2, l3];
        let (length, stored) = (u32::from_be_bytes(length_bytes), u32::from_be_bytes([c0, c1, c2, c3]));
        if length == 0 {
            return Ok(None);
        }
        if length as usize > MAX_BLOCK_LENGTH {
            return Err(FrameFault::Length { length }.into());
        }
        let frame_length = FRAME_HEADER + u64::from(length);
        let frame = self.peek(frame_length)?;
        if (frame.len() as u64) < frame_length {
            let count = frame.len() as u64;
            let file_length = self.position + count;
            return Err(FrameFault::Truncated { file_length }.into());
        }
        let bytes = &frame[8..];
        let computed = checksum(length_bytes, bytes);
        if computed != stored {
            return Err(FrameFault::Checksum { stored, computed }.into());
        }
        let block = Block::decode(bytes.to_vec()).map_err(FrameFault::Block)?;
        self.position += frame_length;
        Ok(Some(block))
    }

    /// Up to `count` bytes at the current position; fewer only where the file ends.
    fn peek(&mut self, count: u64) -> io::Result<&[u8]> {
        let count = usize::try_from(count).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let skip = usize::try_from(self.position - self.window_start).map_err(|_| io::ErrorKind::FileTooLarge)?;
        if skip + count > self.window.len() {
            let kept = self.window.get(skip..).unwrap_or_default();
            let have = kept.len();
            let mut window = vec![0; count.max(self.read_ahead)];
            window[..have].copy_from_slice(kept);
            let read = self.file.read_full_at(&mut window[have..], self.position + have as u64)?;
            window.truncate(have + read);
            (self.window, self.window_start) = (window, self.position);
        }
        let start = usize::try_from(self.position - self.window_start).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let end = self.window.len().min(start + count);
        Ok(&self.window[start..end])
    }
}

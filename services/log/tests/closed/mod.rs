//! A small log that was closed, to be damaged.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::executor::block_on;
use probity_log::conformance::Ledger;
use probity_log::{
    Block, Chain, FileLog, FileLogOptions, Head, Location, Log as _, OpenError, ReadError, ScrubError, scrub,
};

use probity_log::simulated_disk::SimulatedDisk;

pub(crate) const SEGMENT_LENGTH: usize = 4096;
pub(crate) const HEADER: usize = 64;

pub(crate) fn options(disk: &SimulatedDisk) -> FileLogOptions {
    FileLogOptions::new("/data/log").storage(Arc::new(disk.clone())).segment_length(SEGMENT_LENGTH as u64)
}

pub(crate) fn verifier() -> probity_tlog::CheckpointVerifier {
    Ledger::new().verifier()
}

pub(crate) fn open(disk: &SimulatedDisk) -> Result<FileLog, OpenError> {
    FileLog::open(&options(disk), verifier())
}

pub(crate) fn scrub_all(disk: &SimulatedDisk) -> Result<Option<Head>, ScrubError> {
    let found = scrub(&options(disk), Chain::new(verifier()), |_, _, _| ControlFlow::Continue(()))?;
    Ok(found.head)
}

pub(crate) fn segment(number: usize) -> PathBuf {
    PathBuf::from(format!("/data/log/segments/{number:010}.segment"))
}

pub(crate) fn anchor() -> PathBuf {
    PathBuf::from("/data/log.anchor")
}

/// A log that was closed: its first segment is full, its second in use and its third was made in
/// advance.
pub(crate) struct Closed {
    pub(crate) disk: SimulatedDisk,
    pub(crate) blocks: Vec<Block>,
    /// Where each block's frame is: segment number and range.
    pub(crate) frames: Vec<(usize, std::ops::Range<usize>)>,
}

impl Closed {
    pub(crate) fn with_blocks(count: usize) -> Self {
        let disk = SimulatedDisk::default();
        let mut ledger = Ledger::new();
        let blocks = ledger.blocks(count);
        append(&FileLog::create(&options(&disk), verifier()).unwrap(), &blocks);
        let (mut number, mut offset) = (0, HEADER);
        let frames = blocks.iter().map(|block| {
            let length = 8 + block.bytes().len();
            if offset + length > SEGMENT_LENGTH {
                (number, offset) = (number + 1, HEADER);
            }
            offset += length;
            (number, offset - length..offset)
        });
        let frames = frames.collect();
        Self { disk, blocks, frames }
    }

    pub(crate) fn two_segments() -> Self {
        let closed = Self::with_blocks(11);
        assert_eq!(closed.frames[10].0, 1);
        closed
    }

    /// The log with the contents of one file changed.
    pub(crate) fn changed(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> SimulatedDisk {
        let disk = self.disk.copy();
        let mut contents = disk.contents(path);
        change(&mut contents);
        disk.set_contents(path, contents);
        disk
    }

    /// The block whose frame holds a byte.
    pub(crate) fn block_at(&self, number: usize, position: usize) -> Option<usize> {
        self.frames.iter().position(|(segment, range)| *segment == number && range.contains(&position))
    }

    pub(crate) fn location(&self, height: usize) -> Location {
        let (number, range) = &self.frames[height];
        let index = self.blocks[height].first_index();
        Location { file: segment(*number), offset: range.start as u64, height: height as u64, index }
    }
}

pub(crate) fn append(log: &FileLog, blocks: &[Block]) {
    for block in blocks {
        block_on(log.enqueue(block.clone())).unwrap();
    }
}

/// All blocks of an open log, or the first error.
pub(crate) fn read_all(log: &FileLog) -> Result<Vec<Block>, ReadError> {
    let count = log.reader().head().map_or(0, |head| head.height + 1);
    (0..count).map(|height| log.reader().block(height)).collect()
}

/// That the log is as before: opened, with all blocks, and going on.
pub(crate) fn assert_intact(disk: &SimulatedDisk, blocks: &[Block], what: &str) {
    let log = open(disk).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(read_all(&log).unwrap(), blocks, "{what}");
}

pub(crate) fn frame(block: &Block) -> Vec<u8> {
    let bytes = block.bytes();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), bytes);
    [&length, &crc.to_be_bytes(), bytes].concat()
}

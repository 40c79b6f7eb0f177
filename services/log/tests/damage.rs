//! Bytes are changed, cut off, zeroed and taken away everywhere in a small log: each time the log opens with all its blocks,
//! or stops and names the place. It never opens with fewer blocks than were released.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod simulated;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::executor::block_on;
use probity_log::conformance::Ledger;
use probity_log::storage::{Operation, Storage as _};
use probity_log::{
    AnchorError, Block, Chain, FileLog, FileLogOptions, FrameFault, Head, Location, Log as _, OpenError, ReadError,
    ScrubError, SegmentFault, scrub,
};
use probity_tlog::tree_root;
use simulated::{Mode, SimulatedDisk, Survivors};

const SEGMENT_LENGTH: usize = 4096;
const HEADER: usize = 64;

fn options(disk: &SimulatedDisk) -> FileLogOptions {
    FileLogOptions::new("/data/log").storage(Arc::new(disk.clone())).segment_length(SEGMENT_LENGTH as u64)
}

fn verifier() -> probity_tlog::CheckpointVerifier {
    Ledger::new().verifier()
}

fn open(disk: &SimulatedDisk) -> Result<FileLog, OpenError> {
    FileLog::open(&options(disk), verifier())
}

fn scrub_all(disk: &SimulatedDisk) -> Result<Option<Head>, ScrubError> {
    let found = scrub(&options(disk), Chain::new(verifier()), |_, _, _| ControlFlow::Continue(()))?;
    Ok(found.head)
}

fn segment(number: usize) -> PathBuf {
    PathBuf::from(format!("/data/log/segments/{number:010}.segment"))
}

fn anchor() -> PathBuf {
    PathBuf::from("/data/log.anchor")
}

/// A log that was closed: its first segment is full, its second in use and its third was made in advance.
struct Closed {
    disk: SimulatedDisk,
    blocks: Vec<Block>,
    /// Where each block's frame is: segment number and range.
    frames: Vec<(usize, std::ops::Range<usize>)>,
}

impl Closed {
    fn with_blocks(count: usize) -> Self {
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

    fn two_segments() -> Self {
        let closed = Self::with_blocks(11);
        assert_eq!(closed.frames[10].0, 1);
        closed
    }

    /// The log with the contents of one file changed.
    fn changed(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> SimulatedDisk {
        let disk = self.disk.copy();
        let mut contents = disk.contents(path);
        change(&mut contents);
        disk.set_contents(path, contents);
        disk
    }

    /// The block whose frame holds a byte.
    fn block_at(&self, number: usize, position: usize) -> Option<usize> {
        self.frames.iter().position(|(segment, range)| *segment == number && range.contains(&position))
    }

    fn location(&self, height: usize) -> Location {
        let (number, range) = &self.frames[height];
        let index = self.blocks[height].first_index();
        Location { file: segment(*number), offset: range.start as u64, height: height as u64, index }
    }
}

fn append(log: &FileLog, blocks: &[Block]) {
    for block in blocks {
        block_on(log.enqueue(block.clone())).unwrap();
    }
}

/// All blocks of an open log, or the first error.
fn read_all(log: &FileLog) -> Result<Vec<Block>, ReadError> {
    let count = log.reader().head().map_or(0, |head| head.height + 1);
    (0..count).map(|height| log.reader().block(height)).collect()
}

/// That the log is as before: opened, with all blocks, and going on.
fn assert_intact(disk: &SimulatedDisk, blocks: &[Block], what: &str) {
    let log = open(disk).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(read_all(&log).unwrap(), blocks, "{what}");
}

#[test]
fn any_flipped_byte_of_a_segment_in_use_is_named() {
    let closed = Closed::two_segments();
    for position in 0..SEGMENT_LENGTH {
        let disk = closed.changed(&segment(1), |bytes| bytes[position] ^= 1 << (position % 8));
        match closed.block_at(1, position) {
            Some(height) => {
                let expected = closed.location(height);
                match open(&disk) {
                    Err(OpenError::Damaged { at, .. } | OpenError::Unverified { at, .. }) => assert_eq!(at, expected),
                    other => panic!("byte {position}: {other:?}"),
                }
                match scrub_all(&disk) {
                    Err(ScrubError::Damaged { at, .. } | ScrubError::Unverified { at, .. }) => assert_eq!(at, expected),
                    other => panic!("byte {position}: {other:?}"),
                }
            }
            None if position < HEADER => match open(&disk) {
                Err(OpenError::Segment { file, fault: SegmentFault::Header }) => assert_eq!(file, segment(1)),
                other => panic!("byte {position}: {other:?}"),
            },
            // Beyond the anchor it can only be an append that was cut short.
            None => assert_intact(&disk, &closed.blocks, &format!("byte {position}")),
        }
    }
}

#[test]
fn any_flipped_byte_of_a_full_segment_is_named_when_it_is_read() {
    let closed = Closed::two_segments();
    for position in 0..SEGMENT_LENGTH {
        let disk = closed.changed(&segment(0), |bytes| bytes[position] ^= 1 << (position % 8));
        if position < HEADER {
            assert!(matches!(open(&disk), Err(OpenError::Segment { file, .. }) if file == segment(0)));
            continue;
        }
        let scrubbed = scrub_all(&disk);
        let Some(height) = closed.block_at(0, position) else {
            // No block is affected, but a scrub tells.
            let end =
                closed.frames.iter().filter(|(number, _)| *number == 0).map(|(_, range)| range.end).max().unwrap();
            match scrubbed {
                Err(ScrubError::Garbage { at }) => assert_eq!((at.file, at.offset), (segment(0), position as u64)),
                Err(ScrubError::Damaged { at, .. }) => {
                    assert!(position < end + 8, "byte {position} is not in a frame's header");
                    assert_eq!((at.file, at.offset), (segment(0), end as u64));
                }
                other => panic!("byte {position}: {other:?}"),
            }
            assert_intact(&disk, &closed.blocks, &format!("byte {position}"));
            disk.delete(Path::new("/data/log/segments/0000000000.index"));
            assert_intact(&disk, &closed.blocks, &format!("byte {position}, without a table"));
            continue;
        };
        let expected = closed.location(height);
        match scrubbed {
            Err(ScrubError::Damaged { at, .. } | ScrubError::Unverified { at, .. }) => assert_eq!(at, expected),
            other => panic!("byte {position}: {other:?}"),
        }
        match open(&disk) {
            // Its leaf hashes were needed for the right edge of the tree.
            Err(OpenError::Damaged { at, .. }) => assert_eq!(at, expected),
            Err(other) => panic!("byte {position}: {other:?}"),
            Ok(log) => {
                assert_eq!(log.reader().head().unwrap().height as usize, closed.blocks.len() - 1);
                match log.reader().block(height as u64) {
                    Err(ReadError::Damaged { at, .. }) => assert_eq!(at, expected),
                    other => panic!("byte {position}: {other:?}"),
                }
                for (other, block) in closed.blocks.iter().enumerate().filter(|(other, _)| *other != height) {
                    assert_eq!(log.reader().block(other as u64).unwrap(), *block);
                }
            }
        }
    }
}

#[test]
fn any_flipped_byte_of_a_segment_made_in_advance_is_named_or_zeroed() {
    let closed = Closed::two_segments();
    for position in 0..SEGMENT_LENGTH {
        let disk = closed.changed(&segment(2), |bytes| bytes[position] ^= 0x10);
        match open(&disk) {
            Err(OpenError::Segment { file, fault: SegmentFault::Header }) if position < HEADER => {
                assert_eq!(file, segment(2));
            }
            Ok(log) if position >= HEADER => {
                assert_eq!(log.opening().discarded.as_ref().unwrap().offset, position as u64);
                assert_eq!(disk.contents(&segment(2))[HEADER..], vec![0; SEGMENT_LENGTH - HEADER]);
            }
            other => panic!("byte {position}: {other:?}"),
        }
    }
}

#[test]
fn a_flipped_byte_of_a_table_changes_nothing() {
    let closed = Closed::two_segments();
    let table = PathBuf::from("/data/log/segments/0000000000.index");
    for position in 0..closed.disk.contents(&table).len() {
        let disk = closed.changed(&table, |bytes| bytes[position] ^= 1 << (position % 8));
        let log = open(&disk).unwrap();
        assert_eq!(read_all(&log).unwrap(), closed.blocks, "byte {position}");
        for block in &closed.blocks {
            for index in block.first_index()..block.tree_size() {
                assert_eq!(log.reader().block_of(index).unwrap(), *block, "byte {position}");
            }
        }
    }
}

#[test]
fn a_table_of_a_segment_that_is_not_full_is_removed() {
    let closed = Closed::two_segments();
    let [full, in_use] =
        ["0000000000", "0000000001"].map(|name| PathBuf::from(format!("/data/log/segments/{name}.index")));
    let file = closed.disk.create(&in_use).unwrap();
    file.write_all_at(&closed.disk.contents(&full), 0).unwrap();
    assert_intact(&closed.disk, &closed.blocks, "with a table");
    let tables: Vec<_> =
        closed.disk.files().into_iter().filter(|path| path.extension() == Some("index".as_ref())).collect();
    assert_eq!(tables, [full]);
}

#[test]
fn a_flipped_byte_of_the_anchor_falls_back_to_the_other_slot() {
    let closed = Closed::two_segments();
    for position in 0..closed.disk.contents(&anchor()).len() {
        let disk = closed.changed(&anchor(), |bytes| bytes[position] ^= 1 << (position % 8));
        assert_intact(&disk, &closed.blocks, &format!("byte {position}"));
    }
}

#[test]
fn an_anchor_damaged_in_both_slots_is_refused() {
    let closed = Closed::two_segments();
    let disk = closed.changed(&anchor(), |bytes| {
        bytes[20] ^= 1;
        bytes[4096 + 20] ^= 1;
    });
    match open(&disk) {
        Err(OpenError::Anchor(AnchorError::Damaged { path })) => assert_eq!(path, anchor()),
        other => panic!("{other:?}"),
    }
    let disk = closed.changed(&anchor(), Vec::clear);
    assert!(matches!(open(&disk), Err(OpenError::Anchor(AnchorError::Damaged { .. }))));
}

#[test]
fn a_segment_cut_short_anywhere_is_named() {
    let closed = Closed::two_segments();
    for number in 0..3 {
        for length in 0..SEGMENT_LENGTH {
            let disk = closed.changed(&segment(number), |bytes| bytes.truncate(length));
            let expected = match length {
                ..HEADER => SegmentFault::Header,
                _ => SegmentFault::Length { expected: SEGMENT_LENGTH as u64, found: length as u64 },
            };
            match open(&disk) {
                Err(OpenError::Segment { file, fault }) => assert_eq!((file, fault), (segment(number), expected)),
                other => panic!("segment {number} of {length}: {other:?}"),
            }
            if number < 2 {
                assert!(matches!(scrub_all(&disk), Err(ScrubError::Segment { file, .. }) if file == segment(number)));
            }
        }
    }
}

#[test]
fn a_segment_that_is_missing_or_another_is_named() {
    let closed = Closed::two_segments();
    for number in 0..2 {
        let disk = closed.disk.copy();
        disk.delete(&segment(number));
        let named = |file: &Path| file == segment(number);
        match open(&disk) {
            Err(OpenError::Segment { file, fault: SegmentFault::Missing }) => assert!(named(&file)),
            other => panic!("{other:?}"),
        }
        assert!(matches!(scrub_all(&disk), Err(ScrubError::Segment { file, .. }) if named(&file)));
    }
    let other = closed.disk.contents(&segment(1));
    let disk = closed.changed(&segment(0), |bytes| *bytes = other);
    match open(&disk) {
        Err(OpenError::Segment { file, fault }) => {
            assert_eq!((file, fault), (segment(0), SegmentFault::Number { found: 1 }));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn blocks_that_were_zeroed_are_missed() {
    let closed = Closed::two_segments();
    for (height, (number, range)) in closed.frames.iter().enumerate() {
        let disk = closed.changed(&segment(*number), |bytes| bytes[range.clone()].fill(0));
        let expected = closed.location(height);
        if *number == 1 {
            match open(&disk) {
                Err(OpenError::BehindAnchor { at, anchored: 11 }) => assert_eq!(at, expected),
                other => panic!("block {height}: {other:?}"),
            }
        } else if let Ok(log) = open(&disk) {
            match log.reader().block(height as u64) {
                Err(ReadError::Damaged { at, fault: FrameFault::Missing }) => assert_eq!(at, expected),
                other => panic!("block {height}: {other:?}"),
            }
        }
        assert!(scrub_all(&disk).is_err());
    }
}

#[test]
fn a_log_older_than_its_anchor_is_refused() {
    let (older, newer) = (Closed::with_blocks(5), Closed::with_blocks(11));
    let disk = older.changed(&anchor(), |bytes| *bytes = newer.disk.contents(&anchor()));
    let next = Location { file: segment(0), offset: older.frames[4].1.end as u64, height: 5, index: 9 };
    match open(&disk) {
        Err(OpenError::BehindAnchor { at, anchored: 11 }) => assert_eq!(at, next),
        other => panic!("{other:?}"),
    }
    match scrub_all(&disk) {
        Err(ScrubError::BehindAnchor { at, anchored: 11 }) => assert_eq!(at, next),
        other => panic!("{other:?}"),
    }
    for number in 0..2 {
        disk.delete(&segment(number));
    }
    assert!(matches!(open(&disk), Err(OpenError::Segment { fault: SegmentFault::Missing, .. })));
}

#[test]
fn a_log_without_its_anchor_is_refused() {
    let closed = Closed::two_segments();
    closed.disk.delete(&anchor());
    assert!(matches!(open(&closed.disk), Err(OpenError::NoAnchor { anchor: path, .. }) if path == anchor()));
    let again = FileLog::create(&options(&closed.disk), verifier());
    assert!(matches!(again, Err(OpenError::Exists { .. })));
    // Without an anchor a scrub reads what is there, and says that nobody vouches for its end.
    assert_eq!(scrub_all(&closed.disk).unwrap().unwrap().height, 10);
}

#[test]
fn a_log_that_is_not_the_anchored_one_is_refused() {
    let closed = Closed::with_blocks(3);
    let other = SimulatedDisk::default();
    let mut ledger = Ledger::new();
    let blocks: Vec<_> = [1, 2, 3].map(|count| (ledger.alternative(count, "b"), count)).into();
    let mut others = Vec::new();
    for (_, count) in blocks {
        let block = ledger.alternative(count, "b");
        ledger.accept(&block);
        others.push(block);
    }
    append(&FileLog::create(&options(&other), verifier()).unwrap(), &others);
    let disk = closed.changed(&anchor(), |bytes| *bytes = other.contents(&anchor()));
    match open(&disk) {
        Err(OpenError::DisagreesWithAnchor { anchored, size, .. }) => {
            assert_eq!((anchored.height, anchored.tree_size, size), (2, 6, 6));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(scrub_all(&disk), Err(ScrubError::DisagreesWithAnchor { .. })));
}

#[test]
fn a_whole_block_above_the_anchor_that_does_not_verify_is_named() {
    let closed = Closed::with_blocks(3);
    let mut rival = Ledger::new();
    rival.accept(&rival.alternative(1, "b"));
    rival.blocks(2);
    let foreign = frame(&rival.block(1));
    let end = closed.frames[2].1.end;
    let disk = closed.changed(&segment(0), |bytes| bytes[end..end + foreign.len()].copy_from_slice(&foreign));
    match open(&disk) {
        Err(OpenError::Unverified { at, .. }) => {
            assert_eq!((at.file, at.offset, at.height), (segment(0), end as u64, 3));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_torn_tail_is_zeroed_and_the_log_goes_on() {
    let mut ledger = Ledger::new();
    let blocks = ledger.blocks(3);
    let next = ledger.alternative(2, "a");
    let torn = frame(&next);
    let closed = Closed::with_blocks(3);
    let end = closed.frames[2].1.end;
    for length in 1..torn.len() {
        let disk = closed.changed(&segment(0), |bytes| bytes[end..end + length].copy_from_slice(&torn[..length]));
        let log = open(&disk).unwrap();
        assert_eq!(read_all(&log).unwrap(), blocks, "torn after {length}");
        assert_eq!(log.opening().adopted, 0);
        assert_eq!(log.opening().discarded.is_some(), torn[..length].iter().any(|byte| *byte != 0));
        assert_eq!(disk.contents(&segment(0))[end..], vec![0; SEGMENT_LENGTH - end]);
        append(&log, std::slice::from_ref(&next));
    }
    let disk = closed.changed(&segment(0), |bytes| bytes[end..end + torn.len()].copy_from_slice(&torn));
    let log = open(&disk).unwrap();
    assert_eq!((log.opening().adopted, &log.opening().discarded), (1, &None));
    assert_eq!(log.reader().block(3).unwrap(), next);
}

#[test]
fn a_whole_block_behind_a_lost_one_is_not_adopted() {
    let mut ledger = Ledger::new();
    let blocks = ledger.blocks(5);
    let closed = Closed::with_blocks(5);
    let three = Closed::with_blocks(3);
    // The anchor covers three blocks, the fourth was lost by a power cut, the fifth was not.
    let (_, lost) = &closed.frames[3];
    let disk = closed.changed(&segment(0), |bytes| bytes[lost.clone()].fill(0));
    disk.set_contents(&anchor(), three.disk.contents(&anchor()));
    let log = open(&disk).unwrap();
    assert_eq!(read_all(&log).unwrap(), blocks[..3]);
    let discarded = usize::try_from(log.opening().discarded.as_ref().unwrap().offset).unwrap();
    assert!(closed.frames[4].1.contains(&discarded));
    append(&log, &blocks[3..]);
}

#[test]
fn zeros_that_could_not_be_synced_are_written_again() {
    let closed = Closed::with_blocks(5);
    let three = Closed::with_blocks(3);
    // Above the anchor the fourth block is torn and the fifth whole.
    let (_, torn) = &closed.frames[3];
    let disk = closed.changed(&segment(0), |bytes| bytes[torn.end - 1] ^= 1);
    disk.set_contents(&anchor(), three.disk.contents(&anchor()));
    // Opening zeroes both, but only in memory.
    disk.fail_on("0000000000.segment", 1, Mode::Fails);
    assert!(matches!(open(&disk), Err(OpenError::Storage(error)) if error.operation == Operation::Sync));
    assert!(disk.has_failed());
    disk.restart();
    let mut ledger = Ledger::new();
    let mut blocks = ledger.blocks(3);
    let other = ledger.alternative(1, "b");
    assert_eq!(other.bytes().len() + 8, torn.len(), "what followed the torn block follows this one too");
    append(&open(&disk).unwrap(), std::slice::from_ref(&other));
    blocks.push(other);
    assert_intact(&disk.after_power_cut(Survivors::None), &blocks, "after a power cut");
}

#[test]
fn tiles_that_are_damaged_or_missing_are_made_again() {
    let disk = SimulatedDisk::default();
    let mut ledger = Ledger::new();
    let blocks: Vec<_> = (0..40).map(|_| ledger.block(20)).collect();
    append(&FileLog::create(&options(&disk), verifier()).unwrap(), &blocks);
    let tiles: Vec<_> = disk.files().into_iter().filter(|path| path.starts_with("/data/log/tile")).collect();
    assert_eq!(tiles.len(), 3, "800 statements fill three tiles");
    let whole = disk.copy();
    for (i, tile) in tiles.iter().enumerate() {
        let contents = whole.contents(tile);
        for damage in 0..4 {
            match damage {
                0 => disk.delete(tile),
                1 => disk.set_contents(tile, Vec::new()),
                2 => disk.set_contents(tile, vec![0; contents.len()]),
                _ => disk.set_contents(tile, [&contents[..100 + i], &[1], &contents[101 + i..]].concat()),
            }
            let log = open(&disk).unwrap();
            for block in &blocks {
                let root = tree_root(log.tiles(), block.tree_size()).unwrap();
                assert!(block.checkpoint().contains(&root.to_base64()));
                let proof = probity_tlog::inclusion_proof(log.tiles(), block.first_index(), 800).unwrap();
                let leaf = probity_tlog::leaf_hash(block.statements().next().unwrap());
                proof.verify(&leaf, &log.reader().head().unwrap().root).unwrap();
            }
            drop(log);
            assert_eq!(disk.contents(tile), contents, "{} after damage {damage}", tile.display());
        }
    }
}

fn frame(block: &Block) -> Vec<u8> {
    let bytes = block.bytes();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), bytes);
    [&length, &crc.to_be_bytes(), bytes].concat()
}

//! The log and its anchor: what an anchor demands of a log, and what becomes of bytes above it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod closed;

use closed::{
    Closed, SEGMENT_LENGTH, anchor, append, assert_intact, frame, open, options, read_all, scrub_all, segment, verifier,
};
use probity_log::conformance::Ledger;
use probity_log::simulated_disk::{Mode, SimulatedDisk, Survivors};
use probity_log::storage::Operation;
use probity_log::{Anchor, AnchorError, FileLog, Location, OpenError, ScrubError, SegmentFault};

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
    let others: Vec<_> = [1, 2, 3]
        .into_iter()
        .map(|count| {
            let block = ledger.alternative(count, "b");
            ledger.accept(&block);
            block
        })
        .collect();
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
    let anchored = Anchor::peek(&disk, &anchor()).unwrap().unwrap();
    assert_eq!(anchored, log.reader().head(), "what is released is anchored");
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
fn a_segment_with_garbage_behind_its_blocks_is_not_followed_by_another() {
    let closed = Closed::two_segments();
    let mut ledger = Ledger::new();
    let mut blocks = ledger.blocks(10);
    let garbage = closed.frames[9].1.end + 20;
    // The anchor covers nine blocks, the tenth is the last of the first segment, the eleventh is in
    // the second.
    let disk = closed.changed(&segment(0), |bytes| bytes[garbage] = 1);
    disk.set_contents(&anchor(), Closed::with_blocks(9).disk.contents(&anchor()));
    let log = open(&disk).unwrap();
    assert_eq!(log.opening().adopted, 1);
    let discarded = log.opening().discarded.clone().unwrap();
    assert_eq!((discarded.file, discarded.offset, discarded.height), (segment(0), garbage as u64, 10));
    assert_eq!(read_all(&log).unwrap(), blocks);
    blocks.push(ledger.alternative(1, "b"));
    append(&log, &blocks[10..]);
    drop(log);
    assert_intact(&disk, &blocks, "with another eleventh block");
    scrub_all(&disk).unwrap();
}

#[test]
fn a_segment_whose_name_was_not_synced_is_not_lost() {
    let closed = Closed::with_blocks(5);
    let mut ledger = Ledger::new();
    let blocks = ledger.blocks(12);
    closed.disk.unsync_name(&segment(1));
    let log = open(&closed.disk).unwrap();
    // Making the segment after it would sync the directory too.
    closed.disk.fail_on("0000000002.segment.new", 0, Mode::Fails);
    append(&log, &blocks[5..]);
    drop(log);
    assert_intact(&closed.disk.after_power_cut(Survivors::None), &blocks, "after a power cut");
}

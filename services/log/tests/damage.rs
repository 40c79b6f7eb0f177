//! Bytes are changed, cut off, zeroed and taken away everywhere in a small log: each time the log
//! opens with all its blocks, or stops and names the place. It never opens with fewer blocks than
//! were released.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod closed;

use std::path::{Path, PathBuf};

use closed::{
    Closed, HEADER, SEGMENT_LENGTH, append, assert_intact, open, options, read_all, scrub_all, segment, verifier,
};
use probity_log::conformance::Ledger;
use probity_log::simulated_disk::SimulatedDisk;
use probity_log::storage::Storage as _;
use probity_log::{Block, FileLog, FrameFault, OpenError, ReadError, ScrubError, SegmentFault};
use probity_tlog::{inclusion_proof, leaf_hash, tree_root};

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
fn tiles_that_are_damaged_or_missing_are_made_again() {
    let disk = SimulatedDisk::default();
    let mut ledger = Ledger::new();
    let blocks: Vec<_> = (0..40).map(|_| ledger.block(20)).collect();
    append(&FileLog::create(&options(&disk), verifier()).unwrap(), &blocks);
    let tiles: Vec<_> = disk.files().into_iter().filter(|path| path.starts_with("/data/log/tile")).collect();
    assert_eq!(tiles.len(), 3, "800 statements fill three tiles");
    for tile in &tiles {
        let contents = disk.contents(tile);
        let one_byte = [&contents[..100], &[!contents[100]], &contents[101..]].concat();
        for damaged in [None, Some(Vec::new()), Some(vec![0; contents.len()]), Some(one_byte)] {
            let damage = || match &damaged {
                None => disk.delete(tile),
                Some(damaged) => disk.set_contents(tile, damaged.clone()),
            };
            damage();
            assert_proves(&open(&disk).unwrap(), &blocks);
            assert_eq!(disk.contents(tile), contents, "{} before opening", tile.display());

            let log = open(&disk).unwrap();
            assert!(!log.opening().rebuilt_tiles);
            damage();
            assert_proves(&log, &blocks);
            assert_eq!(disk.contents(tile), contents, "{} after opening", tile.display());
        }
    }
}

fn assert_proves(log: &FileLog, blocks: &[Block]) {
    let root = log.reader().head().unwrap().root;
    for block in blocks {
        assert!(block.checkpoint().contains(&tree_root(log.tiles(), block.tree_size()).unwrap().to_base64()));
        let proof = inclusion_proof(log.tiles(), block.first_index(), log.tiles().size()).unwrap();
        proof.verify(&leaf_hash(block.statements().next().unwrap()), &root).unwrap();
    }
}

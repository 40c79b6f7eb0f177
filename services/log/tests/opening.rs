//! Making, opening and closing a log on the real disk.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;

use futures::executor::block_on;
use probity_log::conformance::Ledger;
use probity_log::{
    AnchorError, AppendError, Block, Chain, FatalError, FileLog, FileLogOptions, JoinError, Log as _, OpenError,
    Opening, first_block, join,
};
use probity_tlog::{Checkpoint, Note};

fn create(options: &FileLogOptions) -> Result<FileLog, OpenError> {
    FileLog::create(options, Ledger::new().verifier())
}

fn open(options: &FileLogOptions) -> Result<FileLog, OpenError> {
    FileLog::open(options, Ledger::new().verifier())
}

fn options(root: &Path) -> FileLogOptions {
    FileLogOptions::new(root.join("log")).segment_length(8192)
}

fn append(log: &FileLog, blocks: &[Block]) {
    for block in blocks {
        block_on(log.enqueue(block.clone())).unwrap();
    }
}

#[test]
fn a_second_process_on_the_directory_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let log = create(&options(root.path())).unwrap();
    let Err(error) = open(&options(root.path())) else { panic!("opened twice") };
    let expected = format!("{} is in use by process {}", root.path().join("log").display(), std::process::id());
    assert_eq!(error.to_string(), expected);
    assert!(matches!(create(&options(root.path())), Err(OpenError::Locked { .. })));
    drop(log);
    open(&options(root.path())).unwrap();
}

#[test]
fn there_must_be_a_log_to_open_and_none_to_make() {
    let root = tempfile::tempdir().unwrap();
    assert!(matches!(open(&options(root.path())), Err(OpenError::NoLog { .. })));
    std::fs::create_dir_all(root.path().join("log")).unwrap();
    assert!(matches!(open(&options(root.path())), Err(OpenError::NoLog { .. })));
    append(&create(&options(root.path())).unwrap(), &Ledger::new().blocks(1));
    assert!(matches!(create(&options(root.path())), Err(OpenError::Exists { .. })));
}

#[test]
fn a_log_whose_making_was_cut_short_can_be_made_again() {
    let root = tempfile::tempdir().unwrap();
    drop(create(&options(root.path())).unwrap());
    std::fs::remove_file(root.path().join("log.anchor")).unwrap();
    assert!(matches!(open(&options(root.path())), Err(OpenError::NoLog { .. })));
    create(&options(root.path())).unwrap();
    assert!(matches!(create(&options(root.path())), Err(OpenError::Anchor(AnchorError::Exists { .. }))));
}

#[test]
fn the_anchor_can_be_elsewhere() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = root.path().join("other-volume");
    std::fs::create_dir(&elsewhere).unwrap();
    let options = options(root.path()).anchor(elsewhere.join("probity.anchor"));
    append(&create(&options).unwrap(), &Ledger::new().blocks(2));
    assert!(elsewhere.join("probity.anchor").exists());
    assert!(!root.path().join("log.anchor").exists());
    assert_eq!(open(&options).unwrap().reader().head().unwrap().height, 1);
}

#[test]
fn a_log_that_was_closed_has_nothing_to_recover() {
    let root = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::new();
    let log = create(&options(root.path())).unwrap();
    assert_eq!(*log.opening(), Opening::default());
    append(&log, &ledger.blocks(30));
    drop(log);
    for _ in 0..2 {
        let log = open(&options(root.path())).unwrap();
        assert_eq!(*log.opening(), Opening::default());
        append(&log, &ledger.blocks(30));
    }
}

#[test]
fn closing_finishes_what_is_queued() {
    let root = tempfile::tempdir().unwrap();
    let log = create(&options(root.path())).unwrap();
    let queued: Vec<_> = Ledger::new().blocks(50).into_iter().map(|block| log.enqueue(block)).collect();
    let reader = log.reader().clone();
    drop(log);
    for durability in queued {
        block_on(durability).unwrap();
    }
    assert_eq!(reader.head().unwrap().height, 49);
    assert_eq!(reader.block(49).unwrap().height(), 49);
}

#[test]
fn every_statement_is_found_by_its_index() {
    let root = tempfile::tempdir().unwrap();
    let blocks = Ledger::new().blocks(60);
    let log = create(&options(root.path())).unwrap();
    append(&log, &blocks);
    for block in &blocks {
        for index in block.first_index()..block.tree_size() {
            assert_eq!(log.reader().block_of(index).unwrap(), *block);
        }
    }
    assert!(log.reader().block_of(blocks[59].tree_size()).is_err());
    assert!(log.reader().block(60).is_err());
}

#[test]
fn segments_may_change_their_length_between_openings() {
    let root = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::new();
    let mut blocks = ledger.blocks(20);
    append(&create(&options(root.path())).unwrap(), &blocks);
    for length in [4096, 65_536, 5000] {
        let more = ledger.blocks(30);
        append(&open(&options(root.path()).segment_length(length)).unwrap(), &more);
        blocks.extend(more);
    }
    let log = open(&options(root.path())).unwrap();
    for (height, block) in blocks.iter().enumerate() {
        assert_eq!(log.reader().block(height as u64).unwrap(), *block);
    }
}

#[test]
fn segments_of_impossible_lengths_are_refused() {
    let root = tempfile::tempdir().unwrap();
    drop(create(&options(root.path())).unwrap());
    for length in [0, 4095, 1 << 32] {
        let refused = open(&options(root.path()).segment_length(length));
        assert!(matches!(refused, Err(OpenError::SegmentLength { .. })));
    }
}

#[test]
fn a_block_that_fits_into_no_segment_fails_the_log() {
    let root = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::new();
    let log = create(&options(root.path()).segment_length(4096)).unwrap();
    let large = ledger.of_statements(&[vec![0; 5000]]);
    let Err(AppendError::Fatal(fatal)) = block_on(log.enqueue(large)) else { panic!("taken") };
    assert!(matches!(*fatal, FatalError::SegmentTooSmall { .. }));
    drop(log);
    append(&open(&options(root.path())).unwrap(), &ledger.blocks(1));
}

#[test]
fn the_first_block_is_read_without_opening_the_log() {
    let root = tempfile::tempdir().unwrap();
    assert!(first_block(&options(root.path())).is_err());
    let blocks = Ledger::new().blocks(3);
    let log = create(&options(root.path())).unwrap();
    assert!(first_block(&options(root.path())).is_err());
    append(&log, &blocks);
    assert_eq!(first_block(&options(root.path())).unwrap(), blocks[0]);
}

#[test]
fn a_log_that_lost_its_anchor_is_joined_at_a_trusted_checkpoint() {
    let root = tempfile::tempdir().unwrap();
    let options = options(root.path());
    let blocks = Ledger::new().blocks(30);
    append(&create(&options).unwrap(), &blocks);
    let chain = || Chain::new(Ledger::new().verifier());
    let trusted = |height: usize| Checkpoint::parse(Note::parse(blocks[height].checkpoint()).unwrap().text()).unwrap();
    let there_is_one = join(&options, chain(), &trusted(20), |_, _, _| {});
    assert!(matches!(there_is_one, Err(JoinError::Anchor(AnchorError::Exists { .. }))));

    std::fs::remove_file(options.anchor_path()).unwrap();
    let other_root = Checkpoint { root: trusted(19).root, ..trusted(20) };
    let inside_a_block = Checkpoint { size: trusted(20).size - 1, ..trusted(20) };
    let beyond = Checkpoint { size: 1000, ..trusted(20) };
    for untrue in [other_root, inside_a_block, beyond] {
        let refused = join(&options, chain(), &untrue, |_, _, _| {});
        assert!(matches!(refused, Err(JoinError::NotInLog { .. })), "{refused:?}");
    }
    let other_log = Checkpoint { origin: "other".into(), ..trusted(20) };
    assert!(matches!(join(&options, chain(), &other_log, |_, _, _| {}), Err(JoinError::OtherLog { .. })));

    let mut visited = 0;
    let head = join(&options, chain(), &trusted(20), |_, _, _| visited += 1).unwrap();
    assert_eq!((head.height, visited), (20, 21));
    let log = open(&options).unwrap();
    assert_eq!(log.opening().adopted, 9);
    assert_eq!(log.reader().head().unwrap().height, 29);
}

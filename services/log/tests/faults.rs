//! Every operation of a log's life is made to fail in every way, and every failure is followed by a
//! restart and by power cuts: no acknowledged block is ever lost, nothing appears that was not
//! submitted, and the log always goes on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::ops::ControlFlow;
use std::sync::Arc;

use futures::executor::block_on;
use probity_log::conformance::Ledger;
use probity_log::simulated_disk::{Mode, SimulatedDisk, Survivors};
use probity_log::storage::Operation;
use probity_log::{
    AppendError, Block, Chain, FatalError, FileLog, FileLogOptions, Log as _, OpenError, ReadError, Unavailable, scrub,
};
use probity_tlog::tree_root;

const MODES: [Mode; 7] = [
    Mode::Fails,
    Mode::FailsDone,
    Mode::FailsHalfway,
    Mode::WritesOneByte,
    Mode::EndsBefore,
    Mode::EndsAfter,
    Mode::EndsHalfway,
];
const SURVIVORS: [Survivors; 4] = [Survivors::All, Survivors::None, Survivors::Later, Survivors::Some];

/// Enough for several segments and a full tile.
const BLOCKS: usize = 9;
/// Statements in a block.
const STATEMENTS: usize = 40;

fn options(disk: &SimulatedDisk) -> FileLogOptions {
    FileLogOptions::new("/data/log").storage(Arc::new(disk.clone())).segment_length(4096)
}

fn blocks() -> (Ledger, Vec<Block>) {
    let mut ledger = Ledger::new();
    let blocks = (0..BLOCKS).map(|_| ledger.block(STATEMENTS)).collect();
    (ledger, blocks)
}

/// Makes a log and appends `blocks` one by one or all at once; returns how many were acknowledged.
fn session(disk: &SimulatedDisk, ledger: &Ledger, blocks: &[Block], at_once: bool) -> usize {
    let Ok(log) = FileLog::create(&options(disk), ledger.verifier()) else { return 0 };
    append(&log, blocks, at_once)
}

fn append(log: &FileLog, blocks: &[Block], at_once: bool) -> usize {
    if !at_once {
        return blocks.iter().take_while(|block| block_on(log.enqueue((*block).clone())).is_ok()).count();
    }
    let queued: Vec<_> = blocks.iter().map(|block| log.enqueue(block.clone())).collect();
    let outcomes: Vec<_> = queued.into_iter().map(block_on).collect();
    let acknowledged = outcomes.iter().take_while(|outcome| outcome.is_ok()).count();
    assert!(outcomes[acknowledged..].iter().all(Result::is_err), "{outcomes:?}");
    acknowledged
}

fn open(disk: &SimulatedDisk, acknowledged: usize, what: &str) -> FileLog {
    let verifier = Ledger::new().verifier();
    let log = match FileLog::open(&options(disk), verifier.clone()) {
        Err(OpenError::NoLog { .. }) if acknowledged == 0 => FileLog::create(&options(disk), verifier),
        opened => opened,
    };
    log.unwrap_or_else(|error| panic!("{what}: false halt: {error:?}"))
}

/// Checks that the log holds `blocks`, at least the acknowledged ones and nothing else; returns how
/// many.
fn check(log: &FileLog, blocks: &[Block], acknowledged: usize, what: &str) -> usize {
    let count = log.reader().head().map_or(0, |head| head.height as usize + 1);
    assert!(count >= acknowledged, "{what}: {acknowledged} were acknowledged, {count} are there");
    for (height, block) in blocks[..count].iter().enumerate() {
        assert_eq!(log.reader().block(height as u64).unwrap(), *block, "{what}");
        let root = tree_root(log.tiles(), block.tree_size()).unwrap();
        assert!(block.checkpoint().contains(&root.to_base64()), "{what}: tree of block {height}");
    }
    count
}

/// The ledger as it goes on from where the log is.
fn ledger_of(log: &FileLog) -> Ledger {
    let head = log.reader().head();
    Ledger::at(log.tiles().frontier(head.map_or(0, |head| head.tree_size)).unwrap(), head)
}

/// After a failure: a restart, or a power cut and a restart, and in the end another power cut.
fn check_every_aftermath(disk: &SimulatedDisk, blocks: &[Block], acknowledged: usize, what: &str) {
    let restarted = disk.copy();
    let after_power_cuts = SURVIVORS.map(|survivors| disk.after_power_cut(survivors));
    for (disk, how) in [restarted].into_iter().chain(after_power_cuts).zip(["killed", "all", "none", "later", "some"]) {
        let what = format!("{what}, then {how}");
        let log = open(&disk, acknowledged, &what);
        let count = check(&log, blocks, acknowledged, &what);
        // As long as the blocks that were lost, if any were, so that what followed those would fit;
        // and enough of them to fill the segment that was being made.
        let mut ledger = ledger_of(&log);
        let mut blocks = blocks[..count].to_vec();
        for _ in 0..4 {
            let other = ledger.alternative(STATEMENTS, "b");
            ledger.accept(&other);
            block_on(log.enqueue(other.clone())).unwrap_or_else(|error| panic!("{what}: stuck: {error:?}"));
            blocks.push(other);
        }
        drop(log);
        if how == "killed" {
            scrub_all(&disk, blocks.len() as u64 - 1, &what);
        }
        let what = format!("{what}, then a power cut");
        let disk = disk.after_power_cut(Survivors::None);
        check(&open(&disk, blocks.len(), &what), &blocks, blocks.len(), &what);
    }
}

fn scrub_all(disk: &SimulatedDisk, last: u64, what: &str) {
    let chain = Chain::new(Ledger::new().verifier());
    let scrubbed = scrub(&options(disk), chain, |_, _, _| ControlFlow::Continue(()));
    let scrubbed = scrubbed.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(scrubbed.head.unwrap().height, last, "{what}");
}

fn every_step_fails(mode: Mode, at_once: bool) {
    let (ledger, blocks) = blocks();
    for at in 0.. {
        let disk = SimulatedDisk::default();
        disk.fail_at(at, mode);
        let acknowledged = session(&disk, &ledger, &blocks, at_once);
        if !disk.has_failed() {
            assert!(at > 50, "a session has many operations, not {at}");
            assert_eq!(acknowledged, BLOCKS);
            return;
        }
        let what = format!("{mode:?} at {at}, all at once: {at_once}");
        if mode == Mode::WritesOneByte {
            assert_eq!(acknowledged, BLOCKS, "{what}: a short write is no failure");
        }
        check_every_aftermath(&disk, &blocks, acknowledged, &what);
    }
}

#[test]
fn a_session_whose_every_step_fails_loses_nothing() {
    for mode in MODES {
        every_step_fails(mode, false);
    }
}

#[test]
fn a_session_of_groups_whose_every_step_fails_loses_nothing() {
    for mode in MODES {
        every_step_fails(mode, true);
    }
}

#[test]
fn recovery_whose_every_step_fails_loses_nothing() {
    let (ledger, blocks) = blocks();
    for mode in MODES {
        for at in 0.. {
            // Several blocks are written but not synced, and the last of them is torn.
            let disk = SimulatedDisk::default();
            let acknowledged = {
                let log = FileLog::create(&options(&disk), ledger.verifier()).unwrap();
                for block in &blocks[..3] {
                    block_on(log.enqueue(block.clone())).unwrap();
                }
                disk.fail_at(2, Mode::EndsHalfway);
                let queued: Vec<_> = blocks[3..8].iter().map(|block| log.enqueue(block.clone())).collect();
                3 + queued.into_iter().map(block_on).take_while(Result::is_ok).count()
            };
            disk.restart();
            disk.fail_at(at, mode);
            drop(FileLog::open(&options(&disk), ledger.verifier()));
            if !disk.has_failed() {
                assert!(at > 3, "recovery has several operations, not {at}");
                break;
            }
            check_every_aftermath(&disk, &blocks, acknowledged, &format!("recovery, {mode:?} at {at}"));
        }
    }
}

#[test]
fn a_long_life_of_random_failures_loses_nothing() {
    for seed in 1..=60 {
        a_life_of_random_failures(seed);
    }
}

fn a_life_of_random_failures(seed: u64) {
    let mut random = Random(seed);
    let mut disk = SimulatedDisk::default();
    let (mut blocks, mut acknowledged) = (Vec::<Block>::new(), 0);
    for round in 0..20 {
        let what = format!("seed {seed}, round {round}");
        if random.below(3) == 0 {
            // Opening fails too, perhaps.
            disk.fail_at(random.below(12), MODES[random.below(MODES.len())]);
            drop(FileLog::open(&options(&disk), Ledger::new().verifier()));
            disk.restart();
        }
        let log = open(&disk, acknowledged, &what);
        let count = check(&log, &blocks, acknowledged, &what);
        blocks.truncate(count);
        let mut ledger = ledger_of(&log);
        let words = ["a", "b"];
        for _ in 0..=random.below(5) {
            let statements = [1, 2, STATEMENTS][random.below(3)];
            blocks.push(ledger.alternative(statements, words[random.below(2)]));
            ledger.accept(&blocks[blocks.len() - 1]);
        }
        disk.fail_at(random.below(40), MODES[random.below(MODES.len())]);
        acknowledged = count + append(&log, &blocks[count..], random.below(2) == 0);
        drop(log);
        if random.below(2) == 0 {
            disk = disk.after_power_cut(SURVIVORS[random.below(SURVIVORS.len())]);
        }
        disk.restart();
    }
}

/// A small deterministic generator (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as usize % end
    }
}

#[test]
fn a_failed_log_answers_everyone_and_says_so() {
    let (ledger, blocks) = blocks();
    let disk = SimulatedDisk::default();
    let log = FileLog::create(&options(&disk), ledger.verifier()).unwrap();
    block_on(log.enqueue(blocks[0].clone())).unwrap();
    let failed = log.failed();
    disk.fail_on(".anchor", 0, Mode::Fails);
    let queued: Vec<_> = blocks[1..].iter().map(|block| log.enqueue(block.clone())).collect();
    for durability in queued {
        assert!(matches!(block_on(durability), Err(AppendError::Fatal(_))));
    }
    block_on(failed);
    assert!(matches!(block_on(log.enqueue(blocks[1].clone())), Err(AppendError::Fatal(_))));
    assert_eq!(log.reader().head().unwrap().height, 0, "readers see what was released");
    assert_eq!(log.reader().block(0).unwrap(), blocks[0]);
    assert!(matches!(log.reader().block(1), Err(ReadError::NoSuchBlock { height: 1 })), "it is written, not released");
    let index = blocks[1].first_index();
    assert!(matches!(log.reader().block_of(index), Err(ReadError::NoSuchStatement { .. })));
}

#[test]
fn a_segment_made_in_advance_that_could_not_be_synced_fails_the_log() {
    let (ledger, blocks) = blocks();
    let disk = SimulatedDisk::default();
    // Its file is made, zeroed, given its header and synced.
    disk.fail_on("0000000001.segment.new", 3, Mode::Fails);
    let log = FileLog::create(&options(&disk), ledger.verifier()).unwrap();
    let refused = blocks.iter().find_map(|block| block_on(log.enqueue(block.clone())).err());
    assert!(disk.has_failed());
    let Some(AppendError::Fatal(fatal)) = refused else { panic!("{refused:?}") };
    assert!(matches!(&*fatal, FatalError::Storage(error) if error.operation == Operation::Sync), "{fatal:?}");
}

#[test]
fn a_full_disk_refuses_blocks_and_takes_them_once_there_is_room() {
    let (ledger, blocks) = blocks();
    let disk = SimulatedDisk::default();
    let log = FileLog::create(&options(&disk), ledger.verifier()).unwrap();
    block_on(log.enqueue(blocks[0].clone())).unwrap();
    disk.fail_at(0, Mode::Full);
    let (taken, refused) = blocks[1..]
        .iter()
        .enumerate()
        .find_map(|(taken, block)| Some((taken, block_on(log.enqueue(block.clone())).err()?)))
        .expect("the segments that were made in advance run out");
    let AppendError::Unavailable(unavailable) = &refused else { panic!("{refused:?}") };
    let Unavailable::NoSegment(error) = &**unavailable;
    assert_eq!(error.source.kind(), std::io::ErrorKind::StorageFull);
    assert!(error.path.to_string_lossy().contains("segments"), "{error}");
    let head = log.reader().head().unwrap();
    assert_eq!(head.height, taken as u64);
    let again = block_on(log.enqueue(blocks[taken + 1].clone()));
    assert!(matches!(again, Err(AppendError::Unavailable(_))), "{again:?}");
    disk.make_room();
    for block in &blocks[taken + 1..] {
        block_on(log.enqueue(block.clone())).unwrap();
    }
    drop(log);
    let all = blocks.len() - 1;
    assert_eq!(FileLog::open(&options(&disk), ledger.verifier()).unwrap().reader().head().unwrap().height, all as u64);
}

#[test]
fn a_disk_that_is_full_when_the_log_is_opened_does_not_stop_readers() {
    let (ledger, blocks) = blocks();
    let disk = SimulatedDisk::default();
    let acknowledged = session(&disk, &ledger, &blocks, false);
    disk.fail_at(0, Mode::Full);
    let log = FileLog::open(&options(&disk), ledger.verifier()).unwrap();
    assert_eq!(log.reader().head().unwrap().height + 1, acknowledged as u64);
    for (height, block) in blocks[..acknowledged].iter().enumerate() {
        assert_eq!(log.reader().block(height as u64).unwrap(), *block);
    }
}

//! What must be true of every parser of outside bytes, whatever the bytes: it never panics, and what it accepts is exactly
//! what would be written.
//!
//! Each function takes one input and says whether it was accepted; it panics where the parser is wrong. `fuzz/` runs
//! them without end, the suite runs them on a few thousand inputs.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking, like any test")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::LazyLock;

use bytes::Bytes;
use ciborium::Value;
use probity_log::conformance::Ledger;
use probity_log::storage::Disk;
use probity_log::{Anchor, Block, Chain, FileLog, FileLogOptions, Head, Log, scrub};
use probity_schemas::Event;
use probity_statement::cbor::{self, Profile, Writer};
use probity_statement::{Receipt, SignedStatement, Unsigned, attach_receipts, decode_event, detach_receipts};
use probity_tlog::{Checkpoint, Note, TileId};

/// Deterministic CBOR.
pub fn cbor(data: &[u8]) -> bool {
    let accepted = cbor::check(data, Profile::ENVELOPE).is_ok();
    if accepted {
        assert_eq!(canonical(data), data, "accepted, but not what would be written");
    }
    assert!(accepted || cbor::check(data, Profile::EVENT).is_err(), "an event is CBOR too");
    accepted
}

/// A signed statement and the event in it.
pub fn statement(data: &[u8]) -> bool {
    let Ok(statement) = SignedStatement::parse(Bytes::copy_from_slice(data)) else { return false };
    assert_eq!(statement.bytes(), data);
    assert_eq!(canonical(data), data);
    let Ok(event) = statement.event() else { return false };
    let (issuer, audience) = (statement.issuer(), statement.audience());
    let again = Unsigned::new(&event, issuer, audience, statement.kid()).unwrap();
    let signature = &data[data.len() - probity_statement::SIGNATURE_LENGTH..];
    assert_eq!([&again.prefix(), signature].concat(), data);
    true
}

/// An event as people and programs without CBOR write it.
pub fn event_json(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(event) = Event::from_json(text) else { return false };
    let json = serde_json::to_string(&event).unwrap();
    assert_eq!(Event::from_json(&json).unwrap(), event);
    assert_eq!(decode_event(&cbor::to_canonical(&event).unwrap()).unwrap(), event);
    true
}

/// A receipt.
pub fn receipt(data: &[u8]) -> bool {
    let Ok(receipt) = Receipt::parse(Bytes::copy_from_slice(data)) else { return false };
    assert_eq!(receipt.bytes(), data);
    assert_eq!(canonical(data), data);
    true
}

/// A statement with its receipts.
pub fn transparent(data: &[u8]) -> bool {
    let Ok((statement, receipts)) = detach_receipts(data) else { return false };
    let Ok(statement) = SignedStatement::parse(statement.into()) else { return false };
    assert_eq!(attach_receipts(&statement, &receipts).unwrap(), data);
    true
}

/// A block.
pub fn block(data: &[u8]) -> bool {
    let Ok(block) = Block::decode(data.to_vec()) else { return false };
    let statements: Vec<&[u8]> = block.statements().collect();
    let (height, first, time) = (block.height(), block.first_index(), block.time());
    let again = Block::new(height, first, time, &statements, block.checkpoint()).unwrap();
    assert_eq!(again.bytes(), data);
    true
}

/// A signed note, and the checkpoint that it may hold.
pub fn note(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(note) = Note::parse(text) else { return false };
    assert_eq!(note.to_string(), text);
    if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
        assert_eq!(checkpoint.to_text(), note.text());
    }
    true
}

/// The path of a hash tile.
pub fn tile_path(data: &[u8]) -> bool {
    let Ok(path) = std::str::from_utf8(data) else { return false };
    let Ok(tile) = TileId::parse(path) else { return false };
    assert_eq!(tile.path(), path);
    true
}

/// A segment file, behind one byte that says how many of the blocks of [`sound_segment`] are anchored: the log opens
/// with those and perhaps the next of them, or not at all.
pub fn segment(data: &[u8]) -> bool {
    let Some((anchored, bytes)) = data.split_first() else { return false };
    let Sound { blocks, heads, .. } = &*SOUND;
    let anchored = usize::from(*anchored) % (blocks.len() + 1);
    let home = in_memory();
    let options = FileLogOptions::new(home.path().join("log")).segment_length(SEGMENT_LENGTH);
    let path = segment_file(home.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    Anchor::create(&Disk, options.anchor_path(), anchored.checked_sub(1).map(|last| heads[last])).unwrap();

    let chain = Chain::new(Ledger::new().verifier());
    let scrubbed = scrub(&options, chain, |block, _, _| {
        assert_eq!(Some(block), blocks.get(block.height() as usize));
        ControlFlow::Continue(())
    });
    let Ok(log) = FileLog::open(&options, Ledger::new().verifier()) else {
        assert_eq!(fs::read(&path).unwrap(), bytes, "a log that does not open is left as it is");
        return false;
    };
    let count = log.reader().head().map_or(0, |head| head.height as usize + 1);
    assert!(count >= anchored, "{count} blocks are left of {anchored}");
    for (height, expected) in blocks[..count].iter().enumerate() {
        assert_eq!(&log.reader().block(height as u64).unwrap(), expected);
    }
    assert!(anchored == 0 || scrubbed.is_ok(), "what opens is sound: {scrubbed:?}");
    true
}

/// The segment that [`segment`] expects changes of, with all its blocks anchored.
pub fn sound_segment() -> Vec<u8> {
    let Sound { blocks, segment, .. } = &*SOUND;
    [&[blocks.len() as u8], segment.as_slice()].concat()
}

const SEGMENT_LENGTH: u64 = 4096;

static SOUND: LazyLock<Sound> = LazyLock::new(Sound::new);

/// A log that was closed: its blocks, their heads, and the segment they are in.
struct Sound {
    blocks: Vec<Block>,
    heads: Vec<Head>,
    segment: Vec<u8>,
}

impl Sound {
    fn new() -> Self {
        let home = in_memory();
        let options = FileLogOptions::new(home.path().join("log")).segment_length(SEGMENT_LENGTH);
        let blocks = Ledger::new().blocks(6);
        let log = FileLog::create(&options, Ledger::new().verifier()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for block in &blocks {
            runtime.block_on(log.enqueue(block.clone())).unwrap();
        }
        drop(log);
        let mut chain = Chain::new(Ledger::new().verifier());
        let mut head_after = |block: &Block| {
            chain.extend(block).unwrap();
            chain.head().unwrap()
        };
        let heads = blocks.iter().map(&mut head_after).collect();
        Self { blocks, heads, segment: fs::read(segment_file(home.path())).unwrap() }
    }
}

fn segment_file(home: &Path) -> std::path::PathBuf {
    home.join("log/segments/0000000000.segment")
}

/// A directory whose files are in memory where the system has such a place, since nobody's data depends on them.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// One item of CBOR as we write it.
fn canonical(data: &[u8]) -> Vec<u8> {
    let value: Value = ciborium::from_reader(data).unwrap();
    let mut writer = Writer::new();
    cbor::write_value(&mut writer, &value);
    writer.into_bytes()
}

//! Proofs from stored tiles, and the static form of a log as a third party reads it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};

use futures::executor::block_on;
use probity_log::conformance::Ledger;
use probity_log::{Block, FileLog, FileLogOptions, Log as _, MirrorError, TilesError, mirror};
use probity_tlog::{
    BundleId, Checkpoint, Hash, Note, TileId, consistency_proof, decode_bundle, inclusion_proof, leaf_hash,
};
use tlog_tiles::TileHashReader;

fn log_with(root: &Path, blocks: &[Block]) -> FileLog {
    let log = FileLog::create(&options(root), Ledger::new().verifier()).unwrap();
    append(&log, blocks);
    log
}

fn options(root: &Path) -> FileLogOptions {
    FileLogOptions::new(root.join("log")).segment_length(65_536)
}

fn append(log: &FileLog, blocks: &[Block]) {
    for block in blocks {
        block_on(log.enqueue(block.clone())).unwrap();
    }
}

fn blocks(ledger: &mut Ledger, sizes: &[usize]) -> Vec<Block> {
    sizes.iter().map(|size| ledger.block(*size)).collect()
}

fn root_of(block: &Block) -> Hash {
    Checkpoint::parse(Note::parse(block.checkpoint()).unwrap().text()).unwrap().root
}

#[test]
fn every_statement_is_proved_at_every_later_size() {
    let root = tempfile::tempdir().unwrap();
    let blocks = blocks(&mut Ledger::new(), &[1, 254, 1, 1, 255, 256, 3, 600]);
    let log = log_with(root.path(), &blocks);
    for _ in 0..2 {
        for later in &blocks {
            for block in blocks.iter().filter(|block| block.height() <= later.height()) {
                for (index, statement) in (block.first_index()..).zip(block.statements()).step_by(17) {
                    let proof = inclusion_proof(log.tiles(), index, later.tree_size()).unwrap();
                    proof.verify(&leaf_hash(statement), &root_of(later)).unwrap();
                }
                let proof = consistency_proof(log.tiles(), block.tree_size(), later.tree_size()).unwrap();
                proof.verify(&root_of(block), &root_of(later)).unwrap();
            }
        }
    }
}

#[test]
fn the_frontier_is_had_at_every_size() {
    let root = tempfile::tempdir().unwrap();
    let blocks = blocks(&mut Ledger::new(), &[200, 200, 200]);
    let log = log_with(root.path(), &blocks);
    let mut expected = probity_tlog::Frontier::new();
    for statement in blocks.iter().flat_map(Block::statements) {
        assert_eq!(log.tiles().frontier(expected.size()).unwrap(), expected);
        expected.push(leaf_hash(statement));
    }
    assert_eq!(log.tiles().size(), 600);
    assert_eq!(log.tiles().frontier(600).unwrap(), expected);
    assert!(matches!(log.tiles().frontier(601), Err(TilesError::NotInTree { .. })));
}

#[test]
fn a_large_tree_is_the_same_after_opening_again() {
    let root = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::new();
    let mut blocks = blocks(&mut ledger, &[4096; 17]);
    drop({
        let log =
            FileLog::create(&FileLogOptions::new(root.path().join("log")).segment_length(1 << 20), ledger.verifier());
        let log = log.unwrap();
        append(&log, &blocks);
        log
    });
    let log = FileLog::open(&options(root.path()), ledger.verifier()).unwrap();
    assert!(!log.opening().rebuilt_tiles);
    let next = ledger.block(100);
    append(&log, std::slice::from_ref(&next));
    blocks.push(next);
    for block in &blocks {
        let (index, size) = (block.first_index(), 17 * 4096 + 100);
        let proof = inclusion_proof(log.tiles(), index, size).unwrap();
        proof.verify(&leaf_hash(block.statements().next().unwrap()), &log.reader().head().unwrap().root).unwrap();
    }
}

/// Reads the static form below a directory.
struct Mirror(PathBuf);

impl tlog_tiles::TileReader for Mirror {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| std::fs::read(self.0.join(tile.path().replacen("tile/8/", "tile/", 1)));
        Ok(tiles.iter().map(|tile| read(tile).unwrap()).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn a_mirror_verifies_what_is_exported() {
    let root = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::new();
    let blocks = blocks(&mut ledger, &[300, 300, 5]);
    let log = log_with(root.path(), &blocks);
    let mirrored = Mirror(root.path().join("mirror"));
    for more in [None, Some(ledger.block(200)), Some(ledger.block(1))] {
        append(&log, more.as_slice());
        // The log is open, and locked.
        let head = mirror(&options(root.path()), ledger.verifier(), &mirrored.0).unwrap();
        assert_eq!(Some(head), log.reader().head());
        let checkpoint = std::fs::read_to_string(mirrored.0.join("checkpoint")).unwrap();
        let signed = ledger.verifier().open(&checkpoint).unwrap();
        assert_eq!((signed.checkpoint.size, signed.checkpoint.root), (head.tree_size, head.root));

        let (size, tree) = (head.tree_size, tlog_tiles::Hash(head.root.0));
        let reader = TileHashReader::new(size, tree, &mirrored);
        let mut index = 0;
        for bundle in BundleId::all(size) {
            let bytes = std::fs::read(mirrored.0.join(bundle.path())).unwrap();
            let entries = decode_bundle(&bytes).unwrap();
            assert_eq!(entries.len(), usize::from(bundle.width()));
            for entry in entries {
                let proof = tlog_tiles::prove_record(size, index, &reader).unwrap();
                let leaf = tlog_tiles::record_hash(entry);
                tlog_tiles::check_record(&proof, size, tree, index, leaf).unwrap();
                index += 1;
            }
        }
        assert_eq!(index, size);
        assert!(TileId::all(size).all(|tile| mirrored.0.join(tile.path()).exists()));
    }
}

#[test]
fn an_empty_log_has_no_static_form() {
    let root = tempfile::tempdir().unwrap();
    let log = log_with(root.path(), &[]);
    let mirrored = mirror(&options(root.path()), Ledger::new().verifier(), &root.path().join("mirror"));
    assert!(matches!(mirrored, Err(MirrorError::Empty)), "{mirrored:?}");
    assert_eq!(log.tiles().size(), 0);
}

#[test]
fn without_an_anchor_it_is_not_known_what_was_released_and_nothing_is_mirrored() {
    let root = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::new();
    let blocks = blocks(&mut ledger, &[300, 5]);
    drop(log_with(root.path(), &blocks));
    std::fs::remove_file(options(root.path()).anchor_path()).unwrap();
    let to = root.path().join("mirror");
    let mirrored = mirror(&options(root.path()), ledger.verifier(), &to);
    assert!(matches!(mirrored, Err(MirrorError::NoAnchor)), "{mirrored:?}");
    assert!(!to.exists());
}

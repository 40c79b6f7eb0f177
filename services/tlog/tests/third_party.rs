//! Crates that others wrote read what we write, and refuse it once a byte is changed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod naive;

use ed25519_dalek::SigningKey;
use naive::NaiveTree;
use probity_tlog::{
    CheckpointSigner, Hash, NodeReader as _, TileId, VerifierKey, consistency_proof, inclusion_proof, leaf_hash,
};
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{HashReader as _, TileHashReader};

const ORIGIN: &str = "ledger.example.com/models";
const TIME: u64 = 1_700_000_000;

/// `cosignature/v1` of C2SP tlog-cosignature, which `signed_note` leaves to its users.
struct ClockVerifier(VerifierKey);

impl Verifier for ClockVerifier {
    fn name(&self) -> &str {
        self.0.name().as_str()
    }

    fn key_id(&self) -> u32 {
        u32::from_be_bytes(self.0.id().0)
    }

    fn verify(&self, text: &[u8], blob: &[u8]) -> bool {
        let Some((time, signature)) = blob.split_first_chunk::<8>() else { return false };
        let mut message = format!("cosignature/v1\ntime {}\n", u64::from_be_bytes(*time)).into_bytes();
        message.extend_from_slice(text);
        let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return false };
        self.0.verifying_key().verify_strict(&message, &signature).is_ok()
    }
}

fn signer() -> CheckpointSigner {
    CheckpointSigner::new(ORIGIN, SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32])).unwrap()
}

fn open_with_signed_note(note: &[u8]) -> Option<tlog_tiles::Checkpoint> {
    let verifier = signer().verifier();
    let log_key = StandardVerifier::new(&verifier.checkpoint_key().to_string()).unwrap();
    let clock_key = ClockVerifier(verifier.clock_key().clone());
    let note = Note::from_bytes(note).ok()?;
    let known = VerifierList::new(vec![Box::new(log_key), Box::new(clock_key)]);
    let (verified, unverified) = note.verify(&known).ok()?;
    if verified.len() != 2 || !unverified.is_empty() {
        return None;
    }
    tlog_tiles::Checkpoint::from_bytes(note.text()).ok()
}

#[test]
fn signed_note_opens_our_checkpoints() {
    let note = signer().sign(42, leaf_hash(b"root"), TIME);
    let checkpoint = open_with_signed_note(note.as_bytes()).unwrap();
    assert_eq!(checkpoint.origin(), ORIGIN);
    assert_eq!(checkpoint.size(), 42);
    assert_eq!(checkpoint.hash().0, leaf_hash(b"root").0);
    assert_eq!(checkpoint.extension(), "");
}

#[test]
fn signed_note_refuses_our_checkpoints_with_a_byte_changed() {
    let note = signer().sign(42, leaf_hash(b"root"), TIME);
    for position in 0..note.len() {
        let mut changed = note.clone().into_bytes();
        changed[position] ^= 1;
        assert!(open_with_signed_note(&changed).is_none(), "byte {position}");
    }
}

/// Serves the tiles of a naive tree, one of them perhaps damaged.
struct Tiles {
    tree: NaiveTree,
    damaged: Option<(TileId, usize)>,
}

impl tlog_tiles::TileReader for Tiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        Ok(tiles.iter().map(|tile| self.read(tile)).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

impl Tiles {
    /// The tile at the coordinates our own reader finds in their path.
    fn read(&self, theirs: &tlog_tiles::Tile) -> Vec<u8> {
        let path = theirs.path().replacen("tile/8/", "tile/", 1);
        let tile = TileId::parse(&path).unwrap();
        assert_eq!(tile.path(), path);
        let first = tile.index() * 256;
        let nodes = first..first + u64::from(tile.width());
        let mut bytes: Vec<u8> = nodes.flat_map(|node| self.tree.node(tile.level() * 8, node).unwrap().0).collect();
        if let Some((damaged, position)) = self.damaged
            && damaged == tile
        {
            bytes[position] ^= 1;
        }
        bytes
    }
}

fn theirs(hash: &Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn their_path(path: &[Hash]) -> Vec<tlog_tiles::Hash> {
    path.iter().map(theirs).collect()
}

#[test]
fn tlog_tiles_finds_in_our_tiles_the_proofs_we_make() {
    const SIZE: u64 = 70_000;
    let tree = NaiveTree::of_size(usize::try_from(SIZE).unwrap());
    let root = tree.root(70_000);
    let tiles = Tiles { tree, damaged: None };
    let reader = TileHashReader::new(SIZE, theirs(&root), &tiles);
    for leaf in [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
        let ours = inclusion_proof(&tiles.tree, leaf, SIZE).unwrap();
        assert_eq!(tlog_tiles::prove_record(SIZE, leaf, &reader).unwrap(), their_path(&ours.path));
    }
    for first in [1, 256, 65_536, 65_537, 69_999, 70_000] {
        let ours = consistency_proof(&tiles.tree, first, SIZE).unwrap();
        assert_eq!(tlog_tiles::prove_tree(SIZE, first, &reader).unwrap(), their_path(&ours.path));
    }
}

#[test]
fn tlog_tiles_refuses_a_tile_with_a_byte_changed() {
    // 512 + 1 leaves: where the tree hash takes several hashes from one tile (600 = 512 + 64 + 16 + 8),
    // this release of the crate leaves as many other tiles unchecked.
    const SIZE: u64 = 513;
    let index = tlog_tiles::stored_hash_index(0, 300);
    let mut tiles = Tiles { tree: NaiveTree::of_size(513), damaged: None };
    let root = theirs(&tiles.tree.root(513));
    assert!(TileHashReader::new(SIZE, root, &tiles).read_hashes(&[index]).is_ok());
    let leaves = TileId::in_tree(0, 1, SIZE).unwrap();
    let above = TileId::in_tree(1, 0, SIZE).unwrap();
    for (tile, positions) in [(leaves, (0..256 * 32).step_by(97)), (above, (0..64).step_by(1))] {
        for position in positions {
            tiles.damaged = Some((tile, position));
            let read = TileHashReader::new(SIZE, root, &tiles).read_hashes(&[index]);
            assert!(read.is_err(), "{tile} byte {position}");
        }
    }
}

#[test]
fn tlog_tiles_verifies_our_proofs_and_refuses_changed_ones() {
    let tree = NaiveTree::of_size(100);
    for size in 1..=100_usize {
        let root = theirs(&tree.root(size));
        for leaf in 0..size {
            let proof = inclusion_proof(&tree, leaf as u64, size as u64).unwrap();
            let check = |path: &Vec<_>| {
                tlog_tiles::check_record(path, size as u64, root, leaf as u64, theirs(&tree.0[leaf])).is_ok()
            };
            assert!(check(&their_path(&proof.path)), "leaf {leaf} of {size}");
            for i in 0..proof.path.len() {
                let mut changed = their_path(&proof.path);
                changed[i].0[i % 32] ^= 1;
                assert!(!check(&changed));
            }
        }
        for first in 1..=size {
            let proof = consistency_proof(&tree, first as u64, size as u64).unwrap();
            let older = theirs(&tree.root(first));
            let check = |path: &Vec<_>| tlog_tiles::check_tree(path, size as u64, root, first as u64, older).is_ok();
            assert!(check(&their_path(&proof.path)), "{first} to {size}");
            for i in 0..proof.path.len() {
                let mut changed = their_path(&proof.path);
                changed[i].0[i % 32] ^= 1;
                assert!(!check(&changed));
            }
        }
    }
}

//! Every parser of outside bytes on a few thousand changed inputs, the same ones each time. `fuzz/` goes on from there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;

use bytes::Bytes;
use probity_log::conformance::Ledger;
use probity_schemas::Event;
use probity_statement::{RootSignature, SecretKey, SignedStatement, Unsigned, attach_receipts};
use probity_tests::fuzzing;
use probity_tlog::{InclusionProof, TileId, leaf_hash};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

const ORIGIN: &str = "ledger.test/fuzz";

/// Changes an input as a careless or a clever sender would.
fn mutate(random: &mut StdRng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..random.random_range(1..=3) {
        let at = random.random_range(0..=bytes.len());
        let end = random.random_range(at..=bytes.len().min(at + 40));
        let mut noise = vec![0; random.random_range(1..12)];
        random.fill_bytes(&mut noise);
        match random.random_range(0..8) {
            0..=2 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            3 if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(1),
            4 => drop(bytes.drain(at..end)),
            5 => drop(bytes.splice(at..at, bytes[at..end].to_vec()).collect::<Vec<u8>>()),
            6 => drop(bytes.splice(at..end, noise)),
            _ if at < other.len() => {
                bytes.truncate(at);
                bytes.extend_from_slice(&other[at..]);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// All seeds are accepted, and no changed seed breaks the target.
fn smoke(name: &str, target: fn(&[u8]) -> bool, seeds: &[Vec<u8>], changes: u32) {
    if let Some(corpus) = std::env::var_os("PROBITY_FUZZ_CORPUS") {
        write_corpus(&Path::new(&corpus).join(name), seeds);
    }
    let mut random = StdRng::seed_from_u64(1);
    for seed in seeds {
        assert!(target(seed), "a seed is refused: {seed:02x?}");
    }
    let mut refused = 0;
    for _ in 0..changes {
        let (seed, other) = (random.random_range(0..seeds.len()), random.random_range(0..seeds.len()));
        refused += u32::from(!target(&mutate(&mut random, &seeds[seed], &seeds[other])));
    }
    assert!(refused > changes / 2, "only {refused} of {changes} changed inputs are refused");
}

/// Keeps the seeds for cargo-fuzz to start from.
fn write_corpus(dir: &Path, seeds: &[Vec<u8>]) {
    std::fs::create_dir_all(dir).unwrap();
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(dir.join(format!("seed-{number}")), seed).unwrap();
    }
}

fn events() -> Vec<Event> {
    probity_schemas::catalogue().map(|info| info.sample().unwrap()).collect()
}

fn statements() -> Vec<SignedStatement> {
    let key = SecretKey::from_seed(&[7; 32]).unwrap();
    let issuer = "service:fuzzer".parse().unwrap();
    let sign = |event: &Event| Unsigned::new(event, &issuer, ORIGIN, key.public().id()).unwrap().sign(&key).unwrap();
    events().iter().map(sign).collect()
}

fn receipts() -> Vec<Bytes> {
    let key = SecretKey::from_seed(&[8; 32]).unwrap();
    let receipt = |(size, index, length): (u64, u64, usize)| {
        let path = (0..length as u8).map(|n| leaf_hash(&[n])).collect();
        let proof = InclusionProof { leaf_index: index, tree_size: size, path };
        let signed = RootSignature::sign(&key, ORIGIN, size, &leaf_hash(b"root"), 1_700_000_000);
        signed.inclusion_receipt(&proof).unwrap().into()
    };
    [(1, 0, 0), (2, 1, 1), (8, 5, 3), (1 << 40, 77, 40)].into_iter().map(receipt).collect()
}

fn blocks() -> Vec<probity_log::Block> {
    Ledger::new().blocks(6)
}

#[test]
fn cbor_is_accepted_only_as_it_would_be_written() {
    let mut seeds: Vec<Vec<u8>> =
        statements().iter().flat_map(|it| [it.bytes().to_vec(), it.payload().to_vec()]).collect();
    seeds.extend(receipts().iter().map(|receipt| receipt.to_vec()));
    let items = ["00", "3903e7", "fb3ff199999999999a", "f93c00", "a2616101616202", "c1820304", "f6", "f5", "40", "60"];
    seeds.extend(items.map(|item| hex::decode(item).unwrap()));
    smoke("cbor", fuzzing::cbor, &seeds, 40_000);
}

#[test]
fn statements_are_accepted_only_as_they_would_be_written() {
    let seeds: Vec<_> = statements().iter().map(|statement| statement.bytes().to_vec()).collect();
    smoke("statement", fuzzing::statement, &seeds, 20_000);
}

#[test]
fn events_in_json_survive_being_written_and_read() {
    let seeds: Vec<_> = events().iter().map(|event| serde_json::to_vec(event).unwrap()).collect();
    smoke("event_json", fuzzing::event_json, &seeds, 20_000);
}

#[test]
fn receipts_are_accepted_only_as_they_would_be_written() {
    let seeds: Vec<_> = receipts().iter().map(|receipt| receipt.to_vec()).collect();
    smoke("receipt", fuzzing::receipt, &seeds, 40_000);
}

#[test]
fn transparent_statements_are_accepted_only_as_they_would_be_written() {
    let receipts = receipts();
    let attach = |statement: &SignedStatement| attach_receipts(statement, &receipts[..2]).unwrap();
    let seeds: Vec<_> = statements().iter().map(attach).collect();
    smoke("transparent", fuzzing::transparent, &seeds, 20_000);
}

#[test]
fn blocks_are_accepted_only_as_they_would_be_written() {
    let seeds: Vec<_> = blocks().iter().map(|block| block.bytes().to_vec()).collect();
    smoke("block", fuzzing::block, &seeds, 40_000);
}

#[test]
fn notes_are_accepted_only_as_they_would_be_written() {
    let seeds: Vec<_> = blocks().iter().map(|block| block.checkpoint().as_bytes().to_vec()).collect();
    smoke("note", fuzzing::note, &seeds, 40_000);
}

#[test]
fn tile_paths_are_accepted_only_as_they_would_be_written() {
    let tile = |(level, index, width)| TileId::new(level, index, width).unwrap().path().into_bytes();
    let seeds: Vec<_> = [(0, 0, 256), (0, 1_234_067, 8), (3, 999, 255), (7, 0, 1)].into_iter().map(tile).collect();
    smoke("tile_path", fuzzing::tile_path, &seeds, 40_000);
}

#[test]
fn a_changed_segment_opens_with_its_released_blocks_or_not_at_all() {
    let sound = fuzzing::sound_segment();
    let seeds: Vec<_> = (0..sound[0] + 1).map(|anchored| [&[anchored], &sound[1..]].concat()).collect();
    smoke("segment", fuzzing::segment, &seeds, 5_000);
}

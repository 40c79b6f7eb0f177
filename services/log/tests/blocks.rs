//! Blocks as bytes, and what a chain refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use ed25519_dalek::SigningKey;
use probity_log::conformance::Ledger;
use probity_log::{
    Block, BlockError, BlockFault, Chain, MAX_BLOCK_LENGTH, MAX_BLOCK_STATEMENTS, STATEMENT_OVERHEAD,
    TARGET_BLOCK_LENGTH,
};
use probity_tlog::{CheckpointSigner, Hash};
use proptest::prelude::*;

#[test]
fn a_block_is_the_cbor_it_is_documented_to_be() {
    let block = Block::new(0, 0, 24, &[&b"ab"[..], b""], "note").unwrap();
    let expected = b"\xa5\x01\x00\x02\x00\x03\x18\x18\x04\x82\x42ab\x40\x05\x64note";
    assert_eq!(block.bytes(), expected);
    let block = Block::decode(expected.to_vec()).unwrap();
    assert_eq!((block.height(), block.first_index(), block.time(), block.tree_size()), (0, 0, 24, 2));
    assert_eq!(block.statements().collect::<Vec<_>>(), [&b"ab"[..], b""]);
    assert_eq!(block.checkpoint(), "note");
}

#[test]
fn statements_are_found_by_their_index_in_the_log() {
    let block = Block::new(3, 10, 0, &["a", "b"], "").unwrap();
    assert_eq!([9, 10, 11, 12].map(|index| block.statement(index)), [None, Some(&b"a"[..]), Some(b"b"), None]);
}

#[test]
fn a_block_that_is_filled_to_the_target_can_be_made() {
    let statement = vec![0; 200];
    let count = TARGET_BLOCK_LENGTH / (statement.len() + STATEMENT_OVERHEAD);
    let block = Block::new(u64::MAX, 1 << 60, u64::MAX, &vec![&statement; count], &"x".repeat(1000)).unwrap();
    assert!(block.bytes().len() < TARGET_BLOCK_LENGTH + 2048);
}

#[test]
fn blocks_beyond_a_limit_are_refused() {
    let none: [&[u8]; 0] = [];
    assert_eq!(Block::new(0, 0, 0, &none, ""), Err(BlockError::StatementCount { found: 0 }));
    let many = vec!["x"; MAX_BLOCK_STATEMENTS + 1];
    assert_eq!(Block::new(0, 0, 0, &many, ""), Err(BlockError::StatementCount { found: 4097 }));
    let long = vec![0; 65_536];
    let too_long = BlockError::StatementTooLong { position: 1, length: 65_536 };
    assert_eq!(Block::new(0, 0, 0, &[&b"x"[..], &long], ""), Err(too_long));
    let large = vec![vec![0; 65_535]; 17];
    assert!(
        matches!(Block::new(0, 0, 0, &large, ""), Err(BlockError::TooLong { length }) if length > MAX_BLOCK_LENGTH)
    );
    assert!(matches!(Block::new(0, u64::MAX, 0, &["x"], ""), Err(BlockError::IndexOverflow { .. })));
}

#[test]
fn no_changed_byte_of_a_block_continues_the_chain() {
    let mut ledger = Ledger::new();
    let (first, second) = (ledger.block(2), ledger.block(3));
    let mut chain = Chain::new(ledger.verifier());
    chain.extend(&first).unwrap();
    for position in 0..second.bytes().len() {
        for bit in 0..8 {
            let mut changed = second.bytes().to_vec();
            changed[position] ^= 1 << bit;
            let refused = match Block::decode(changed) {
                Ok(block) => chain.extend(&block).is_err(),
                Err(_) => true,
            };
            assert!(refused, "byte {position}, bit {bit}");
        }
    }
    chain.extend(&second).unwrap();
}

#[test]
fn a_chain_says_what_does_not_follow() {
    let mut ledger = Ledger::new();
    let (first, second) = (ledger.block(2), ledger.block(1));
    let mut chain = Chain::new(ledger.verifier());
    assert_eq!(chain.extend(&second).unwrap_err(), BlockFault::Height { expected: 0, found: 1 });
    chain.extend(&first).unwrap();

    let keys = |seed| SigningKey::from_bytes(&[seed; 32]);
    let signer = CheckpointSigner::new("ledger.test/conformance", keys(1), keys(2)).unwrap();
    let time = first.time();
    let block = |first_index, block_time, size, signed_time| {
        Block::new(1, first_index, block_time, &["x"], &signer.sign(size, Hash([0; 32]), signed_time)).unwrap()
    };
    let mut fault = |block: Block| chain.extend(&block).unwrap_err();
    assert_eq!(fault(block(3, time, 4, time)), BlockFault::FirstIndex { expected: 2, found: 3 });
    let earlier = BlockFault::TimeWentBack { previous: time, found: time - 1 };
    assert_eq!(fault(block(2, time - 1, 3, time - 1)), earlier);
    let unsigned = BlockFault::TimeNotSigned { signed: time + 1, found: time };
    assert_eq!(fault(block(2, time, 3, time + 1)), unsigned);
    assert_eq!(fault(block(2, time, 4, time)), BlockFault::Size { signed: 4, found: 3 });
    assert!(matches!(fault(block(2, time, 3, time)), BlockFault::Root { .. }));
    let foreign = CheckpointSigner::new("ledger.test/conformance", keys(3), keys(2)).unwrap();
    let foreign = Block::new(1, 2, time, &["x"], &foreign.sign(3, Hash([0; 32]), time)).unwrap();
    assert!(matches!(fault(foreign), BlockFault::Checkpoint(_)));
    chain.extend(&second).unwrap();
}

#[test]
fn after_a_rotation_only_the_new_keys_count() {
    let keys = |seed| SigningKey::from_bytes(&[seed; 32]);
    let new = CheckpointSigner::new("ledger.test/conformance", keys(5), keys(6)).unwrap();
    let mut ledger = Ledger::new();
    let (first, second) = (ledger.block(1), ledger.block(1));
    let mut chain = Chain::new(ledger.verifier());
    chain.extend(&first).unwrap();
    chain.rotate(new.verifier());
    assert!(matches!(chain.extend(&second), Err(BlockFault::Checkpoint(_))));
    let statements: Vec<_> = second.statements().collect();
    let root = ledger.head().unwrap().root;
    let again = Block::new(1, 1, second.time(), &statements, &new.sign(2, root, second.time())).unwrap();
    chain.extend(&again).unwrap();
}

#[test]
fn a_chain_resumes_only_with_the_frontier_of_its_head() {
    let mut ledger = Ledger::new();
    let mut chain = Chain::new(ledger.verifier());
    chain.extend(&ledger.block(3)).unwrap();
    let resumed = Chain::resume(ledger.verifier(), chain.frontier().clone(), chain.head()).unwrap();
    assert_eq!((resumed.next_height(), resumed.size()), (1, 3));
    assert!(Chain::resume(ledger.verifier(), chain.frontier().clone(), None).is_err());
    let mut longer = chain.frontier().clone();
    longer.push(Hash([0; 32]));
    assert!(Chain::resume(ledger.verifier(), longer, chain.head()).is_err());
}

proptest! {
    #[test]
    fn a_block_reads_back(
        height in any::<u64>(), first in 0..u64::MAX - 20, time in any::<u64>(),
        statements in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20), checkpoint in ".{0,100}",
    ) {
        let block = Block::new(height, first, time, &statements, &checkpoint).unwrap();
        let read = Block::decode(block.bytes().to_vec()).unwrap();
        prop_assert_eq!((read.height(), read.first_index(), read.time()), (height, first, time));
        prop_assert_eq!(read.statements().collect::<Vec<_>>(), statements);
        prop_assert_eq!(read.checkpoint(), checkpoint);
    }

    #[test]
    fn no_bytes_are_read_that_would_be_written_otherwise(bytes in prop::collection::vec(any::<u8>(), 0..60), tail in any::<u8>()) {
        let block = Block::new(1, 2, 3, &["a", "b"], "c").unwrap();
        let mut longer = block.bytes().to_vec();
        longer.push(tail);
        prop_assert!(Block::decode(longer).is_err());
        if let Ok(block) = Block::decode(bytes.clone()) {
            let statements: Vec<_> = block.statements().collect();
            let again = Block::new(block.height(), block.first_index(), block.time(), &statements, block.checkpoint());
            let again = again.unwrap();
            prop_assert_eq!(again.bytes(), &bytes);
        }
    }
}

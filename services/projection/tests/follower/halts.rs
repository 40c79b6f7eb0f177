//! A log that is not what was signed, or that this version cannot read, halts the views where they are.

use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use probity_log::Block;
use probity_projection::{Health, NotThere, Store, ViewReader};
use probity_tlog::{BlockTree, CheckpointSigner, Frontier, Hash, leaf_hash};
use serde_json::json;

use crate::listed::Listed;
use crate::other_log::hex;
use crate::views::{BreaksDown, Counts, Stumbles, check};
use crate::world::{CACHE, ORIGIN, Told, follow, follower, halted, of_ledger, reach, run};

/// A block that is signed with other keys than the ledger of these tests has, and the tree after it.
pub(crate) fn signed_by(
    [checkpoint, clock]: [u8; 2],
    height: usize,
    frontier: &Frontier,
    statements: &[Vec<u8>],
) -> (Block, Frontier) {
    let key = |seed| SigningKey::from_bytes(&[seed; 32]);
    let signer = CheckpointSigner::new(ORIGIN, key(checkpoint), key(clock)).unwrap();
    let leaves: Vec<_> = statements.iter().map(|statement| leaf_hash(statement)).collect();
    let tree = BlockTree::new(frontier, &leaves);
    let time = 1_700_000_000 + height as u64;
    let checkpoint = signer.sign(tree.size(), tree.root(), time);
    let block = Block::new(height as u64, frontier.size(), time, statements, &checkpoint).unwrap();
    (block, tree.frontier_after())
}

/// The right edge of the tree over what was told.
fn frontier(told: &Told) -> Frontier {
    let mut frontier = Frontier::new();
    for statement in told.blocks.iter().flat_map(|block| block.statements().map(leaf_hash).collect::<Vec<_>>()) {
        frontier.push(statement);
    }
    frontier
}

/// The views take in what was told, then a block that they must not take in, then one that would be good again. They
/// halt for a reason with these words in it, and what was there before is still answered, also when all is opened again.
async fn halts(told: &Told, bad: Block, words: &[&str]) {
    let dir = crate::world::scratch();
    let log = told.listed();
    let store = Store::open(dir.path(), CACHE).unwrap();
    let mut opened = follower(log.clone(), store.clone()).await;
    let readers = [opened.add::<Counts<0, 1>>().await.unwrap(), opened.add::<Counts<1, 1>>().await.unwrap()];
    let following = opened.start().unwrap();
    for reader in &readers {
        reach(reader, told.size()).await;
    }
    log.push(bad);
    for reader in &readers {
        let reason = halted(reader).await;
        assert!(words.iter().all(|word| reason.contains(word)), "{reason:?} does not say {words:?}");
        stays(reader, told, &reason).await;
    }
    log.push(Told { word: 3, ..Told::of_blocks(told.blocks.len()) }.block(1));
    following.stop().await.unwrap();
    drop(readers);

    let mut opened = follower(log, store).await;
    let reader = opened.add::<Counts<0, 1>>().await.unwrap();
    let following = opened.start().unwrap();
    let reason = halted(&reader).await;
    assert!(words.iter().all(|word| reason.contains(word)), "{reason:?} does not say {words:?}");
    stays(&reader, told, &reason).await;
    following.stop().await.unwrap();
}

async fn stays(reader: &ViewReader, told: &Told, reason: &str) {
    let size = told.size();
    let position = check(reader, &told.entries, 1);
    assert_eq!(position.as_of.tree_size, size);
    assert_eq!(position.health, Health::Halted { reason: reason.into() });
    reader.at_least(size, Duration::ZERO).await.unwrap();
    // Nobody waits for what does not come.
    match reader.at_least(size + 1, Duration::from_secs(3_600)).await {
        Err(NotThere::Halted { view, tree_size, wanted, reason: said }) => {
            assert_eq!((view, tree_size, wanted, &*said), (reader.name(), size, size + 1, reason));
        }
        other => panic!("{other:?}"),
    }
}

fn told() -> Told {
    Told::of_blocks(4)
}

#[test]
fn a_block_whose_statements_do_not_lead_to_its_root() {
    run(|| async {
        let told = told();
        let bad = told.ledger.signed(Hash([7; 32]), &[told.statement(7).0]);
        halts(&told, bad, &["block 4", "root"]).await;
    });
}

#[test]
fn a_statement_that_was_put_in_the_place_of_another() {
    run(|| async {
        let mut told = told();
        let good = Told::of_blocks(4).block(2);
        let statements: Vec<&[u8]> = good.statements().collect();
        let other = Told::another(9).statement(7).0;
        let bad = Block::new(4, 7, good.time(), &[&other, statements[1]], good.checkpoint()).unwrap();
        told.word = 0;
        halts(&told, bad, &["block 4", "root"]).await;
    });
}

#[test]
fn a_block_that_another_key_signed() {
    run(|| async {
        let told = told();
        for keys in [[1, 9], [9, 2], [2, 1]] {
            let (bad, _) = signed_by(keys, 4, &frontier(&told), &[told.statement(7).0]);
            halts(&told, bad, &["block 4", "checkpoint does not verify"]).await;
        }
    });
}

#[test]
fn a_block_whose_time_was_not_signed_or_goes_back() {
    run(|| async {
        let told = told();
        let good = told.ledger.of_statements(&[told.statement(7).0]);
        let statements: Vec<&[u8]> = good.statements().collect();
        for (time, word) in [(good.time() + 1, "clock signed"), (1, "before its predecessor")] {
            let bad = Block::new(4, 7, time, &statements, good.checkpoint()).unwrap();
            halts(&told, bad, &["block 4", word]).await;
        }
    });
}

#[test]
fn a_block_that_is_missing_or_comes_again() {
    run(|| async {
        let told = told();
        let mut further = Told::of_blocks(5);
        halts(&told, further.block(1), &["block 5", "height 5 where 4 follows"]).await;
        halts(&told, told.blocks[3].clone(), &["block 3", "height 3 where 4 follows"]).await;
        halts(&told, told.blocks[0].clone(), &["block 0", "height 0 where 4 follows"]).await;
    });
}

#[test]
fn a_block_that_begins_at_another_index() {
    run(|| async {
        let told = told();
        let good = told.ledger.of_statements(&[told.statement(7).0]);
        let statements: Vec<&[u8]> = good.statements().collect();
        let bad = Block::new(4, 8, good.time(), &statements, good.checkpoint()).unwrap();
        halts(&told, bad, &["block 4", "index 8 where 7 follows"]).await;
    });
}

#[test]
fn bytes_that_are_no_statement() {
    run(|| async {
        let told = told();
        let bad = told.ledger.of_statements(&[told.statement(7).0, b"no statement".to_vec()]);
        halts(&told, bad, &["index 8", "not readable"]).await;
    });
}

#[test]
fn an_event_of_a_type_that_this_version_does_not_know() {
    run(|| async {
        let told = told();
        let (mut unknown, ..) = told.statement(7);
        let known = b"monitor.reported";
        // Of the same length, so that all else stays well-formed.
        while let Some(at) = unknown.windows(known.len()).position(|found| found == known) {
            unknown[at..at + known.len()].copy_from_slice(b"monitor.repeated");
        }
        let bad = told.ledger.of_statements(&[unknown]);
        halts(&told, bad, &["index 7", "not readable"]).await;
    });
}

#[test]
fn a_rule_set_that_this_version_does_not_know() {
    run(|| async {
        let told = told();
        let adopts = told.stating(8, of_ledger("ledger.rules_adopted", json!({ "rule_set": 3 })));
        let bad = told.ledger.of_statements(&[told.statement(7).0, adopts.0]);
        halts(&told, bad, &["index 8", "rule set 3", "upgrade"]).await;
        let founds = told.stating(7, of_ledger("ledger.founded", founding(9)));
        let bad = told.ledger.of_statements(&[founds.0]);
        halts(&told, bad, &["index 7", "rule set 9", "upgrade"]).await;
    });
}

fn founding(rule_set: u32) -> serde_json::Value {
    let person = "person:0190f3c4-7a2e-4b5d-8c6f-1a2b3c4d5e6f";
    json!({
        "origin": ORIGIN, "rule_set": rule_set, "single_administrator": true,
        "keys": { "checkpoint": hex(1), "clock": hex(2), "receipt": hex(3) },
        "administrators": [{ "identity": person, "public_key": hex(4), "kid": hex(5) }],
    })
}

#[test]
fn rule_sets_that_this_version_knows_are_gone_on_from() {
    run(|| async {
        let mut told = told();
        told.block_saying("ledger.rules_adopted", json!({ "rule_set": 2 }));
        told.block(3);
        let dir = crate::world::scratch();
        let (following, reader) = follow::<Counts<0, 1>>(told.listed(), Store::open(dir.path(), CACHE).unwrap()).await;
        reach(&reader, told.size()).await;
        assert_eq!(check(&reader, &told.entries, 1).health, Health::Following);
        following.stop().await.unwrap();
    });
}

#[test]
fn after_a_rotation_the_new_key_signs_and_the_old_one_does_not() {
    run(|| async {
        for (purpose, new, signing, retired) in [("checkpoint", 5, [5, 2], [1, 2]), ("clock", 6, [1, 6], [1, 2])] {
            let mut told = told();
            let rotated = json!({ "purpose": purpose, "old": hex(1), "new": hex(new), "possession": "00".repeat(64) });
            told.block_saying("ledger.key_rotated", rotated);
            let dir = crate::world::scratch();
            // The rotation and what follows it in one group, in groups of their own, and with a restart between them.
            for (step, restart) in [(0, false), (1, false), (1, true)] {
                let log = told.listed();
                let store = || Store::open(&dir.path().join(format!("{step}{restart}")), CACHE).unwrap();
                let (good, after) = signed_by(signing, 5, &frontier(&told), &[told.statement(8).0]);
                let (bad, _) = signed_by(retired, 6, &after, &[told.statement(9).0]);
                if step == 0 {
                    log.push(good.clone());
                }
                let (mut following, mut reader) = follow::<Counts<0, 1>>(log.clone(), store()).await;
                reach(&reader, 8).await;
                if restart {
                    following.stop().await.unwrap();
                    drop(reader);
                    (following, reader) = follow::<Counts<0, 1>>(log.clone(), store()).await;
                    assert_eq!(reader.position().as_of.tree_size, 8);
                }
                if step == 1 {
                    log.push(good);
                }
                reach(&reader, 9).await;
                assert_eq!(reader.position().health, Health::Following);
                log.push(bad);
                let reason = halted(&reader).await;
                assert!(reason.contains("block 6") && reason.contains("checkpoint does not verify"), "{reason}");
                assert_eq!(reader.position().as_of.tree_size, 9);
                following.stop().await.unwrap();
            }
        }
    });
}

#[test]
fn a_view_that_cannot_fold_a_statement_halts_alone() {
    run(|| async {
        let mut told = Told::of_blocks(2);
        let log = told.listed();
        let dir = crate::world::scratch();
        let mut opened = follower(log.clone(), Store::open(dir.path(), CACHE).unwrap()).await;
        let good = opened.add::<Counts<0, 1>>().await.unwrap();
        let stumbles = opened.add::<Stumbles>().await.unwrap();
        let other = opened.add::<Counts<1, 1>>().await.unwrap();
        let following = opened.start().unwrap();
        reach(&stumbles, 3).await;
        // The statement at index 5 is the last of this block, none of which is taken in then.
        log.push(told.block(3));
        let reason = halted(&stumbles).await;
        assert!(reason.contains("the statement at index 5") && reason.contains("table 42"), "{reason}");
        for _ in 0..10 {
            log.push(told.block(2));
        }
        for reader in [&good, &other] {
            reach(reader, told.size()).await;
            assert_eq!(check(reader, &told.entries, 1).health, Health::Following);
        }
        assert_eq!(check(&stumbles, &told.entries, 1).as_of.tree_size, 3);
        let beyond = stumbles.at_least(4, Duration::from_secs(3_600)).await;
        assert!(matches!(beyond, Err(NotThere::Halted { tree_size: 3, wanted: 4, .. })), "{beyond:?}");
        following.stop().await.unwrap();
    });
}

#[test]
fn a_view_that_halts_before_it_was_ever_built_says_so() {
    run(|| async {
        let told = Told::of_blocks(3);
        let dir = crate::world::scratch();
        let (following, reader) = follow::<Stumbles>(told.listed(), Store::open(dir.path(), CACHE).unwrap()).await;
        let reason = halted(&reader).await;
        match reader.read(|_| ()) {
            Err(NotThere::Halted { view: "stumbles", reason: said, .. }) => assert_eq!(&*said, reason),
            other => panic!("{other:?}"),
        }
        following.stop().await.unwrap();
    });
}

#[test]
fn a_log_that_cannot_be_read_is_a_reason_too() {
    run(|| async {
        let mut blocks = Told::of_blocks(6).blocks;
        blocks.truncate(3);
        let log = Arc::new(Listed::new(blocks));
        log.break_after(3);
        let told = Told::of_blocks(3);
        let dir = crate::world::scratch();
        let (following, reader) = follow::<Counts<0, 1>>(log, Store::open(dir.path(), CACHE).unwrap()).await;
        let reason = halted(&reader).await;
        assert!(reason.contains("log could not be read"), "{reason}");
        assert!(reader.position().as_of.tree_size <= told.size());
        following.stop().await.unwrap();
    });
}

#[test]
fn a_view_whose_thread_breaks_down_is_halted_and_told() {
    run(|| async {
        let told = Told::of_blocks(6);
        let dir = crate::world::scratch();
        let (following, reader) = follow::<BreaksDown>(told.listed(), Store::open(dir.path(), CACHE).unwrap()).await;
        following.failed().await;
        let reason = halted(&reader).await;
        assert!(reason.contains("broke down"), "{reason}");
        following.stop().await.unwrap();
    });
}

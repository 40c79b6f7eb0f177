//! A view belongs to one log: where that is not the one that is followed, it is folded anew.

use std::sync::Arc;
use std::time::Duration;

use probity_log::Log;
use probity_projection::{Follower, Health, NotThere, Source, Store};
use serde_json::json;

use crate::views::{Counts, HANDED, Remembers, check, digest};
use crate::world::{CACHE, RULE_SETS, Told, follow, follower, keys, public, reach, run};

/// A store with a view of ten blocks.
async fn folded(told: &Told, dir: &std::path::Path) -> Store {
    let store = Store::open(dir, CACHE).unwrap();
    let (following, reader) = follow::<Counts<0, 1>>(told.listed(), store.clone()).await;
    reach(&reader, told.size()).await;
    following.stop().await.unwrap();
    store
}

/// Opens a view over another log than it was folded from: there is no answer before it is where that log is, and then
/// nothing of the other one is left.
async fn folds_anew(log: Arc<dyn Log>, told: &Told, store: Store) {
    let mut follower = follower(log.clone(), store).await;
    let reader = follower.add::<Counts<0, 1>>().await.unwrap();
    if told.size() > 0 {
        let found = reader.at_least(0, Duration::ZERO).await;
        assert!(matches!(found, Err(NotThere::Building { tree_size: 0, .. })), "{found:?}");
        assert!(matches!(reader.read(|_| ()), Err(NotThere::Building { .. })));
    }
    let following = follower.start().unwrap();
    reach(&reader, told.size()).await;
    let position = check(&reader, &told.entries, 1);
    assert_eq!((position.as_of.tree_size, position.health), (told.size(), Health::Following));
    let dir = crate::world::scratch();
    let (fresh, alone) = follow::<Counts<0, 1>>(log, Store::open(dir.path(), CACHE).unwrap()).await;
    reach(&alone, told.size()).await;
    assert_eq!(digest(&reader), digest(&alone));
    following.stop().await.unwrap();
    fresh.stop().await.unwrap();
}

#[test]
fn a_view_of_another_history_is_folded_anew() {
    run(|| async {
        let dir = crate::world::scratch();
        let store = folded(&Told::of_blocks(10), dir.path()).await;
        let mut other = Told::another(9);
        for number in 0..14 {
            other.block(number % 3 + 1);
        }
        folds_anew(other.listed(), &other, store).await;
    });
}

#[test]
fn a_view_of_a_history_that_parts_from_the_log_at_its_last_block_is_folded_anew() {
    run(|| async {
        let dir = crate::world::scratch();
        let mut told = Told::of_blocks(9);
        let mut other = Told::of_blocks(9);
        told.block(2);
        other.word = 9;
        other.block(2);
        other.block(1);
        let store = folded(&told, dir.path()).await;
        folds_anew(other.listed(), &other, store).await;
    });
}

#[test]
fn a_view_that_is_ahead_of_the_log_is_folded_anew() {
    run(|| async {
        for blocks in [9, 1, 0] {
            let dir = crate::world::scratch();
            let store = folded(&Told::of_blocks(10), dir.path()).await;
            let shorter = Told::of_blocks(blocks);
            folds_anew(shorter.listed(), &shorter, store).await;
        }
    });
}

#[test]
fn what_was_being_built_of_another_history_is_folded_anew() {
    run(|| async {
        let dir = crate::world::scratch();
        let told = Told::of_blocks(10);
        let store = Store::open(dir.path(), CACHE).unwrap();
        let log = told.listed();
        let mut opened = follower(log.clone(), store.clone()).await;
        let reader = opened.add::<Counts<0, 1>>().await.unwrap();
        log.show(0);
        let following = opened.start().unwrap();
        log.show(5);
        let mut position = reader.watch();
        position.wait_for(|found| !matches!(found.health, Health::Building { tree_size: 0, .. })).await.unwrap();
        following.stop().await.unwrap();
        let mut other = Told::another(9);
        (0..10).for_each(|_| drop(other.block(1)));
        folds_anew(other.listed(), &other, store).await;
    });
}

#[test]
fn a_view_whose_marks_are_damaged_is_folded_anew() {
    run(|| async {
        let told = Told::of_blocks(10);
        for key in [&[0][..], &[0, 1]] {
            let dir = crate::world::scratch();
            let store = folded(&told, dir.path()).await;
            let tree = probity_projection::Generations::of(&store, "counts").unwrap().current.unwrap().tree;
            let mut view = store.view(&tree).unwrap();
            let cursor = view.cursor().unwrap().unwrap();
            let mut batch = view.batch();
            batch.insert([0, 1], *b"none");
            let cursor = if key == [0] {
                // Another place of the same log than the rest of the mark is of.
                probity_projection::Cursor { next_height: 3, tree_size: told.blocks[2].tree_size(), ..cursor }
            } else {
                cursor
            };
            let writes = probity_projection::Writes::of(batch, cursor);
            view.write(writes);
            view.keep().unwrap();
            folds_anew(told.listed(), &told, store).await;
        }
    });
}

#[test]
fn a_ledger_with_other_keys_is_another_ledger() {
    run(|| async {
        let dir = crate::world::scratch();
        let told = Told::of_blocks(4);
        let store = folded(&told, dir.path()).await;
        let others = probity_statement::LedgerKeys { checkpoint: public(7), clock: public(8), ..keys() };
        let mut blocks = Vec::new();
        let mut frontier = probity_tlog::Frontier::new();
        for height in 0..3 {
            let (block, after) = crate::halts::signed_by([7, 8], height, &frontier, &[told.statement(height).0]);
            frontier = after;
            blocks.push(block);
        }
        let log = Arc::new(crate::listed::Listed::new(blocks));
        let mut follower = Follower::new(Source { log, keys: others, rule_sets: RULE_SETS }, store).await.unwrap();
        let reader = follower.add::<Counts<0, 1>>().await.unwrap();
        let following = follower.start().unwrap();
        reach(&reader, 3).await;
        assert_eq!(reader.position().as_of.tree_size, 3);
        following.stop().await.unwrap();
    });
}

#[test]
fn a_view_of_this_log_is_not_folded_anew_wherever_it_ends() {
    run(|| async {
        // Also where the last block has the statement that makes other keys sign from the next one on.
        let mut told = Told::of_blocks(5);
        let rotated = json!({
            "purpose": "checkpoint", "old": hex(1), "new": hex(5), "possession": "00".repeat(64),
        });
        told.block_saying("ledger.key_rotated", rotated);
        let dir = crate::world::scratch();
        let log = told.listed();
        for shown in 1..=6 {
            log.show(shown);
            let size = told.blocks[shown - 1].tree_size();
            let store = Store::open(dir.path(), CACHE).unwrap();
            let (following, reader) = follow::<Remembers>(log.clone(), store).await;
            reach(&reader, size).await;
            following.stop().await.unwrap();
        }
        let store = Store::open(dir.path(), CACHE).unwrap();
        let (following, reader) = follow::<Remembers>(log.clone(), store).await;
        assert_eq!(check(&reader, &told.entries, 1).as_of.tree_size, told.size());
        following.stop().await.unwrap();
        assert_eq!(HANDED.load(std::sync::atomic::Ordering::SeqCst), told.size());
    });
}

pub(crate) fn hex(seed: u8) -> String {
    public(seed).as_dalek().to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

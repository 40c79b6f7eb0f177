//! Those who ask wait for what they want taken into account, and never see two positions at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use probity_projection::{NotThere, StoreError, Table};
use sha2::{Digest as _, Sha256};

use crate::views::{Content, Counts, both, check};
use crate::world::{PATIENCE, World, follow, reach, run};

#[test]
fn who_asks_waits_until_the_view_is_there() {
    run(|| async {
        let mut world = World::of_blocks(4).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        let wanted = world.told.size() + 3;
        let waiting = {
            let reader = reader.clone();
            tokio::spawn(async move { reader.at_least(wanted, PATIENCE).await })
        };
        reach(&reader, wanted - 3).await;
        assert!(!waiting.is_finished());
        world.record_blocks_of(&[1, 1, 1]).await;
        waiting.await.unwrap().unwrap();
        assert!(check(&reader, world.entries(), 1).as_of.tree_size >= wanted);
        following.stop().await.unwrap();
    });
}

/// In a thread of its own: who waits for ever is not waited for.
#[test]
fn who_asks_never_waits_for_whom_it_holds_up() {
    let (done, all_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        ask_while_it_is_folded();
        let _ = done.send(());
    });
    all_done.recv_timeout(Duration::from_secs(120)).expect("somebody waits for ever");
}

fn ask_while_it_is_folded() {
    run(|| async {
        let mut world = World::of_blocks(4).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        reach(&reader, world.told.size()).await;
        let stop = Arc::new(AtomicBool::new(false));
        let asking = |_| {
            let (reader, stop) = (reader.clone(), stop.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(async {
                    while !stop.load(Ordering::Relaxed) {
                        reader.at_least(1, PATIENCE).await.unwrap();
                    }
                });
            })
        };
        let askers: Vec<_> = (0..4).map(asking).collect();
        // Each block is a new position, which has to be told while somebody has just been told the one before.
        for _ in 0..60 {
            world.record_blocks_of(&[1; 50]).await;
            reach(&reader, world.told.size()).await;
        }
        stop.store(true, Ordering::Relaxed);
        for asker in askers {
            asker.join().unwrap();
        }
        following.stop().await.unwrap();
    });
}

#[test]
fn who_has_waited_long_enough_is_told_how_far_the_view_is() {
    run(|| async {
        let world = World::of_blocks(4).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        let size = world.told.size();
        reach(&reader, size).await;
        for patience in [Duration::ZERO, Duration::from_millis(60)] {
            let began = Instant::now();
            match reader.at_least(size + 1, patience).await {
                Err(NotThere::Behind { view: "counts", tree_size, wanted }) => {
                    assert_eq!((tree_size, wanted), (size, size + 1));
                }
                other => panic!("{other:?}"),
            }
            assert!(began.elapsed() >= patience);
        }
        // What is there is there at once, however little time there is.
        reader.at_least(size, Duration::ZERO).await.unwrap();
        following.stop().await.unwrap();
    });
}

#[test]
fn no_answer_mixes_two_positions() {
    run(|| async {
        let mut world = World::new();
        // Enough that the two keys are in leaves of their own.
        world.record_blocks_of(&[1_500, 1_500]).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        reach(&reader, 3_000).await;
        let (done, positions) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let asking: Vec<_> = (0..6)
            .map(|_| {
                let (reader, done, positions) = (reader.clone(), done.clone(), positions.clone());
                tokio::task::spawn_blocking(move || {
                    let mut last = 0;
                    while !done.load(Ordering::SeqCst) {
                        let (position, ((left, right), entries)) = reader
                            .read(|view| {
                                let left = both(view).0;
                                std::thread::yield_now();
                                let entries = view.cursor().unwrap().unwrap().tree_size;
                                ((left, both(view).1), entries)
                            })
                            .unwrap();
                        assert_eq!(left, right, "at {position:?}");
                        assert_eq!(entries, position.as_of.tree_size);
                        assert!(position.as_of.tree_size >= last, "positions only go on");
                        if position.as_of.tree_size > last {
                            positions.fetch_add(1, Ordering::SeqCst);
                        }
                        last = position.as_of.tree_size;
                    }
                })
            })
            .collect();
        // Until enough was asked in between, on a machine that may have much else to do.
        for number in 0..2_000 {
            world.record(1).await;
            if number >= 60 && positions.load(Ordering::SeqCst) > 20 {
                break;
            }
        }
        reach(&reader, world.told.size()).await;
        done.store(true, Ordering::SeqCst);
        for asking in asking {
            asking.await.unwrap();
        }
        assert!(positions.load(Ordering::SeqCst) > 20, "nothing was asked in between");
        following.stop().await.unwrap();
    });
}

#[test]
fn a_question_that_panics_does_not_stand_in_the_way_of_others() {
    run(|| async {
        let mut world = World::of_blocks(2).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        reach(&reader, world.told.size()).await;
        let asking = reader.clone();
        let panicked = tokio::task::spawn_blocking(move || drop(asking.read(|_| panic!("a defect in a query"))));
        assert!(panicked.await.is_err());
        world.record(2).await;
        reach(&reader, world.told.size()).await;
        check(&reader, world.entries(), 1);
        following.stop().await.unwrap();
    });
}

#[test]
fn a_long_question_holds_up_neither_what_is_folded_nor_other_questions() {
    run(|| async {
        let mut world = World::new();
        world.record_blocks_of(&[700, 700]).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        reach(&reader, 1_400).await;
        let ((begun, began), (go_on, goes_on)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
        let asking = reader.clone();
        let before = reader.read(Content::of).unwrap().1;
        let long = tokio::task::spawn_blocking(move || {
            asking.read(|view| {
                let first = view.scan(&[1]).next().unwrap().unwrap();
                begun.send(()).unwrap();
                goes_on.recv().unwrap();
                let forwards: Vec<_> = view.scan(&[1]).map(Result::unwrap).collect();
                let mut backwards: Vec<_> =
                    view.scan_before(&Table::<u64>::new(1).key(), None).map(Result::unwrap).collect();
                backwards.reverse();
                assert_eq!((&forwards[0], &forwards), (&first, &backwards));
                Content::of(view)
            })
        });
        began.recv().unwrap();
        // Meanwhile more is folded, and others are answered from it.
        world.record_blocks_of(&[700, 1, 1]).await;
        reach(&reader, world.told.size()).await;
        check(&reader, world.entries(), 1);
        go_on.send(()).unwrap();
        let (position, seen) = long.await.unwrap().unwrap();
        assert_eq!((position.as_of.tree_size, seen), (1_400, before));
        check(&reader, world.entries(), 1);
        following.stop().await.unwrap();
    });
}

#[test]
fn statements_are_quoted_from_the_log_and_only_those_that_were_folded() {
    run(|| async {
        let mut world = World::of_blocks(6).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        world.record_blocks_of(&[3, 1, 40]).await;
        let size = world.told.size();
        reach(&reader, size).await;
        let told: Vec<(u64, Vec<u8>)> = world
            .told
            .blocks
            .iter()
            .flat_map(|block| (block.first_index()..).zip(block.statements().map(<[u8]>::to_vec)))
            .collect();
        assert_eq!(told.len() as u64, size);
        let asked = reader.read(move |view| {
            // There and back: from the blocks that are kept, and from those that are not any more.
            for (index, bytes) in told.iter().chain(told.iter().rev()) {
                let quoted = view.statement(*index, &Sha256::digest(bytes).into()).unwrap();
                assert_eq!(quoted.bytes().as_ref(), bytes, "index {index}");
            }
            let other = view.statement(2, &Sha256::digest(&told[3].1).into());
            assert!(matches!(other, Err(StoreError::Changed { index: 2 })), "{other:?}");
            let beyond = view.statement(size, &[0; 32]);
            assert!(matches!(beyond, Err(StoreError::Log { index, .. }) if index == size), "{beyond:?}");
        });
        asked.unwrap();
        following.stop().await.unwrap();
    });
}

//! After a crash a view goes on from what its store kept: no statement is skipped, and none is taken in twice.

use probity_projection::{Gathering, Generations, Health, NotThere, Projector, Store, ViewReader};

use crate::views::{Counts, NAMES, check, digest};
use crate::world::{CACHE, World, crash_copy, reach, run};

/// Opens what a crash left, and asks for all of it before and after what is missing was folded.
async fn recover<P: Projector>(world: &World, name: &str, fresh: [u8; 32]) -> u64 {
    let store = Store::open(&world.path(name), CACHE).unwrap();
    let mut follower = world.follower(store).await;
    let reader = follower.add::<P>().await.unwrap();
    let kept = found(&reader, world);
    let following = follower.start().unwrap();
    reach(&reader, world.told.size()).await;
    check(&reader, world.entries(), P::VERSION);
    assert_eq!(digest(&reader), fresh);
    following.stop().await.unwrap();
    kept
}

/// How far the view is when it is opened, with everything up to there in it. A view that was never asked tells nothing.
fn found(reader: &ViewReader, world: &World) -> u64 {
    match reader.read(|_| ()) {
        Ok(_) => {
            let size = check(reader, world.entries(), 1).as_of.tree_size;
            let ends = world.told.blocks.iter().any(|block| block.tree_size() == size);
            assert!(size == 0 || ends, "{size} is not where a block ends");
            size
        }
        Err(NotThere::Building { tree_size, .. }) => tree_size,
        Err(other) => panic!("{other}"),
    }
}

async fn fresh<P: Projector>(world: &World) -> [u8; 32] {
    let dir = crate::world::scratch();
    let mut follower = world.follower(Store::open(dir.path(), CACHE).unwrap()).await;
    let reader = follower.add::<P>().await.unwrap();
    let following = follower.start().unwrap();
    reach(&reader, world.told.size()).await;
    let digest = digest(&reader);
    following.stop().await.unwrap();
    digest
}

#[test]
fn what_is_dropped_in_mid_stream_without_being_stopped_is_gone_on_from() {
    run(|| async {
        let mut world = World::of_blocks(3).await;
        let store = world.store();
        let mut follower = world.follower(store.clone()).await;
        follower.gather(Gathering { statements: 1, ..Gathering::default() });
        let reader = follower.add::<Counts<0, 1>>().await.unwrap();
        let following = follower.start().unwrap();
        reach(&reader, world.told.size()).await;
        let flushed = world.told.size();
        // More than one group is under way when it is dropped.
        world.record_blocks_of(&[2_000; 6]).await;
        reader.at_least(flushed + 1, crate::world::PATIENCE).await.unwrap();
        crash_copy(&world.path("views"), &world.path("before"));
        drop((following, reader));
        crash_copy(&world.path("views"), &world.path("after"));
        let fresh = fresh::<Counts<0, 1>>(&world).await;
        for name in ["before", "after"] {
            let kept = recover::<Counts<0, 1>>(&world, name, fresh).await;
            assert!(kept >= flushed, "{kept}");
        }
    });
}

#[test]
fn what_was_dropped_lets_go_of_the_store_which_opens_again_in_place() {
    run(|| async {
        let mut world = World::of_blocks(3).await;
        for _ in 0..5 {
            let mut store = Store::open(&world.path("views"), CACHE);
            for _ in 0..1_000 {
                if store.is_ok() {
                    break;
                }
                // The threads of what was dropped end by themselves.
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                store = Store::open(&world.path("views"), CACHE);
            }
            let mut follower = world.follower(store.unwrap()).await;
            let reader = follower.add::<Counts<0, 1>>().await.unwrap();
            found(&reader, &world);
            let following = follower.start().unwrap();
            reach(&reader, world.told.size()).await;
            drop((following, reader));
            world.record(3).await;
        }
    });
}

#[test]
fn a_crash_at_any_moment_skips_nothing_and_repeats_nothing() {
    run(|| async {
        let mut world = World::of_blocks(1).await;
        let store = world.store();
        let mut follower = world.follower(store.clone()).await;
        follower.gather(Gathering { statements: 3, ..Gathering::default() });
        let one = follower.add::<Counts<0, 1>>().await.unwrap();
        let other = follower.add::<Counts<1, 1>>().await.unwrap();
        let following = follower.start().unwrap();
        let crashes = 25;
        for crash in 0..crashes {
            world.record_blocks_of(&vec![1 + crash % 4; 1 + crash % 7]).await;
            crash_copy(&world.path("views"), &world.path(&format!("crash-{crash}")));
        }
        reach(&one, world.told.size()).await;
        reach(&other, world.told.size()).await;
        following.stop().await.unwrap();
        let fresh = fresh::<Counts<0, 1>>(&world).await;
        let mut places = std::collections::BTreeSet::new();
        for crash in 0..crashes {
            let name = format!("crash-{crash}");
            places.insert(recover::<Counts<0, 1>>(&world, &name, fresh).await);
            recover::<Counts<1, 1>>(&world, &name, fresh).await;
        }
        assert!(places.len() > 3, "the crashes were all at the same place: {places:?}");
    });
}

#[test]
fn a_crash_while_a_view_is_rebuilt_loses_neither_tree() {
    run(|| async {
        let mut world = World::of_blocks(9).await;
        let (following, reader) = crate::world::follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        reach(&reader, world.told.size()).await;
        let digest_before = digest(&reader);
        following.stop().await.unwrap();
        drop(reader);
        let store = world.store();
        Generations::rebuild(&store, NAMES[0]).unwrap();
        // Opened, but nothing is folded yet: the old tree answers, in the copy too.
        let mut follower = world.follower(store.clone()).await;
        let reader = follower.add::<Counts<0, 1>>().await.unwrap();
        crash_copy(&world.path("views"), &world.path("marked"));
        drop((follower, reader, store));
        let marked = Store::open(&world.path("marked"), CACHE).unwrap();
        assert!(Generations::of(&marked, NAMES[0]).unwrap().building.is_some());
        let mut follower = world.follower(marked.clone()).await;
        let reader = follower.add::<Counts<0, 1>>().await.unwrap();
        assert_eq!(check(&reader, world.entries(), 1).health, Health::Following);
        assert_eq!(digest(&reader), digest_before);
        let following = follower.start().unwrap();
        world.record(2).await;
        reach(&reader, world.told.size()).await;
        check(&reader, world.entries(), 1);
        assert_eq!(Generations::of(&marked, NAMES[0]).unwrap().building, None);
        following.stop().await.unwrap();
    });
}

#[test]
fn a_crash_while_a_view_is_cleared_leaves_it_whole_or_starts_it_anew() {
    run(|| async {
        let world = World::of_blocks(40).await;
        let (following, reader) = crate::world::follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        reach(&reader, world.told.size()).await;
        following.stop().await.unwrap();
        drop(reader);
        let fresh = fresh::<Counts<0, 1>>(&world).await;
        for crash in 0..6 {
            let (cleared, from) = (format!("cleared-{crash}"), world.path(&format!("cleared-{crash}")));
            crash_copy(&world.path("views"), &from);
            let store = Store::open(&from, CACHE).unwrap();
            let tree = Generations::of(&store, NAMES[0]).unwrap().current.unwrap().tree;
            let mut view = store.view(&tree).unwrap();
            let copies: Vec<_> = (0..4).map(|copy| format!("{cleared}-{copy}")).collect();
            let clearing = std::thread::scope(|scope| {
                let copying = scope.spawn(|| copies.iter().for_each(|copy| crash_copy(&from, &world.path(copy))));
                let cleared = view.clear();
                copying.join().unwrap();
                cleared
            });
            clearing.unwrap();
            drop((view, store));
            for copy in copies.iter().chain([&cleared]) {
                recover::<Counts<0, 1>>(&world, copy, fresh).await;
            }
        }
    });
}

//! A view in another layout is built beside the old one, which stays until the new one is where the log was.

use std::sync::Arc;
use std::time::Duration;

use probity_log::Log;
use probity_projection::{Generations, Health, NotThere, Projector, Store, ViewReader};

use crate::views::{Content, Counts, NAMES, check, digest};
use crate::world::{CACHE, Told, World, follow, follower, reach, run};

const NAME: &str = NAMES[0];

/// Folds what there is and stops; gives the digest.
async fn fold<P: Projector>(log: Arc<dyn Log>, store: Store, size: u64) -> [u8; 32] {
    let (following, reader) = follow::<P>(log, store).await;
    reach(&reader, size).await;
    let digest = digest(&reader);
    following.stop().await.unwrap();
    digest
}

/// A version and the name of the tree that it is in.
type Tree = Option<(u32, String)>;

/// The trees that a store holds for the view: the one that is asked, and the one that is built.
fn trees(store: &Store) -> (Tree, Tree) {
    let Generations { current, building, .. } = Generations::of(store, NAME).unwrap();
    let of = |generation: probity_projection::Generation| (generation.version, generation.tree);
    (current.map(of), building.map(of))
}

fn building(reader: &ViewReader) -> (u64, u64) {
    match reader.read(|_| ()) {
        Err(NotThere::Building { view, tree_size, until }) => {
            assert_eq!(view, reader.name());
            (tree_size, until)
        }
        other => panic!("{other:?}"),
    }
}

async fn wait_for(reader: &ViewReader, health: Health) {
    let mut position = reader.watch();
    let found = position.wait_for(|position| position.health == health);
    tokio::time::timeout(crate::world::PATIENCE, found).await.expect("it does not come").unwrap();
}

#[test]
fn a_new_layout_is_built_beside_the_old_tree_and_switched_to_when_it_is_there() {
    run(|| async {
        let told = Told::of_blocks(10);
        let log = told.listed();
        let dir = crate::world::scratch();
        let store = Store::open(dir.path(), CACHE).unwrap();
        let size = told.size();
        let old = fold::<Counts<0, 1>>(log.clone(), store.clone(), size).await;
        let (Some((1, old_tree)), None) = trees(&store) else { panic!("{:?}", trees(&store)) };

        let mut follower = follower(log.clone(), store.clone()).await;
        let reader = follower.add::<Counts<0, 2>>().await.unwrap();
        assert_eq!(building(&reader), (0, size));
        let soon = Duration::from_millis(20);
        for wanted in [0, 1] {
            let found = reader.at_least(wanted, soon).await;
            assert!(matches!(found, Err(NotThere::Building { tree_size: 0, .. })), "{found:?}");
        }
        // The log gives three blocks, and then for a while nothing.
        log.show(0);
        let following = follower.start().unwrap();
        log.show(3);
        let part = told.blocks[2].tree_size();
        wait_for(&reader, Health::Building { tree_size: part, until: size }).await;
        assert_eq!(building(&reader), (part, size));
        let (Some((1, kept)), Some((2, new_tree))) = trees(&store) else { panic!("{:?}", trees(&store)) };
        assert_eq!(kept, old_tree);
        assert_eq!(store.view(&old_tree).unwrap().digest().unwrap(), old);

        log.show(10);
        reach(&reader, size).await;
        assert_eq!(check(&reader, &told.entries, 2).health, Health::Following);
        assert_eq!(trees(&store), (Some((2, new_tree.clone())), None));
        following.stop().await.unwrap();
        assert_eq!(store.view(&old_tree).unwrap().cursor().unwrap(), None, "there is nothing left of the old tree");

        // Opened again it is not built again.
        let again = follower_of(&log, &store).await;
        assert_eq!(check(&again, &told.entries, 2).as_of.tree_size, size);
        assert_eq!(trees(&store), (Some((2, new_tree)), None));
    });
}

async fn follower_of(log: &Arc<crate::listed::Listed>, store: &Store) -> ViewReader {
    let mut follower = follower(log.clone(), store.clone()).await;
    follower.add::<Counts<0, 2>>().await.unwrap()
}

#[test]
fn what_is_built_goes_on_where_it_was_when_it_is_opened_again() {
    run(|| async {
        let told = Told::of_blocks(10);
        let log = told.listed();
        let dir = crate::world::scratch();
        let store = Store::open(dir.path(), CACHE).unwrap();
        let part = told.blocks[5].tree_size();
        {
            let mut follower = follower(log.clone(), store.clone()).await;
            let reader = follower.add::<Counts<0, 1>>().await.unwrap();
            log.show(0);
            let following = follower.start().unwrap();
            log.show(6);
            wait_for(&reader, Health::Building { tree_size: part, until: told.size() }).await;
            following.stop().await.unwrap();
        }
        log.show(10);
        let mut follower = follower(log.clone(), store.clone()).await;
        let reader = follower.add::<Counts<0, 1>>().await.unwrap();
        assert_eq!(building(&reader), (part, told.size()));
        let following = follower.start().unwrap();
        reach(&reader, told.size()).await;
        check(&reader, &told.entries, 1);
        assert_eq!(log.followed(), [0, 6]);
        following.stop().await.unwrap();
    });
}

#[test]
fn what_another_version_began_to_build_is_given_up() {
    run(|| async {
        let told = Told::of_blocks(6);
        let log = told.listed();
        let dir = crate::world::scratch();
        let store = Store::open(dir.path(), CACHE).unwrap();
        drop(follow_none::<Counts<0, 2>>(&log, &store).await);
        let (None, Some((2, given_up))) = trees(&store) else { panic!("{:?}", trees(&store)) };
        fold::<Counts<0, 1>>(log.clone(), store.clone(), told.size()).await;
        let (Some((1, tree)), None) = trees(&store) else { panic!("{:?}", trees(&store)) };
        assert_ne!(tree, given_up);
        // A version before is another layout too.
        fold::<Counts<0, 3>>(log.clone(), store.clone(), told.size()).await;
        fold::<Counts<0, 2>>(log.clone(), store.clone(), told.size()).await;
        assert!(matches!(trees(&store), (Some((2, _)), None)), "{:?}", trees(&store));
    });
}

/// Opens a view without following.
async fn follow_none<P: Projector>(log: &Arc<crate::listed::Listed>, store: &Store) -> ViewReader {
    follower(log.clone(), store.clone()).await.add::<P>().await.unwrap()
}

#[test]
fn a_view_that_is_rebuilt_answers_from_the_old_tree_until_the_new_one_is_there() {
    run(|| async {
        let mut told = Told::of_blocks(10);
        let log = told.listed();
        let dir = crate::world::scratch();
        let store = Store::open(dir.path(), CACHE).unwrap();
        let size = told.size();
        let live = fold::<Counts<0, 1>>(log.clone(), store.clone(), size).await;
        let (Some((1, old_tree)), None) = trees(&store) else { panic!("{:?}", trees(&store)) };
        Generations::rebuild(&store, NAME).unwrap();

        let mut follower = follower(log.clone(), store.clone()).await;
        let reader = follower.add::<Counts<0, 1>>().await.unwrap();
        log.show(0);
        let following = follower.start().unwrap();
        log.show(4);
        let (Some((1, _)), Some((1, new_tree))) = trees(&store) else { panic!("{:?}", trees(&store)) };
        let building = store.view(&new_tree).unwrap();
        while building.cursor().unwrap().is_none_or(|cursor| cursor.next_height < 4) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(check(&reader, &told.entries, 1).as_of.tree_size, size);
        assert_eq!(reader.position().health, Health::Following);
        assert_eq!(store.view(&old_tree).unwrap().digest().unwrap(), live);
        assert_eq!(trees(&store).0, Some((1, old_tree.clone())));

        log.show(10);
        while trees(&store).1.is_some() {
            check(&reader, &told.entries, 1);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(trees(&store), (Some((1, new_tree)), None));
        // The reader that there was before is switched with the view.
        log.push(told.block(2));
        reach(&reader, told.size()).await;
        assert_eq!(check(&reader, &told.entries, 1).as_of.tree_size, size + 2);
        following.stop().await.unwrap();
        assert_eq!(store.view(&old_tree).unwrap().cursor().unwrap(), None, "there is nothing left of the old tree");
    });
}

#[test]
fn a_rebuilt_view_holds_what_the_one_held_that_was_folded_as_the_log_grew() {
    run(|| async {
        let mut world = World::new();
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        for _ in 0..10 {
            world.record(3).await;
            reach(&reader, world.told.size()).await;
        }
        let live = digest(&reader);
        following.stop().await.unwrap();
        drop(reader);
        for times in 1..=2 {
            let store = world.store();
            Generations::rebuild(&store, NAME).unwrap();
            // Marked twice it is still built once.
            Generations::rebuild(&store, NAME).unwrap();
            let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), store.clone()).await;
            while trees(&store).1.is_some() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            reach(&reader, world.told.size()).await;
            assert_eq!(digest(&reader), live);
            assert_eq!(Generations::of(&store, NAME).unwrap().count, 1 + 2 * times);
            following.stop().await.unwrap();
        }
    });
}

#[test]
fn readers_that_ask_during_the_switch_see_one_tree_or_the_other() {
    run(|| async {
        let mut world = World::new();
        world.record_blocks_of(&[800; 4]).await;
        fold::<Counts<0, 1>>(world.log.clone(), world.store(), world.told.size()).await;
        let store = world.store();
        Generations::rebuild(&store, NAME).unwrap();
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), store.clone()).await;
        let expected = Arc::new(Content::folded(world.entries(), 1));
        let asking: Vec<_> = (0..3)
            .map(|_| {
                let (reader, store, expected) = (reader.clone(), store.clone(), expected.clone());
                tokio::task::spawn_blocking(move || {
                    while trees(&store).1.is_some() {
                        assert_eq!(reader.read(Content::of).unwrap().1, *expected);
                    }
                    assert_eq!(reader.read(Content::of).unwrap().1, *expected);
                })
            })
            .collect();
        for asking in asking {
            asking.await.unwrap();
        }
        following.stop().await.unwrap();
    });
}

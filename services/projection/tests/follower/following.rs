//! Several views are fed from one reading of the log.

use probity_projection::{AsOf, Health, Store, ViewPosition};

use crate::views::{Counts, check, digest};
use crate::world::{CACHE, Told, World, follow, follower, reach, run};

#[test]
fn several_views_reach_the_head_and_go_on_with_what_is_recorded_later() {
    run(|| async {
        let mut world = World::of_blocks(20).await;
        let mut follower = world.follower(world.store()).await;
        let readers = [
            follower.add::<Counts<0, 1>>().await.unwrap(),
            follower.add::<Counts<1, 2>>().await.unwrap(),
            follower.add::<Counts<2, 1>>().await.unwrap(),
        ];
        let following = follower.start().unwrap();
        for _ in 0..3 {
            let size = world.told.size();
            for (reader, layout) in readers.iter().zip([1, 2, 1]) {
                reach(reader, size).await;
                let ViewPosition { as_of, health } = check(reader, world.entries(), layout);
                let head = world.log.reader().head().unwrap();
                let AsOf { tree_size, root, recorded_at } = as_of;
                assert_eq!((tree_size, root, recorded_at), (head.tree_size, head.root, head.time));
                assert_eq!(health, Health::Following);
            }
            world.record(7).await;
        }
        following.stop().await.unwrap();
    });
}

#[test]
fn a_question_is_answered_as_of_one_position_and_holds_nothing_up() {
    run(|| async {
        let mut world = World::of_blocks(20).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        let size = world.told.size();
        reach(&reader, size).await;
        let (began, beginning) = tokio::sync::oneshot::channel();
        let (go_on, going_on) = std::sync::mpsc::channel::<()>();
        let asking = reader.clone();
        let question = tokio::task::spawn_blocking(move || {
            let asked = asking.read(|view| {
                let (digest, cursor) = (view.digest().unwrap(), view.cursor().unwrap().unwrap());
                began.send(()).unwrap();
                going_on.recv().unwrap();
                assert_eq!(view.cursor().unwrap(), Some(cursor), "the answer mixes two positions");
                assert_eq!(view.digest().unwrap(), digest, "the answer mixes two positions");
                cursor.tree_size
            });
            asked.unwrap()
        });
        beginning.await.unwrap();
        // The view goes on while the question is being answered, and others are answered from there.
        world.record(10).await;
        reach(&reader, world.told.size()).await;
        check(&reader, world.entries(), 1);
        go_on.send(()).unwrap();
        let (position, asked_of) = question.await.unwrap();
        assert_eq!((position.as_of.tree_size, asked_of), (size, size));
        following.stop().await.unwrap();
    });
}

#[test]
fn a_log_without_a_statement_is_answered_from_and_gone_on_from() {
    run(|| async {
        let mut world = World::new();
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        let nothing = ViewPosition { as_of: AsOf::NOTHING, health: Health::Following };
        assert_eq!(check(&reader, &[], 1), nothing);
        world.record(1).await;
        reach(&reader, 1).await;
        check(&reader, world.entries(), 1);
        following.stop().await.unwrap();
    });
}

#[test]
fn many_statements_are_folded_once_and_in_order() {
    run(|| async {
        let mut world = World::new();
        // Several groups, none of which ends where a round number of blocks does.
        world.record_blocks_of(&[1_700, 3, 1_500, 1, 1_400, 2_000, 900, 2_000, 396]).await;
        let mut follower = world.follower(world.store()).await;
        let first = follower.add::<Counts<0, 1>>().await.unwrap();
        let second = follower.add::<Counts<1, 1>>().await.unwrap();
        let following = follower.start().unwrap();
        for reader in [&first, &second] {
            reach(reader, 9_900).await;
            assert_eq!(check(reader, world.entries(), 1).as_of.tree_size, 9_900);
        }
        assert_eq!(digest(&first), digest(&second));
        following.stop().await.unwrap();
    });
}

#[test]
fn how_statements_are_grouped_does_not_show() {
    run(|| async {
        let told = Told::of_blocks(30);
        let dir = crate::world::scratch();
        let mut digests = Vec::new();
        for step in [1, 4, 30] {
            let log = told.listed();
            log.show(0);
            let store = Store::open(&dir.path().join(step.to_string()), CACHE).unwrap();
            let (following, reader) = follow::<Counts<0, 1>>(log.clone(), store).await;
            for shown in (0..=30).step_by(step) {
                log.show(shown);
                reach(&reader, told.blocks[..shown].last().map_or(0, |block| block.tree_size())).await;
                check(&reader, &told.entries, 1);
            }
            log.show(30);
            reach(&reader, told.size()).await;
            digests.push(digest(&reader));
            following.stop().await.unwrap();
        }
        assert!(digests.iter().all(|digest| *digest == digests[0]));
    });
}

#[test]
fn a_view_that_is_behind_catches_up_while_another_is_ahead() {
    run(|| async {
        let mut world = World::of_blocks(20).await;
        let before = world.told.size();
        {
            let mut follower = world.follower(world.store()).await;
            let behind = follower.add::<Counts<1, 1>>().await.unwrap();
            let following = follower.start().unwrap();
            reach(&behind, before).await;
            following.stop().await.unwrap();
        }
        world.record(10).await;
        let middle = world.told.size();
        {
            let (following, ahead) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
            reach(&ahead, middle).await;
            following.stop().await.unwrap();
        }
        world.record(10).await;
        let mut follower = world.follower(world.store()).await;
        let ahead = follower.add::<Counts<0, 1>>().await.unwrap();
        let behind = follower.add::<Counts<1, 1>>().await.unwrap();
        let new = follower.add::<Counts<2, 1>>().await.unwrap();
        assert_eq!(check(&ahead, world.entries(), 1).as_of.tree_size, middle);
        assert_eq!(check(&behind, world.entries(), 1).as_of.tree_size, before);
        let until = world.told.size();
        assert_eq!(new.position().health, Health::Building { tree_size: 0, until });
        let following = follower.start().unwrap();
        for reader in [&ahead, &behind, &new] {
            reach(reader, until).await;
            assert_eq!(check(reader, world.entries(), 1).as_of.tree_size, until);
        }
        assert_eq!(digest(&ahead), digest(&new));
        assert_eq!(digest(&behind), digest(&new));
        following.stop().await.unwrap();
    });
}

#[test]
fn the_log_is_read_once_and_from_the_earliest_view_on() {
    run(|| async {
        let told = Told::of_blocks(12);
        let dir = crate::world::scratch();
        let log = told.listed();
        let store = || Store::open(dir.path(), CACHE).unwrap();
        for (shown, earliest) in [(4, 0), (9, 4)] {
            log.show(shown);
            let (following, reader) = follow::<Counts<0, 1>>(log.clone(), store()).await;
            reach(&reader, told.blocks[shown - 1].tree_size()).await;
            following.stop().await.unwrap();
            assert_eq!(log.followed().last(), Some(&earliest));
        }
        log.show(12);
        let mut follower = follower(log.clone(), store()).await;
        let known = follower.add::<Counts<0, 1>>().await.unwrap();
        let new = follower.add::<Counts<1, 1>>().await.unwrap();
        let following = follower.start().unwrap();
        reach(&known, told.size()).await;
        reach(&new, told.size()).await;
        assert_eq!(log.followed(), [0, 4, 0]);
        assert_eq!(digest(&known), digest(&new));
        following.stop().await.unwrap();
    });
}

#[test]
fn what_was_stopped_is_all_there_when_it_is_opened_again() {
    run(|| async {
        let mut world = World::of_blocks(5).await;
        for _ in 0..4 {
            let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
            reach(&reader, world.told.size()).await;
            following.stop().await.unwrap();
            drop(reader);
            let mut follower = world.follower(world.store()).await;
            let reader = follower.add::<Counts<0, 1>>().await.unwrap();
            assert_eq!(check(&reader, world.entries(), 1).as_of.tree_size, world.told.size());
            drop((follower, reader));
            world.record(2).await;
        }
    });
}

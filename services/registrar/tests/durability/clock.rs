//! Clocks that are set while statements are recorded.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use probity_registrar::{RegisterError, Registrar, Unavailable};

use crate::scene::{Scene, acknowledged, all_unavailable, register, within};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

async fn refusal(registrar: &Registrar, scene: &Scene, number: u64) -> Unavailable {
    all_unavailable(register(registrar, vec![scene.statement(number)]).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_under_a_clock_that_was_set_a_day_ahead_and_all_is_well_once_it_is_right() {
    let scene = Scene::with_small_segments();
    let registrar = scene.registrar(Arc::new(scene.log_on(&scene.disk).unwrap()));
    let before = acknowledged(&registrar, &scene.statement(0)).await.unwrap();
    scene.clock.pass(MINUTE_MS);
    scene.clock.set_ahead(DAY_MS);
    let refused = refusal(&registrar, &scene, 1).await;
    assert!(matches!(refused, Unavailable::ClockJumped { ahead_s: 86_400 }), "{refused:?}");
    assert!(registrar.clock_fault().is_some() && registrar.watch_halt().borrow().is_none());
    scene.clock.set_back(DAY_MS);
    assert!(registrar.clock_fault().is_none());
    let after = acknowledged(&registrar, &scene.statement(1)).await.unwrap();
    assert_eq!((after.index, after.recorded_at), (before.index + 1, before.recorded_at + 60));
    registrar.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_really_passes_and_small_corrections_are_no_jump() {
    let scene = Scene::with_small_segments();
    let registrar = scene.registrar(Arc::new(scene.log_on(&scene.disk).unwrap()));
    let first = acknowledged(&registrar, &scene.statement(0)).await.unwrap();
    scene.clock.pass(30 * DAY_MS);
    let second = acknowledged(&registrar, &scene.statement(1)).await.unwrap();
    assert_eq!(second.recorded_at, first.recorded_at + 30 * 86_400);
    scene.clock.set_ahead(5 * MINUTE_MS);
    let third = acknowledged(&registrar, &scene.statement(2)).await.unwrap();
    assert_eq!(third.recorded_at, second.recorded_at + 300);
    registrar.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_takes_the_operators_word_for_the_clock() {
    let scene = Scene::with_small_segments();
    let registrar = scene.registrar(Arc::new(scene.log_on(&scene.disk).unwrap()));
    scene.clock.set_ahead(DAY_MS);
    let refused = refusal(&registrar, &scene, 0).await;
    assert!(matches!(refused, Unavailable::ClockJumped { .. }), "{refused:?}");
    registrar.stop().await;
    drop(registrar);
    let registrar = scene.registrar(Arc::new(scene.log_on(&scene.disk).unwrap()));
    assert!(acknowledged(&registrar, &scene.statement(0)).await.is_some());
    // It was wrong after all: from here on only time helps.
    scene.clock.set_back(DAY_MS);
    let refused = refusal(&registrar, &scene, 1).await;
    assert!(matches!(refused, Unavailable::ClockBehind { ahead_s: 86_400 }), "{refused:?}");
    scene.clock.pass(DAY_MS);
    assert!(acknowledged(&registrar, &scene.statement(1)).await.is_some());
    registrar.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_ordered_thread_is_told_to_everyone() {
    let scene = Scene::with_small_segments();
    let registrar = scene.registrar(Arc::new(scene.log_on(&scene.disk).unwrap()));
    assert!(acknowledged(&registrar, &scene.statement(0)).await.is_some());
    let failed = registrar.failed();
    scene.clock.broken.store(true, Ordering::Relaxed);
    assert!(matches!(refusal_of_all(&registrar, &scene, 1).await, RegisterError::Unavailable(_)));
    within("the registrar says that it has failed", failed).await;
    scene.clock.broken.store(false, Ordering::Relaxed);
    // Nobody waits for what will not be done, and the reason is told.
    match refusal_of_all(&registrar, &scene, 2).await {
        RegisterError::Unavailable(Unavailable::Halted(reason)) => {
            assert!(reason.to_string().contains("broke down"), "{reason}");
        }
        other => panic!("{other}"),
    }
    registrar.stop().await;
    drop(registrar);
    // What was acknowledged is there for the next process.
    let next = scene.registrar(Arc::new(scene.log_on(&scene.disk).unwrap()));
    assert!(acknowledged(&next, &scene.statement(0)).await.unwrap().already_recorded);
    next.stop().await;
}

async fn refusal_of_all(registrar: &Registrar, scene: &Scene, number: u64) -> RegisterError {
    register(registrar, vec![scene.statement(number)]).await.unwrap_err()
}

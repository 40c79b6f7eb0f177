//! One registrar is active at a time, whatever becomes of it.

use std::time::Duration;

use crate::scene::{Scene, client, record, refusal, until_active};

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_sends_writers_to_the_active_one_and_answers_readers_itself() {
    let scene = Scene::set().await;
    let (first, second) = scene.start_both().await;
    let told = async {
        loop {
            match refusal(&second).await {
                Some(reason) if reason.contains(&first.address) => return,
                Some(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                None => panic!("both are active"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
    let recorded = vec![record(&client(&[&second]), scene.statement("redirected")).await];
    scene.check([first, second], &recorded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_registrar_is_killed_the_other_goes_on_and_no_receipt_is_contradicted() {
    let scene = Scene::set().await;
    let (mut first, mut second) = scene.start_both().await;
    let mut acknowledged = Vec::new();
    for round in 0..2 {
        let writers = ["a", "b", "c"].map(|name| scene.keep_recording(name_of(round, name), &[&first, &second]));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        first.kill().unwrap();
        until_active(&second, true).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let again = scene.start([&scene.ledger.directory(), &scene.second][round]);
        tokio::time::sleep(Duration::from_millis(500)).await;
        for writer in writers {
            acknowledged.extend(writer.stop().await);
        }
        assert!(refusal(&again).await.is_some_and(|reason| reason.contains("standby")));
        // The other one's turn.
        (first, second) = (second, again);
    }
    scene.check([first, second], &acknowledged).await;
}

fn name_of(round: usize, name: &str) -> &'static str {
    format!("{name}{round}").leak()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_stops_in_order_is_followed_at_once_and_leaves_nothing_undecided() {
    let scene = Scene::set().await;
    let (first, second) = scene.start_both().await;
    let writer = scene.keep_recording("w", &[&first, &second]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (code, said) = first.stop().unwrap();
    assert_eq!(code, Some(0), "{said}");
    until_active(&second, true).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let acknowledged = writer.stop().await;
    assert!(!scene.ledger.directory().join("log/abandoned").exists());
    let first = scene.start(&scene.ledger.directory());
    scene.check([first, second], &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_registrar_wakes_up_as_a_standby() {
    let scene = Scene::set().await;
    let (first, second) = scene.start_both().await;
    let writer = scene.keep_recording("w", &[&first, &second]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    first.pause().unwrap();
    until_active(&second, true).await;
    let meanwhile = record(&client(&[&second]), scene.statement("meanwhile")).await;
    // It believes that it is active, until the stream says otherwise.
    first.resume().unwrap();
    until_active(&first, false).await;
    let mut acknowledged = writer.stop().await;
    acknowledged.push(meanwhile);
    assert_eq!(refusal(&second).await, None);
    scene.check([first, second], &acknowledged).await;
}

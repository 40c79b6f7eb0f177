//! A registrar that NATS does not reach, and servers that die under it.

use std::time::Duration;

use probity_tests::Carrier;
use probity_tests::nats::{NatsCluster, Relay};

use crate::scene::{Scene, client, record, until_active};

#[tokio::test(flavor = "multi_thread")]
async fn a_registrar_cut_off_from_the_stream_gives_no_receipts_and_comes_back_as_a_standby() {
    let scene = Scene::set().await;
    let port = scene.url().rsplit(':').next().unwrap().parse().unwrap();
    let relay = Relay::to(port).unwrap();
    let first = scene.start_at(&scene.ledger.directory(), &relay.url());
    until_active(&first, true).await;
    let second = scene.start(&scene.second);
    let mut acknowledged = vec![record(&client(&[&first]), scene.statement("before")).await];

    // What is handed to it now can be recorded by nobody but itself, later, or never.
    relay.hold();
    let lost = scene.statement("handed-to-the-one-that-was-cut-off");
    let only_first = client(&[&first]).deadline(Duration::from_secs(8)).attempt_timeout(Duration::from_secs(8));
    let submission = probity_proto::v1::Submission { statement: lost.bytes().clone(), expected_revision: None };
    let unanswered = only_first.register(vec![submission]).await;
    assert!(unanswered.is_err(), "{unanswered:?}");
    until_active(&second, true).await;
    acknowledged.push(record(&client(&[&second]), scene.statement("meanwhile")).await);

    relay.mend();
    until_active(&first, false).await;
    // The same statement again is recorded once, by whoever is active.
    acknowledged.push(record(&client(&[&first, &second]), lost).await);
    scene.check([first, second], &acknowledged).await;
    let kept = std::fs::read_dir(scene.ledger.directory().join("log/abandoned")).unwrap().count();
    assert_eq!(kept, 1, "the block that nobody was told of is kept");
    let verify = std::process::Command::new(probity_tests::binary().unwrap())
        .arg("verify")
        .arg(scene.ledger.directory())
        .output()
        .unwrap();
    let told = String::from_utf8(verify.stdout).unwrap();
    assert!(told.contains("abandoned"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_die_one_after_another_delay_writers_and_lose_nothing() {
    let cluster = NatsCluster::start().unwrap();
    let mut scene = Scene::on(Carrier::Cluster(cluster)).await;
    let (first, second) = scene.start_both().await;
    let writer = scene.keep_recording("w", &[&first, &second]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let stream = probity_log::StreamName::of(scene.ledger.origin()).stream;
    let Carrier::Cluster(cluster) = &mut scene.ledger.carrier else { panic!("no cluster") };
    for _ in 0..2 {
        let leader = cluster.leader_of(&stream).unwrap();
        cluster.kill(leader).unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        cluster.restart(leader).unwrap();
        cluster.wait_until_led().unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let acknowledged = writer.stop().await;
    scene.check([first, second], &acknowledged).await;
}

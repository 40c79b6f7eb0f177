//! What comes back by itself, and what only looks as if it belonged to the ledger.

use std::process::Command;

use probity_proto::v1::register_result::Result as Outcome;
use probity_tests::{Signer, TestLedger, binary, register};
use serde_json::json;

use crate::scene::{Scene, copy, run, stop};

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_index_and_deleted_tiles_come_back_with_the_same_receipts() {
    let mut scene = Scene::recorded(&[1, 300, 7]).await;
    for gone in [scene.ledger.directory().join("index"), scene.log().join("tile")] {
        std::fs::remove_dir_all(&gone).unwrap();
        scene.assert_whole().await;
        assert!(gone.exists());
    }
    for gone in [scene.ledger.directory().join("index"), scene.log().join("tile")] {
        std::fs::remove_dir_all(gone).unwrap();
    }
    scene.assert_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_of_an_older_or_another_ledger_is_folded_anew() {
    let mut scene = Scene::recorded(&[1, 3]).await;
    let other = Scene::recorded(&[1, 1, 5]).await;
    let index = scene.ledger.directory().join("index");
    let older = scene.ledger.home.path().join("older");
    copy(&index, &older);
    let server = scene.ledger.serve(&[]).unwrap();
    scene.record(&server, 5).await;
    stop(server);
    for wrong in [older, other.ledger.directory().join("index")] {
        std::fs::remove_dir_all(&index).unwrap();
        copy(&wrong, &index);
        scene.assert_whole().await;
        // Nothing is recorded a second time because the index had forgotten it.
        let server = scene.ledger.serve(&[]).unwrap();
        let statements: Vec<_> = scene.acknowledged.iter().map(|old| old.statement.clone()).collect();
        let before = scene.frames(0).len();
        probity_tests::register(&mut server.registration().await.unwrap(), &statements).await.unwrap();
        stop(server);
        assert_eq!(scene.frames(0).len(), before);
    }
}

/// The admission state is written down more rarely than the index, so after a crash it is folded against an index that knows
/// what is to come.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_what_was_open_is_still_open_although_the_index_is_ahead_of_the_state() {
    let mut scene = Scene::recorded(&[]).await;
    let approver = Signer::person().unwrap();
    let server = scene.ledger.serve(&[]).unwrap();
    scene.ledger.enrol(&server, &approver, &["approver"]).await.unwrap();
    let version = json!({ "kind": "model", "namespace": "faults", "name": "pd", "version": "1" });
    let reference = json!({ "reference": { "provider": "example-ai", "name": "large" } });
    let asked = json!({ "gate": "production" });
    let facts = [("model.version_registered", &reference), ("approval.requested", &asked)];
    let origin = scene.ledger.origin();
    for (event_type, data) in facts {
        let event = json!({ "type": event_type, "subject": version, "data": data });
        let statement = scene.developer.state(event, origin).unwrap();
        let outcome =
            register(&mut server.registration().await.unwrap(), std::slice::from_ref(&statement)).await.unwrap();
        scene.acknowledge(statement, outcome.into_iter().next().unwrap());
    }
    let request = scene.acknowledged.last().unwrap().statement.event().unwrap().id;
    // More than the index keeps in memory before it writes, fewer than lie between two snapshots of the state.
    for _ in 0..20 {
        scene.record(&server, 1_000).await;
    }
    server.kill().unwrap();

    let server = scene.ledger.serve(&[]).unwrap();
    let grant = json!({
        "type": "approval.granted", "subject": version, "regarding": request,
        "data": { "gate": "production", "scope": {}, "meaning": "Yes." },
    });
    let mut client = server.registration().await.unwrap();
    let mut granted = async |signer: &Signer| {
        let statement = signer.state(grant.clone(), origin).unwrap();
        register(&mut client, &[statement]).await.unwrap().remove(0)
    };
    match granted(&scene.developer).await {
        Outcome::Refused(refused) => assert_eq!(refused.reason, "NOT_AUTHORISED"),
        recorded => panic!("{recorded:?}"),
    }
    assert!(matches!(granted(&approver).await, Outcome::Recorded(_)));
    match granted(&approver).await {
        Outcome::Refused(refused) => assert_eq!(refused.reason, "SIGNED_ALREADY"),
        recorded => panic!("{recorded:?}"),
    }
    stop(server);
    let (code, said) = scene.verify();
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_another_ledger_are_refused_by_name() {
    let scene = Scene::recorded(&[1]).await;
    let other = TestLedger::found().unwrap();
    let keys = scene.ledger.directory().join("keys");
    let before = std::fs::read(scene.segment(0)).unwrap();
    for key in ["checkpoint.key", "clock.key", "receipt.key"] {
        let own = std::fs::read(keys.join(key)).unwrap();
        copy(&other.directory().join("keys").join(key), &keys.join(key));
        let refusal = scene.refusal();
        let name = key.trim_end_matches(".key");
        assert!(refusal.contains("not those of the ledger") && refusal.contains(name), "{refusal}");
        std::fs::write(keys.join(key), own).unwrap();
    }
    std::fs::remove_dir_all(&keys).unwrap();
    copy(&other.directory().join("keys"), &keys);
    let refusal = scene.refusal();
    assert!(refusal.contains("not those of the ledger"), "{refusal}");
    assert_eq!(std::fs::read(scene.segment(0)).unwrap(), before);
    // Verification needs no private key.
    let (code, said) = scene.verify();
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_directory_is_refused_with_the_first_ones_process() {
    let scene = Scene::recorded(&[1]).await;
    let server = scene.ledger.serve(&[]).unwrap();
    let refusal = scene.refusal();
    assert!(refusal.contains(&format!("process {}", server.id())), "{refusal}");
    scene.assert_served(&server).await;
    stop(server);
}

#[test]
fn a_directory_that_is_no_ledger_is_refused_with_what_makes_one() {
    let home = tempfile::tempdir().unwrap();
    let (code, said) =
        run(Command::new(binary().unwrap()).arg("serve").arg(home.path()).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("probity init"), "{said}");
}

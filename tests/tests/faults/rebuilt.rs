//! What comes back by itself, and what only looks as if it belonged to the ledger.

use std::process::Command;

use probity_tests::{TestLedger, binary};

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

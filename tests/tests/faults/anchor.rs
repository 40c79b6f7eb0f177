//! The anchor against the log: it never lets the log become shorter, and says how to go on where it is lost.

use std::path::{Path, PathBuf};
use std::process::Command;

use probity_proto::v1;
use probity_tests::{TestLedger, binary};

use crate::scene::{Scene, copy, flip, run, stop};

/// Where the anchor's second slot is.
const SECOND_SLOT: u64 = 4096;

impl Scene {
    /// Writes the checkpoint of a height, as `probity checkpoint --out` does, and returns its path.
    async fn checkpoint(&self, height: Option<u64>) -> PathBuf {
        let server = self.ledger.serve(&[]).unwrap();
        let mut log = server.log().await.unwrap();
        let checkpoint = log.get_checkpoint(v1::GetCheckpointRequest { height }).await.unwrap().into_inner();
        stop(server);
        let path = self.ledger.home.path().join(format!("{}.checkpoint", checkpoint.tree_size));
        std::fs::write(&path, checkpoint.checkpoint).unwrap();
        path
    }

    fn join(&self, checkpoint: &Path) -> (Option<i32>, String) {
        let directory = self.ledger.directory();
        run(Command::new(binary().unwrap()).arg("init").arg(directory).arg("--join").arg(checkpoint))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_older_than_its_anchor_is_refused() {
    let mut scene = Scene::recorded(&[1, 3]).await;
    let (directory, backup) = (scene.ledger.directory(), scene.ledger.home.path().join("backup"));
    copy(&directory, &backup);
    let server = scene.ledger.serve(&[]).unwrap();
    scene.record(&server, 4).await;
    scene.record(&server, 1).await;
    stop(server);
    let newest = scene.ledger.home.path().join("newest");
    std::fs::rename(&directory, &newest).unwrap();
    std::fs::rename(&backup, &directory).unwrap();

    let frames = scene.frames(0);
    let segment = scene.segment(0);
    let (end, height) = (frames.last().unwrap().end(), frames.len());
    scene.assert_named(&format!("{} offset {end} (block {height},", segment.display()));
    let refusal = scene.refusal();
    assert!(refusal.contains(&format!("{} blocks were released", height + 2)), "{refusal}");
    assert!(refusal.contains("backup"), "it says what has happened and what to do: {refusal}");

    std::fs::rename(&directory, &backup).unwrap();
    std::fs::rename(&newest, &directory).unwrap();
    scene.assert_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_older_than_the_log_catches_up() {
    let mut scene = Scene::recorded(&[1]).await;
    let older = scene.ledger.home.path().join("older");
    copy(&scene.anchor(), &older);
    let server = scene.ledger.serve(&[]).unwrap();
    for count in [3, 1, 20] {
        scene.record(&server, count).await;
    }
    stop(server);
    copy(&older, &scene.anchor());
    scene.assert_whole().await;
    assert_ne!(std::fs::read(scene.anchor()).unwrap(), std::fs::read(older).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_of_another_ledger_is_refused() {
    let (scene, other) = (Scene::recorded(&[1, 1]).await, Scene::recorded(&[1, 1]).await);
    copy(&other.anchor(), &scene.anchor());
    let refusal = scene.refusal();
    assert!(refusal.contains("root"), "{refusal}");
    let (code, said) = scene.verify();
    assert_eq!(code, Some(1), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_anchor_is_made_again_from_a_checkpoint_of_this_ledger_only() {
    let mut scene = Scene::recorded(&[1, 3, 2]).await;
    let other_ledger = Scene::recorded(&[1, 3, 2]).await;
    let other = other_ledger.checkpoint(None).await;
    let earlier = scene.checkpoint(Some(4)).await;
    let before = scene.ledger.home.path().join("before");
    copy(&scene.ledger.directory(), &before);
    let server = scene.ledger.serve(&[]).unwrap();
    scene.record(&server, 1).await;
    stop(server);
    let newest = scene.checkpoint(None).await;

    let (code, said) = scene.join(&newest);
    assert_eq!(code, Some(2), "there is an anchor: {said}");
    std::fs::remove_file(scene.anchor()).unwrap();
    let refusal = scene.refusal();
    assert!(refusal.contains(&scene.anchor().display().to_string()), "{refusal}");
    assert!(refusal.contains("probity init") && refusal.contains("--join"), "it says what to do: {refusal}");
    // It is whole, but there is nothing to hold it against.
    let (code, said) = scene.verify();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("no anchor was found") && said.contains("nothing to hold it against"), "{said}");
    for (checkpoint, code, says) in [
        (&earlier, 0, "contains all that the checkpoint given covers"),
        (&newest, 0, "no anchor was found"),
        (&other, 1, "the checkpoint to hold it against is not one of this ledger"),
    ] {
        let (found, said) = scene.verify_against(checkpoint);
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains(says), "{said}");
    }

    let tampered = scene.ledger.home.path().join("tampered.checkpoint");
    let text = std::fs::read_to_string(&newest).unwrap();
    let size = newest.file_stem().unwrap().to_str().unwrap();
    std::fs::write(&tampered, text.replacen(&format!("\n{size}\n"), "\n1\n", 1)).unwrap();
    for wrong in [&other, &tampered] {
        let (code, said) = scene.join(wrong);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&wrong.display().to_string()) && said.contains("not of this ledger"), "{said}");
        assert!(!scene.anchor().exists());
    }
    // An older copy of the log does not reach the newest checkpoint.
    let directory = scene.ledger.directory();
    let kept = scene.ledger.home.path().join("kept");
    std::fs::rename(&directory, &kept).unwrap();
    std::fs::rename(&before, &directory).unwrap();
    let (code, said) = scene.verify_against(&newest);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("statements are missing: the checkpoint covers {size}")), "{said}");
    let (code, said) = scene.join(&newest);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("no block ends with size {size}")) && !scene.anchor().exists(), "{said}");
    std::fs::rename(&directory, &before).unwrap();
    std::fs::rename(&kept, &directory).unwrap();

    // A damaged log is not vouched for.
    let frame = scene.frames(0).swap_remove(1);
    flip(&scene.segment(0), frame.offset + 20);
    let (code, said) = scene.join(&newest);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&frame.place(&scene.segment(0))) && !scene.anchor().exists(), "{said}");
    flip(&scene.segment(0), frame.offset + 20);

    // What lies above an earlier checkpoint is taken over as after a crash.
    for checkpoint in [newest, earlier] {
        let (code, said) = scene.join(&checkpoint);
        assert_eq!(code, Some(0), "{said}");
        scene.assert_whole().await;
        std::fs::remove_file(scene.anchor()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_with_one_damaged_slot_serves_and_with_none_whole_it_is_refused() {
    let mut scene = Scene::recorded(&[1, 1]).await;
    for slot in [0, SECOND_SLOT, 0, SECOND_SLOT] {
        flip(&scene.anchor(), slot + 30);
        scene.assert_whole().await;
    }
    for slot in [0, SECOND_SLOT] {
        flip(&scene.anchor(), slot + 30);
    }
    let refusal = scene.refusal();
    assert!(refusal.contains(&scene.anchor().display().to_string()), "{refusal}");
    assert!(refusal.contains("--join"), "it says what to do: {refusal}");
    let (code, said) = scene.verify();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&scene.anchor().display().to_string()), "{said}");
}

#[test]
fn a_ledger_is_not_founded_over_the_anchor_of_another() {
    let ledger = TestLedger::found().unwrap();
    std::fs::remove_dir_all(ledger.directory()).unwrap();
    let (code, said) = run(Command::new(binary().unwrap())
        .arg("init")
        .arg(ledger.directory())
        .args(["--origin", "ledger.test/other", "--single-administrator", "--administrator"])
        .arg(ledger.home.path().join("administrator-0.pub")));
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("ledger.anchor"), "{said}");
}

//! A disk that is really full: what cannot be recorded is refused with the reason, and nothing that was is lost.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use probity_proto::v1;
use probity_proto::v1::register_result::Result as Outcome;
use probity_statement::SignedStatement;
use probity_tests::{Server, TestLedger, register};

use crate::scene::{Scene, copy, flip, open, run, stop};

/// Room for the five segments before the first of 64 MiB, but not for that one.
const SMALL: &str = "size=100m";
const LARGE: &str = "size=300m";

/// A file system of its own in memory; gone when dropped.
struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Mounts one over the ledger's log, or says why that is not possible.
    fn mount(path: PathBuf) -> Result<Self, String> {
        std::fs::create_dir_all(&path).unwrap();
        match run(Command::new("mount").args(["-t", "tmpfs", "-o", SMALL, "tmpfs"]).arg(&path)) {
            (Some(0), _) => Ok(Self { path }),
            (_, said) => Err(said),
        }
    }

    fn make_room(&self) {
        let option = format!("remount,{LARGE}");
        let (code, said) = run(Command::new("mount").args(["-o", &option]).arg(&self.path));
        assert_eq!(code, Some(0), "{said}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(run(Command::new("umount").arg("-l").arg(&self.path)));
    }
}

/// A small disk, or `None` where none can be made, which is said past the capture of passing tests' output.
fn small_disk(home: &Path) -> Option<Disk> {
    match Disk::mount(home.join("disk")) {
        Ok(disk) => Some(disk),
        Err(reason) => {
            let said = format!("NOT RUN: no file system of 100 MiB can be mounted here: {reason}\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_volume_refuses_with_the_reason_and_goes_on_once_there_is_room() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = small_disk(home.path()) else { return };
    let ledger = TestLedger::found().unwrap();
    let (log, volume) = (ledger.directory().join("log"), disk.path.join("log"));
    // What `init` made in advance does not fit.
    std::fs::remove_file(log.join("segments/0000000001.segment")).unwrap();
    copy(&log, &volume);
    std::fs::remove_dir_all(&log).unwrap();
    std::os::unix::fs::symlink(&volume, &log).unwrap();

    let mut scene = Scene::recorded_in(ledger, &[1]).await;
    let server = scene.ledger.serve(&[]).unwrap();
    let (refused, refusal) = fill(&mut scene, &server).await;
    assert_eq!((refusal.reason.as_str(), refusal.code), ("NO_ROOM", tonic::Code::Unavailable as i32));
    for part in ["no room", "No space left on device", "0000000005.segment"] {
        assert!(refusal.message.contains(part), "{refusal:?}");
    }
    // It still reads, and still refuses; so it does after a restart.
    assert_no_room(&server, &refused).await;
    scene.assert_served(&server).await;
    stop(server);
    let server = scene.ledger.serve(&[]).unwrap();
    assert_no_room(&server, &refused).await;

    disk.make_room();
    let outcomes = submit(&server, &refused).await;
    for (statement, outcome) in refused.into_iter().zip(outcomes) {
        scene.acknowledge(statement, outcome);
    }
    stop(server);
    damage_a_full_segment(&mut scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_a_byte_for_log_index_and_anchor_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = small_disk(home.path()) else { return };
    disk.make_room();
    let ledger = TestLedger::found_in(tempfile::tempdir_in(&disk.path).unwrap()).unwrap();
    let mut scene = Scene::recorded_in(ledger, &[1, 300]).await;
    std::fs::remove_file(scene.segment(1)).unwrap();
    let filler = disk.path.join("filler");
    let file = std::fs::File::create(&filler).unwrap();
    for size in [1 << 20, 4096] {
        while (&file).write_all(&vec![1; size]).is_ok() {}
    }
    let mut unrecorded = Vec::new();
    for _ in 0..3 {
        let server = match scene.ledger.serve(&[]) {
            Ok(server) => server,
            Err(refusal) => {
                assert!(format!("{refusal:#}").contains("No space left on device"), "{refusal:#}");
                continue;
            }
        };
        scene.assert_served(&server).await;
        let statement = scene.statement("There may be room in the segment.");
        match submit(&server, std::slice::from_ref(&statement)).await.remove(0) {
            Outcome::Refused(why) => {
                assert!(why.message.contains("No space left on device"), "{why:?}");
                unrecorded.push(statement);
            }
            recorded => scene.acknowledge(statement, recorded),
        }
        server.kill().unwrap();
    }
    drop(file);
    std::fs::remove_file(filler).unwrap();
    scene.assert_whole().await;
    let server = scene.ledger.serve(&[]).unwrap();
    let outcomes = submit(&server, &unrecorded).await;
    for (statement, outcome) in unrecorded.into_iter().zip(outcomes) {
        scene.acknowledge(statement, outcome);
    }
    stop(server);
    scene.assert_whole().await;
}

async fn assert_no_room(server: &Server, refused: &[SignedStatement]) {
    for again in submit(server, refused).await {
        let Outcome::Refused(again) = again else { panic!("{again:?}") };
        assert_eq!(again.reason, "NO_ROOM");
    }
}

/// Records long statements until some are refused, and returns those.
async fn fill(scene: &mut Scene, server: &Server) -> (Vec<SignedStatement>, v1::Refused) {
    let purpose = "All work and no play. ".repeat(740);
    loop {
        let statements: Vec<_> = (0..20).map(|_| scene.statement(&purpose)).collect();
        let outcomes = submit(server, &statements).await;
        let (mut refused, mut refusal) = (Vec::new(), None);
        for (statement, outcome) in statements.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Refused(why) => {
                    refused.push(statement);
                    refusal = Some(why);
                }
                recorded => scene.acknowledge(statement, recorded),
            }
        }
        if let Some(refusal) = refusal {
            return (refused, refusal);
        }
    }
}

async fn submit(server: &Server, statements: &[SignedStatement]) -> Vec<Outcome> {
    register(&mut server.registration().await.unwrap(), statements).await.unwrap()
}

/// A full segment is not read when the server starts: whoever reads the damaged block is told, and `verify` finds it.
async fn damage_a_full_segment(scene: &mut Scene) {
    let segment = scene.segment(0);
    let frames = scene.frames(0);
    let frame = &frames[frames.len() / 2];
    let place = frame.place(&segment);
    let at = frame.offset + frame.length / 2;
    flip(&segment, at);
    let server = scene.ledger.serve(&[]).unwrap();
    let mut log = server.log().await.unwrap();
    let index = frame.block.first_index();
    let status = log.get_entry(v1::GetEntryRequest { index }).await.unwrap_err();
    assert!(status.message().contains(&place), "{status}");
    let fine = log.get_entry(v1::GetEntryRequest { index: index - 1 }).await.unwrap().into_inner();
    assert_eq!(fine.index, index - 1, "what is not damaged is still read");
    stop(server);
    let (code, said) = scene.verify();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&place), "{said}");
    flip(&segment, at);

    let length = open(&segment).metadata().unwrap().len();
    let mut end = vec![0; 10];
    open(&segment).read_exact_at(&mut end, length - 10).unwrap();
    open(&segment).set_len(length - 10).unwrap();
    scene.assert_named(&format!("{}", segment.display()));
    open(&segment).write_all_at(&end, length - 10).unwrap();

    let hidden = segment.with_extension("hidden");
    std::fs::rename(&segment, &hidden).unwrap();
    scene.assert_named(&format!("{}", segment.display()));
    std::fs::rename(&hidden, &segment).unwrap();
    scene.assert_whole().await;
}

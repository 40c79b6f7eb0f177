//! Every step of a commit is made to fail in every way, and followed by power cuts.

use std::sync::Arc;

use probity_log::simulated_disk::{Mode, SimulatedDisk, Survivors};
use probity_registrar::{Registered, Rejection, Submission, Unavailable};

use crate::scene::{FOUNDING, Scene, acknowledged, all_unavailable, register};

const MODES: [Mode; 7] = [
    Mode::Fails,
    Mode::FailsDone,
    Mode::FailsHalfway,
    Mode::WritesOneByte,
    Mode::EndsBefore,
    Mode::EndsAfter,
    Mode::EndsHalfway,
];
const SURVIVORS: [Survivors; 4] = [Survivors::All, Survivors::None, Survivors::Later, Survivors::Some];

/// Statements that are handed in one after another: each is a block.
const STATEMENTS: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn whichever_step_of_a_commit_fails_nothing_acknowledged_is_lost_and_nothing_is_recorded_twice() {
    let scene = Scene::with_small_segments();
    let statements: Vec<Submission> = (0..STATEMENTS).map(|number| scene.statement(number)).collect();
    for mode in MODES {
        for step in 0.. {
            let disk = scene.disk.copy();
            let (taken, has_failed) = session(&scene, &disk, &statements, step, mode).await;
            if !has_failed {
                assert!(step > 2 * STATEMENTS as usize, "{mode:?}: a commit has more than {step} steps");
                break;
            }
            for survivors in SURVIVORS {
                let what = format!("{mode:?} at step {step}, survivors {survivors:?}");
                check(&scene, &disk.after_power_cut(survivors), &statements, &taken, &what).await;
            }
        }
    }
}

/// Hands statements in while a step fails, and says which were acknowledged and whether it did.
async fn session(
    scene: &Scene,
    disk: &SimulatedDisk,
    statements: &[Submission],
    step: usize,
    mode: Mode,
) -> (Vec<Option<Registered>>, bool) {
    let log = Arc::new(scene.log_on(disk).unwrap());
    let registrar = scene.registrar(log);
    disk.fail_at(step, mode);
    let mut taken = Vec::new();
    for statement in statements {
        taken.push(acknowledged(&registrar, statement).await);
    }
    registrar.stop().await;
    (taken, disk.has_failed())
}

async fn check(
    scene: &Scene,
    disk: &SimulatedDisk,
    statements: &[Submission],
    taken: &[Option<Registered>],
    what: &str,
) {
    let log = Arc::new(scene.log_on(disk).unwrap_or_else(|error| panic!("{what}: {error}")));
    let registrar = scene.registrar(log);
    for (submission, recorded) in statements.iter().zip(taken) {
        if let Some(recorded) = recorded {
            scene.assert_recorded(&registrar, submission, recorded);
        }
    }
    let mut indices = Vec::new();
    for (submission, recorded) in statements.iter().zip(taken) {
        let again = acknowledged(&registrar, submission).await.unwrap_or_else(|| panic!("{what}: not taken again"));
        scene.assert_recorded(&registrar, submission, &again);
        if let Some(recorded) = recorded {
            assert!(again.already_recorded, "{what}: recorded twice");
            assert_eq!((again.index, &again.receipt), (recorded.index, &recorded.receipt), "{what}");
        }
        indices.push(again.index);
    }
    indices.sort_unstable();
    assert_eq!(indices, (FOUNDING..FOUNDING + STATEMENTS).collect::<Vec<_>>(), "{what}");
    assert_eq!(registrar.head().tree_size, FOUNDING + STATEMENTS, "{what}");
    registrar.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_takes_the_same_statements_once_there_is_room() {
    let scene = Scene::with_small_segments();
    let log = Arc::new(scene.log_on(&scene.disk).unwrap());
    let registrar = scene.registrar(log);
    scene.disk.fail_at(0, Mode::Full);
    let mut number = 0;
    // The segments that were made in advance are filled first.
    let refused = loop {
        assert!(number < 1_000, "the disk is never full");
        let results = register(&registrar, vec![scene.statement(number)]).await.unwrap();
        if results[0].is_err() {
            break all_unavailable(results);
        }
        number += 1;
    };
    assert!(matches!(refused, Unavailable::NoRoom(_)), "{refused:?}");
    assert_eq!(registrar.head().tree_size, FOUNDING + number);
    // Reads go on.
    registrar.ledger().block_of(FOUNDING + number - 1).unwrap();
    scene.disk.make_room();
    for again in number..number + 3 {
        let recorded = acknowledged(&registrar, &scene.statement(again)).await.unwrap();
        assert_eq!((recorded.index, recorded.already_recorded), (FOUNDING + again, false));
    }
    registrar.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_cannot_be_read_back_is_told_as_that_and_halts_nothing() {
    let scene = Scene::with_small_segments();
    let registrar = scene.registrar(Arc::new(scene.log_on(&scene.disk).unwrap()));
    let submission = scene.statement(0);
    let recorded = acknowledged(&registrar, &submission).await.unwrap();
    let segments = scene.disk.files().into_iter().filter(|path| path.extension().is_some_and(|it| it == "segment"));
    for path in segments {
        let mut contents = scene.disk.contents(&path);
        let is_there = |bytes: &[u8]| bytes == &submission.statement[..];
        if let Some(at) = contents.windows(submission.statement.len()).position(is_there) {
            contents[at + 100] ^= 1;
            scene.disk.set_contents(&path, contents);
        }
    }
    let again = register(&registrar, vec![submission.clone()]).await.unwrap().remove(0);
    match again {
        Err(Rejection::Unreadable { index, .. }) => assert_eq!(index, recorded.index),
        other => panic!("{other:?}"),
    }
    assert!(registrar.watch_halt().borrow().is_none());
    let next = acknowledged(&registrar, &scene.statement(1)).await.unwrap();
    assert_eq!(next.index, recorded.index + 1);
    registrar.stop().await;
}

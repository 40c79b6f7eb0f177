//! News of blocks in flight, in every order in which it can come.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use probity_log::storage::Operation;
use probity_log::{AppendError, StorageError, Unavailable as NoBlock};
use probity_registrar::{RegisterError, Registrar, Unavailable};
use tokio::task::JoinHandle;

use crate::held::Held;
use crate::scene::{FOUNDING, Scene, acknowledged, all_unavailable, register, within};

fn disk_full() -> AppendError {
    let source = io::ErrorKind::StorageFull.into();
    let error = StorageError { operation: Operation::Create, path: PathBuf::from("next.segment"), source };
    AppendError::Unavailable(Arc::new(NoBlock::NoSegment(error)))
}

/// The bytes that may wait, as the scene opens registrars.
const MAX_WAITING: usize = 16 << 20;

struct Running {
    scene: Scene,
    log: Arc<Held>,
    registrar: Arc<Registrar>,
}

impl Running {
    fn start() -> Self {
        let scene = Scene::with_large_segments();
        let log = Held::new(scene.log_on(&scene.disk).unwrap());
        let registrar = scene.registrar(log.clone());
        Self { scene, log, registrar }
    }

    /// Hands statements in; the answer is the task's.
    fn hand_in(&self, submissions: Vec<probity_registrar::Submission>) -> JoinHandle<Answer> {
        let registrar = self.registrar.clone();
        tokio::spawn(async move { register(&registrar, submissions).await })
    }
}

type Answer =
    Result<Vec<Result<probity_registrar::Registered, probity_registrar::Rejection>>, probity_registrar::RegisterError>;

async fn answer(task: JoinHandle<Answer>) -> Answer {
    within("an answer comes", task).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_is_refused_takes_nothing_from_an_earlier_one_that_is_durable() {
    let running = Running::start();
    let Running { scene, log, registrar } = &running;
    let (first, many) = (scene.statement(0), scene.more_than_a_block(1));
    let earlier = running.hand_in(vec![first.clone()]);
    let mut blocks = log.take(1).await;
    // They fill the next block, which then is in flight together with the first.
    let later = running.hand_in(many.clone());
    blocks.extend(log.take(1).await);
    let [one, two] = blocks.try_into().unwrap();
    assert!(two.statements() > 1 && two.statements() < many.len(), "{} statements", two.statements());

    // The log refuses the second at once, while the first is still on its way to the disk.
    two.refuse(disk_full());
    log.write(one).await;

    let recorded = answer(earlier).await.unwrap().remove(0).unwrap();
    assert_eq!(recorded.index, FOUNDING);
    scene.assert_recorded(registrar, &first, &recorded);
    let refused = all_unavailable(answer(later).await.unwrap());
    assert!(matches!(refused, Unavailable::NoRoom(_)), "{refused:?}");

    // What was refused was not recorded, and is when it is handed in again.
    let again = running.hand_in(many.clone());
    let taken = log.take(1).await;
    for block in taken {
        log.write(block).await;
    }
    log.write_next().await;
    let again = answer(again).await.unwrap();
    for (index, (submission, result)) in (FOUNDING + 1..).zip(many.iter().zip(again)) {
        let recorded = result.unwrap();
        assert_eq!((recorded.index, recorded.already_recorded), (index, false));
        scene.assert_recorded(registrar, submission, &recorded);
    }
    registrar.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_news_of_a_block_that_was_given_up_is_not_taken_for_news_of_its_successor() {
    let running = Running::start();
    let Running { scene, log, registrar } = &running;
    let earlier = running.hand_in(vec![scene.statement(0)]);
    let mut blocks = log.take(1).await;
    let later = running.hand_in(scene.more_than_a_block(1));
    blocks.extend(log.take(1).await);
    let [one, two] = blocks.try_into().unwrap();

    one.refuse(disk_full());
    for task in [earlier, later] {
        let refused = all_unavailable(answer(task).await.unwrap());
        assert!(matches!(refused, Unavailable::NoRoom(_)), "{refused:?}");
    }
    // The same height again, by other statements, before it is known what became of the old one.
    let submission = scene.statement(100);
    let next = running.hand_in(vec![submission.clone()]);
    let [again] = log.take(1).await.try_into().unwrap();
    // A log refuses what is queued behind a refused block.
    two.refuse(AppendError::Conflict { head: None });
    log.write(again).await;
    let recorded = answer(next).await.unwrap().remove(0).unwrap();
    assert_eq!(recorded.index, FOUNDING);
    scene.assert_recorded(registrar, &submission, &recorded);
    assert!(registrar.watch_halt().borrow().is_none());
    registrar.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_statement_is_answered_only_when_the_first_one_is_durable() {
    let running = Running::start();
    let Running { scene, log, registrar } = &running;
    let submission = scene.statement(0);
    let first = running.hand_in(vec![submission.clone()]);
    let [block] = log.take(1).await.try_into().unwrap();
    let second = running.hand_in(vec![submission.clone()]);
    // It passes through the same queue, so the second is judged once this one is turned away.
    let later = running.hand_in(scene.more_than_a_block(1));
    drop(log.take(1).await);
    assert!(!second.is_finished(), "answered before the block is durable");
    block.refuse(disk_full());
    for task in [first, second] {
        let refused = all_unavailable(answer(task).await.unwrap());
        assert!(matches!(refused, Unavailable::NoRoom(_)), "{refused:?}");
    }
    later.abort();
    registrar.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_halts_and_the_next_start_finds_what_was_recorded() {
    let Running { scene, log, registrar } = Running::start();
    let submission = scene.statement(0);
    let task = {
        let (registrar, submission) = (registrar.clone(), submission.clone());
        tokio::spawn(async move { register(&registrar, vec![submission]).await })
    };
    let [block] = log.take(1).await.try_into().unwrap();
    log.write_unknown(block).await;
    let refused = all_unavailable(answer(task).await.unwrap());
    assert!(matches!(refused, Unavailable::Halted(_)), "{refused:?}");
    assert!(acknowledged(&registrar, &scene.statement(1)).await.is_none(), "a halted ledger takes statements");
    registrar.stop().await;
    drop((registrar, log));

    let log = Arc::new(scene.log_on(&scene.disk).unwrap());
    let registrar = scene.registrar(log);
    let recorded = acknowledged(&registrar, &submission).await.unwrap();
    assert_eq!((recorded.index, recorded.already_recorded), (FOUNDING, true));
    let next = acknowledged(&registrar, &scene.statement(1)).await.unwrap();
    assert_eq!((next.index, next.already_recorded), (FOUNDING + 1, false));
    registrar.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_limited_in_bytes_as_well() {
    let running = Running::start();
    let Running { scene, log, registrar } = &running;
    let bytes = |many: &[probity_registrar::Submission]| many.iter().map(|one| one.statement.len()).sum::<usize>();
    let (mut waiting, mut tasks, mut number) = (0, Vec::new(), 0);
    // Nothing is durable yet, so that all of it waits.
    let refused = loop {
        let many = scene.more_than_a_block(number);
        number += many.len() as u64;
        let more = bytes(&many);
        let owner = registrar.clone();
        let mut handed_in = Box::pin(async move { register(&owner, many).await });
        // What there is no room for is refused before anything else is done with it.
        match futures::poll!(&mut handed_in) {
            std::task::Poll::Ready(answered) => break answered.unwrap_err(),
            std::task::Poll::Pending => tasks.push(tokio::spawn(handed_in)),
        }
        waiting += more;
        assert!(waiting <= MAX_WAITING, "{waiting} bytes wait");
    };
    match refused {
        RegisterError::Overloaded { limit, what, .. } => {
            assert_eq!((limit, what), (MAX_WAITING, "bytes of statements"));
        }
        other => panic!("{other}"),
    }
    // There is room again when what waits is answered.
    let refusing = async {
        loop {
            log.take(1).await.into_iter().for_each(|waiting| waiting.refuse(disk_full()));
        }
    };
    tokio::select! {
        () = refusing => {}
        answers = futures::future::join_all(tasks) => assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok())),
    }
    let again = running.hand_in(scene.more_than_a_block(0));
    for waiting in log.take(1).await {
        log.write(waiting).await;
    }
    log.write_next().await;
    assert!(answer(again).await.unwrap().iter().all(Result::is_ok));
    registrar.stop().await;
}

//! What became of a block is found out before anything else is sent.

use std::time::Duration;

use probity_log::conformance::Ledger;
use probity_log::{AppendError, FileLogOptions, JetStreamLog, Log, NatsOptions, Prepared, abandoned};
use probity_tests::nats::{NatsSetup, Relay};

use crate::world::{World, released, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_block_waits_for_a_server_that_was_killed() {
    let mut world = World::with_blocks(3).await;
    world.agreed().await;
    world.nats.kill().unwrap();
    let block = world.ledger.block(2);
    let mut waiting = world.log.enqueue(block.clone());
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(world.released().len(), 3);
    world.until(|status| status.unsettled == Some(3)).await;
    world.nats.restart().unwrap();
    soon(waiting).await.unwrap();
    assert_eq!(world.released().last(), Some(&block));
    world.until(|status| status.unsettled.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_whose_acknowledgement_was_lost_is_there_once() {
    let nats = NatsSetup::new().start().unwrap();
    let mut world = World::on(nats, 3).await;
    world.log.close().await;
    let relay = Relay::to(world.nats.port()).unwrap();
    let through = NatsOptions::new(relay.url());
    world.log = JetStreamLog::open(&world.options(), world.ledger.verifier(), &through).await.unwrap();
    world.agreed().await;
    // The server hears us, we do not hear it.
    relay.hold_replies();
    let block = world.ledger.block(2);
    let waiting = world.log.enqueue(block.clone());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.released().len(), 3, "released without an acknowledgement");
    relay.cut();
    tokio::time::sleep(Duration::from_millis(200)).await;
    relay.mend();
    soon(waiting).await.unwrap();
    let info = world.intruder().await.get_stream(world.name().stream).await.unwrap().cached_info().clone();
    assert_eq!(info.state.last_sequence, 4);
    assert_eq!(world.released().last(), Some(&block));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_was_never_answered_is_sent_again_unchanged_by_the_next_process() {
    let mut world = World::with_blocks(3).await;
    world.agreed().await;
    world.nats.kill().unwrap();
    let block = world.ledger.block(2);
    let waiting = world.log.enqueue(block.clone());
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.log.close().await;
    assert!(matches!(waiting.await, Err(AppendError::OutcomeUnknown { height: 3 })));
    world.nats.restart().unwrap();
    world.log = world.open().await;
    assert_eq!(world.released().len(), 3);
    assert_eq!(world.log.prepare().await.unwrap(), Prepared::Ready);
    assert_eq!(world.released().last(), Some(&block));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_lost_against_another_is_kept_aside_and_the_other_is_taken_in() {
    let mut world = World::with_blocks(3).await;
    let second = world.second("second").await;
    second.adopt(world.released()).await.unwrap();
    // Two more, of which the first loses.
    let theirs = world.ledger.alternative(1, "theirs");
    second.enqueue(theirs.clone()).await.unwrap();
    let (lost, behind) = (world.ledger.block(2), world.ledger.block(1));
    let answers = (world.log.enqueue(lost.clone()), world.log.enqueue(behind.clone()));
    for answer in [answers.0.await, answers.1.await] {
        assert!(matches!(answer, Err(AppendError::Conflict { .. })), "{answer:?}");
    }
    assert_eq!(world.released().len(), 3);

    // Across a restart too, nothing of it is released.
    world.reopen().await;
    assert_eq!(world.released().len(), 3);
    assert!(matches!(world.log.prepare().await, Err(AppendError::Conflict { .. })));
    world.log.adopt(vec![theirs.clone()]).await.unwrap();
    assert_eq!(world.released().last(), Some(&theirs));
    let kept = abandoned(&world.options()).unwrap();
    let kept: Vec<_> = kept.iter().map(|path| std::fs::read(path).unwrap()).collect();
    // Whether the second was written at all depends on when it came.
    let all = [lost.bytes().to_vec(), behind.bytes().to_vec()];
    assert!(!kept.is_empty() && kept == all[..kept.len()]);

    // And it goes on from there, also after the next start.
    world.reopen().await;
    assert_eq!(world.log.prepare().await.unwrap(), Prepared::Ready);
    let mut ledger = Ledger::new();
    ledger.blocks(3);
    ledger.accept(&theirs);
    world.log.enqueue(ledger.block(3)).await.unwrap();
    assert_eq!(world.released(), {
        let mut all = released(&second);
        all.push(world.released().pop().unwrap());
        all
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_given_up_across_segments_leave_nothing_behind() {
    // Segments hold a mebibyte, so each of these needs one of its own.
    let large = |ledger: &mut Ledger, byte: u8| {
        let block = ledger.of_statements(&vec![vec![byte; 60_000]; 11]);
        ledger.accept(&block);
        block
    };
    let mut world = World::with_blocks(2).await;
    let released = large(&mut world.ledger, b'r');
    world.log.enqueue(released.clone()).await.unwrap();
    let second = world.second("second").await;
    second.adopt(world.released()).await.unwrap();
    let theirs = world.ledger.alternative(1, "theirs");
    second.enqueue(theirs.clone()).await.unwrap();
    let lost = large(&mut world.ledger, b'x');
    assert!(matches!(world.log.enqueue(lost).await, Err(AppendError::Conflict { .. })));
    let behind = large(&mut world.ledger, b'x');
    assert!(matches!(world.log.enqueue(behind).await, Err(AppendError::Conflict { .. })));
    world.log.adopt(vec![theirs.clone()]).await.unwrap();
    assert_eq!(abandoned(&world.options()).unwrap().len(), 1, "what came behind the lost one was not written at all");
    let mut ledger = Ledger::new();
    ledger.blocks(2);
    ledger.accept(&released);
    ledger.accept(&theirs);
    for _ in 0..3 {
        world.log.enqueue(large(&mut ledger, b'y')).await.unwrap();
    }
    let before = world.released();
    world.reopen().await;
    assert_eq!(world.released(), before);
    assert_eq!(world.log.prepare().await.unwrap(), Prepared::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_server_delays_and_loses_nothing() {
    let mut world = World::with_blocks(2).await;
    world.agreed().await;
    world.nats.pause().unwrap();
    let blocks = world.ledger.blocks(3);
    let waiting: Vec<_> = blocks.iter().map(|block| world.log.enqueue(block.clone())).collect();
    // Longer than an answer is waited for, so that what was sent is sent again.
    tokio::time::sleep(Duration::from_secs(7)).await;
    world.nats.resume().unwrap();
    for answer in waiting {
        soon(answer).await.unwrap();
    }
    assert_eq!(world.released()[2..], blocks);
    assert_eq!(world.log.compare(|_| {}).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_death_of_the_streams_leader_delays_and_loses_nothing() {
    let mut cluster = NatsSetup::new().start_cluster().unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::new();
    let options = FileLogOptions::new(home.path().join("log"));
    let nats = NatsOptions::new(cluster.url());
    let log = JetStreamLog::create(&options, ledger.verifier(), &nats, 3).await.unwrap();
    for block in ledger.blocks(5) {
        log.enqueue(block).await.unwrap();
    }
    let stream = probity_log::StreamName::of(ledger.verifier().origin()).stream;
    let leader = cluster.leader_of(&stream).unwrap();
    cluster.kill(leader).unwrap();
    for block in ledger.blocks(5) {
        soon(log.enqueue(block)).await.unwrap();
    }
    cluster.restart(leader).unwrap();
    for block in ledger.blocks(5) {
        soon(log.enqueue(block)).await.unwrap();
    }
    assert_eq!(log.compare(|_| {}).await.unwrap(), None);
    assert_eq!(released(&log).len(), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_has_arrives_in_order_and_goes_on() {
    use futures::StreamExt as _;
    let mut world = World::with_blocks(10).await;
    let mut arrivals = world.log.arrivals(4);
    let mut seen = Vec::new();
    while seen.len() < 6 {
        seen.extend(soon(arrivals.next()).await.unwrap().unwrap());
    }
    let more = world.ledger.blocks(2);
    for block in &more {
        world.log.enqueue(block.clone()).await.unwrap();
    }
    while seen.len() < 8 {
        seen.extend(soon(arrivals.next()).await.unwrap().unwrap());
    }
    assert_eq!(seen, world.released()[4..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_ahead_never_sees_a_block_that_is_given_up() {
    use futures::StreamExt as _;
    let mut world = World::with_blocks(20).await;
    let second = world.second("second").await;
    second.adopt(world.released()).await.unwrap();
    let theirs = world.ledger.alternative(1, "theirs");
    second.enqueue(theirs.clone()).await.unwrap();
    // Ours lies in the file right behind what is released, where a reader's window takes it in.
    assert!(matches!(world.log.enqueue(world.ledger.alternative(1, "ours")).await, Err(AppendError::Conflict { .. })));
    let mut following = world.log.follow(0);
    for released in world.released() {
        assert_eq!(soon(following.next()).await.unwrap().unwrap(), released);
    }
    world.log.adopt(vec![theirs.clone()]).await.unwrap();
    world.ledger.accept(&theirs);
    assert_eq!(soon(following.next()).await.unwrap().unwrap(), theirs);
    // Enough at once for it to read ahead again.
    let more: Vec<_> = world.ledger.blocks(8);
    for block in &more {
        world.log.enqueue(block.clone()).await.unwrap();
    }
    for block in more {
        assert_eq!(soon(following.next()).await.unwrap().unwrap(), block);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_block_in_a_new_place_is_named_and_not_taken_for_known() {
    use futures::StreamExt as _;
    let world = World::with_blocks(4).await;
    let old = world.released()[1].clone();
    let intruder = world.intruder().await;
    intruder.publish(world.name().subject, old.bytes().to_vec().into()).await.unwrap().await.unwrap();
    let mut arrivals = world.log.arrivals(4);
    let arrived = soon(arrivals.next()).await.unwrap();
    match arrived {
        Err(probity_log::ArrivalError::Disagrees(found)) => {
            assert!(found.to_string().contains("block 4 (from index"), "{found}");
        }
        other => panic!("{other:?}"),
    }
}

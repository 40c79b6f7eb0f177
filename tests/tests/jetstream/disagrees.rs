//! Whatever is done to the stream behind our back is found, named, and appended to by nobody.

use probity_log::{AppendError, Block, Disagreement, JetStreamError, Log, Repair};

use crate::world::World;

/// Nothing is appended any more, for this reason; everything released is still read.
async fn refuses(world: &mut World) -> Disagreement {
    let before = world.released();
    let disagreement = world.halted().await;
    let next = world.ledger.alternative(1, "late");
    match world.log.enqueue(next).await {
        Err(AppendError::Halted(reason)) => assert_eq!(*reason, disagreement),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.released(), before);
    disagreement
}

/// Puts another stream with the same settings and these messages in the place of the ledger's.
async fn put_instead(world: &World, messages: impl Iterator<Item = Vec<u8>>) {
    let (intruder, name) = (world.intruder().await, world.name());
    let config = intruder.get_stream(&name.stream).await.unwrap().cached_info().config.clone();
    intruder.delete_stream(&name.stream).await.unwrap();
    intruder.create_stream(config).await.unwrap();
    for message in messages {
        intruder.publish(name.subject.clone(), message.into()).await.unwrap().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_deleted_halts() {
    let mut world = World::with_blocks(5).await;
    world.agreed().await;
    world.intruder().await.delete_stream(world.name().stream).await.unwrap();
    let found = refuses(&mut world).await;
    assert!(matches!(found, Disagreement::NoStream { .. }), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_created_anew_halts_even_with_the_same_blocks_in_it() {
    let mut world = World::with_blocks(5).await;
    world.agreed().await;
    world.log.close().await;
    put_instead(&world, world.released().iter().map(|block| block.bytes().to_vec())).await;
    world.log = world.open().await;
    let found = refuses(&mut world).await;
    assert!(matches!(found, Disagreement::Recreated { .. }), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_no_longer_keep_what_is_given_halt_and_are_named() {
    let mut world = World::with_blocks(3).await;
    world.agreed().await;
    let intruder = world.intruder().await;
    let mut config = intruder.get_stream(world.name().stream).await.unwrap().cached_info().config.clone();
    config.max_age = std::time::Duration::from_secs(86_400);
    config.allow_direct = true;
    intruder.update_stream(config).await.unwrap();
    let found = refuses(&mut world).await.to_string();
    assert!(
        found.contains("max_age is 86400s, not 0ns") && found.contains("allow_direct is true, not false"),
        "{found}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_block_in_an_earlier_place_halts_with_height_and_index() {
    let mut world = World::with_blocks(6).await;
    world.agreed().await;
    world.log.close().await;
    // The same stream as far as its name and its length go, but for one statement.
    let forged = world.released().into_iter().map(|block| {
        let mut bytes = block.bytes().to_vec();
        if block.height() == 2 {
            let word = bytes.windows(9).rposition(|window| window == b"statement").unwrap();
            bytes[word] ^= 1;
        }
        bytes
    });
    put_instead(&world, forged).await;
    // Without the note of which stream it was, only the blocks tell.
    std::fs::remove_file(world.options().dir().join("stream")).unwrap();
    world.log = world.open().await;
    world.agreed().await;
    let difference = world.log.compare(|_| {}).await.unwrap().expect("there is a difference");
    let (height, last) = (2, world.released()[2].tree_size() - 1);
    assert_eq!(difference, Disagreement::Differs { height, index: last });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_block_is_compared_without_being_asked() {
    let mut world = World::with_blocks(4).await;
    world.agreed().await;
    world.log.close().await;
    let mut rival = probity_log::conformance::Ledger::new();
    let blocks = rival.blocks(3).into_iter().chain([rival.alternative(1, "rival")]);
    put_instead(&world, blocks.map(|block| block.bytes().to_vec())).await;
    std::fs::remove_file(world.options().dir().join("stream")).unwrap();
    world.log = world.open().await;
    let found = refuses(&mut world).await;
    assert!(matches!(found, Disagreement::Differs { height: 3, .. }), "{found}");
}

/// Cuts the last `blocks` messages from the server's files while it is down.
fn lose(world: &mut World, blocks: usize) {
    world.nats.stop().unwrap();
    world.nats.lose(&world.name().stream, blocks).unwrap();
    world.nats.restart().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_lost_behind_an_acknowledgement_halt_and_are_put_back_by_repair() {
    let mut world = World::with_blocks(8).await;
    world.agreed().await;
    lose(&mut world, 3);
    let index = world.released()[5].first_index();
    let found = refuses(&mut world).await;
    assert_eq!(found, Disagreement::Shorter { anchored: 8, found: 5, index });
    world.log.close().await;

    let (options, verifier, nats) = (world.options(), world.ledger.verifier(), world.nats_options());
    let repair = Repair::examine(&options, verifier.clone(), &nats, |_, _| {}).await.unwrap();
    assert_eq!((repair.shortfall().in_stream, repair.shortfall().released), (5, 8));
    repair.put_back(1, |_, _| {}).await.unwrap();
    drop(repair);
    let again = Repair::examine(&options, verifier, &nats, |_, _| {}).await.unwrap();
    assert!(again.shortfall().is_none(), "{:?}", again.shortfall());
    drop(again);

    world.log = world.open().await;
    world.agreed().await;
    assert_eq!(world.log.compare(|_| {}).await.unwrap(), None);
    let next = world.ledger.block(2);
    world.log.enqueue(next).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn repair_leaves_a_stream_alone_that_went_another_way() {
    let mut world = World::with_blocks(6).await;
    world.agreed().await;
    lose(&mut world, 2);
    world.halted().await;
    world.log.close().await;
    let mut rival = probity_log::conformance::Ledger::new();
    rival.blocks(4);
    let other = rival.alternative(1, "rival");
    let intruder = world.intruder().await;
    intruder.publish(world.name().subject, other.bytes().to_vec().into()).await.unwrap().await.unwrap();
    let examined = Repair::examine(&world.options(), world.ledger.verifier(), &world.nats_options(), |_, _| {}).await;
    match examined {
        Err(JetStreamError::Disagrees(Disagreement::Differs { height: 4, .. })) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_the_servers_files_is_found() {
    let mut world = World::with_blocks(8).await;
    world.agreed().await;
    world.nats.stop().unwrap();
    let file = world.nats.message_files(&world.name().stream).unwrap().pop().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let statement = world.released()[4].statements().next().unwrap().to_vec();
    let at = bytes.windows(statement.len()).position(|window| window == statement).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    world.nats.restart().unwrap();
    // The server may notice and cut its messages off there, or give out what it has; both must be found.
    let whole = tokio::time::timeout(std::time::Duration::from_secs(8), world.halted()).await;
    let found = match whole {
        Ok(found) => found,
        Err(_) => world.log.compare(|_| {}).await.unwrap().expect("it is found when everything is compared"),
    };
    let named = match found {
        Disagreement::Shorter { found, .. } => found,
        Disagreement::Differs { height, .. } | Disagreement::Missing { height, .. } => height,
        Disagreement::Deleted { .. } => 4,
        other => panic!("{other}"),
    };
    assert_eq!(named, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_snapshot_of_the_stream_halts() {
    let mut world = World::with_blocks(5).await;
    world.agreed().await;
    world.nats.stop().unwrap();
    let store = world.nats.store_dir();
    let copy = world.home.path().join("snapshot");
    copy_dir(&store, &copy);
    world.nats.restart().unwrap();
    for block in world.ledger.blocks(4) {
        world.log.enqueue(block).await.unwrap();
    }
    world.nats.stop().unwrap();
    std::fs::remove_dir_all(&store).unwrap();
    copy_dir(&copy, &store);
    world.nats.restart().unwrap();
    let found = refuses(&mut world).await;
    assert!(matches!(found, Disagreement::Shorter { anchored: 9, found: 5, .. }), "{found}");
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_dir(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_log_on_a_stream_do_not_open_without_it() {
    let world = World::with_blocks(3).await;
    world.log.close().await;
    let opened = probity_log::FileLog::open(&world.options(), world.ledger.verifier());
    assert!(matches!(opened, Err(probity_log::OpenError::OnStream { .. })), "{opened:?}");
}

/// What the fence does not do, and why one block is on its way at a time.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_takes_a_block_behind_a_rival_whose_sequence_fits() {
    let world = World::with_blocks(2).await;
    let (mut ours, mut rival) = (probity_log::conformance::Ledger::new(), probity_log::conformance::Ledger::new());
    ours.blocks(2);
    rival.blocks(2);
    let theirs = rival.alternative(2, "rival");
    let (first, second) = (ours.block(1), ours.block(1));
    let intruder = world.intruder().await;
    let publish = async |block: &Block| {
        let message = async_nats::jetstream::message::PublishMessage::build()
            .payload(block.bytes().to_vec().into())
            .expected_last_sequence(block.height());
        intruder.send_publish(world.name().subject, message).await.unwrap().await
    };
    publish(&theirs).await.unwrap();
    publish(&first).await.unwrap_err();
    publish(&second).await.expect("the server compares sequences, not contents; if it does not any more, pipeline");
}

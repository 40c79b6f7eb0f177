//! The NATS servers that other tests start do what their names say: they lose nothing when killed, stand still when
//! paused, elect another leader, and a relay really cuts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions};
use probity_tests::nats::{NatsCluster, NatsServer, NatsSetup, Relay};

const SUBJECT: &str = "probity.harness.blocks";
const STREAM: &str = "PROBITY_HARNESS_BLOCKS";

async fn client(url: &str) -> Client {
    let addresses: Vec<String> = url.split(',').map(str::to_owned).collect();
    ConnectOptions::new().request_timeout(Some(Duration::from_secs(2))).connect(addresses).await.unwrap()
}

async fn create_stream(client: &Client, num_replicas: usize) -> jetstream::Context {
    let context = jetstream::new(client.clone());
    let subjects = vec![SUBJECT.to_owned()];
    let config = stream::Config { name: STREAM.to_owned(), subjects, num_replicas, ..Default::default() };
    context.create_stream(config).await.unwrap();
    context
}

async fn publish(context: &jetstream::Context, text: &'static str) -> Option<u64> {
    Some(context.publish(SUBJECT, text.into()).await.ok()?.await.ok()?.sequence)
}

/// The same until somebody answers: for a moment not every node knows of a new stream or leader.
async fn publish_patiently(context: &jetstream::Context, text: &'static str) -> u64 {
    for _ in 0..50 {
        if let Some(sequence) = publish(context, text).await {
            return sequence;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody takes a message");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_comes_back_where_it_was_with_what_it_had() {
    let mut server = NatsServer::start().unwrap();
    let (url, id) = (server.url(), server.id().unwrap());
    let context = create_stream(&client(&url).await, 1).await;
    assert_eq!(publish(&context, "first").await, Some(1));
    assert!(server.store_dir().join("$G/streams").join(STREAM).is_dir(), "the store is elsewhere");
    assert_eq!(server.ask("/jsz").unwrap()["config"]["sync_always"], true);

    server.kill().unwrap();
    assert!(!server.is_running());
    assert!(async_nats::connect(&url).await.is_err(), "it still answers");
    server.restart().unwrap();

    assert_eq!(server.url(), url);
    assert_ne!(server.id().unwrap(), id);
    let context = jetstream::new(client(&url).await);
    assert_eq!(context.get_stream(STREAM).await.unwrap().get_raw_message(1).await.unwrap().payload, "first");
    assert_eq!(publish(&context, "second").await, Some(2));
    server.stop().unwrap();
    assert!(async_nats::connect(&url).await.is_err(), "it still answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_server_answers_only_after_it_goes_on() {
    let server = NatsServer::start().unwrap();
    let context = create_stream(&client(&server.url()).await, 1).await;
    server.pause().unwrap();
    let waiting = tokio::spawn(async move { publish(&context, "late").await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "a paused server answered");
    server.resume().unwrap();
    assert_eq!(waiting.await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_takes_more_lines_and_says_why_it_does_not_start() {
    let server = NatsSetup::new().with_lazy_sync().with_lines("no_such_key: 1").start();
    let said = format!("{:#}", server.unwrap_err());
    assert!(said.contains("no_such_key"), "{said}");
    let server =
        NatsSetup::new().with_lazy_sync().with_lines("authorization { user: a, password: b }").start().unwrap();
    assert_ne!(server.ask("/jsz").unwrap()["config"]["sync_always"], true);
    assert!(async_nats::connect(server.url()).await.is_err(), "the lines were ignored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_cuts_one_client_off_and_mends() {
    let server = NatsServer::start().unwrap();
    let relay = Relay::to(server.port()).unwrap();
    let near = create_stream(&client(&server.url()).await, 1).await;
    let far_client = client(&relay.url()).await;
    let far = jetstream::new(far_client.clone());
    assert_eq!(publish(&far, "through").await, Some(1));

    relay.hold_replies();
    let unanswered = tokio::spawn(async move { publish(&far, "heard, not answered").await });
    let stream = near.get_stream(STREAM).await.unwrap();
    while stream.get_info().await.unwrap().state.messages < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!unanswered.is_finished(), "the answer came through");
    relay.mend();
    assert_eq!(unanswered.await.unwrap(), Some(2));

    relay.hold();
    let far = jetstream::new(far_client);
    let swallowed = tokio::spawn(async move { publish(&far, "swallowed").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(stream.get_info().await.unwrap().state.messages, 2);
    relay.cut();
    swallowed.abort();
    assert!(async_nats::connect(relay.url()).await.is_err(), "a cut relay lets clients in");
    assert_eq!(publish(&near, "around it").await, Some(3));
    relay.mend();
    let context = jetstream::new(client(&relay.url()).await);
    assert_eq!(publish(&context, "through again").await, Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_elect_another_leader_when_theirs_is_killed() {
    let begun = std::time::Instant::now();
    let mut cluster = NatsCluster::start().unwrap();
    println!("three nodes were ready after {:?}", begun.elapsed());
    let context = create_stream(&client(&cluster.url()).await, 3).await;
    assert_eq!(publish_patiently(&context, "first").await, 1);
    let leader = cluster.leader_of(STREAM).unwrap();
    cluster.kill(leader).unwrap();
    let next = cluster.leader_of(STREAM).unwrap();
    assert_ne!(next, leader);
    println!("another leads after {:?}", begun.elapsed());
    let context = jetstream::new(client(&cluster.node(next).url()).await);
    assert!(publish_patiently(&context, "second").await >= 2);

    cluster.restart(leader).unwrap();
    cluster.wait_until_led().unwrap();
    cluster.pause(next).unwrap();
    assert_ne!(cluster.leader_of(STREAM).unwrap(), next);
    cluster.resume(next).unwrap();
    println!("done after {:?}", begun.elapsed());
}

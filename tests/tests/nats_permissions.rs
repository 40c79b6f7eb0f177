//! The sample configuration of NATS holds what it promises: only registrars publish blocks, everybody named reads them,
//! nobody listens to their subject, and nobody but the administrator touches the stream.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::{self, OrderedConfig};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context, stream};
use async_nats::{Client, ConnectOptions, Event, Message, Subscriber};
use futures::StreamExt;
use probity_proto::v1;
use probity_tests::nats::{NatsServer, NatsSetup, nats_server};
use probity_tests::{ORIGIN, Server, Signer, command, enrolment, register};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const SUBJECT: &str = "probity.ledger_test_models.blocks";
const STREAM: &str = "PROBITY_LEDGER_TEST_MODELS_BLOCKS";
const PASSWORDS: [(&str, &str); 3] =
    [("REGISTRAR_PASSWORD", "registrar-1"), ("PROJECTOR_PASSWORD", "projector-1"), ("ADMIN_PASSWORD", "admin-1")];

const PATIENCE: Duration = Duration::from_secs(5);

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/nats").join(name)
}

fn start() -> NatsServer {
    let setup = NatsSetup::new().with_file(&sample("one-node.conf"));
    PASSWORDS.iter().fold(setup, |setup, (name, value)| setup.with_variable(name, value)).start().unwrap()
}

/// A connection of one of the users, and what the server complains of on it.
struct User {
    client: Client,
    jetstream: Context,
    complaints: UnboundedReceiver<String>,
}

impl User {
    async fn connect(server: &NatsServer, name: &str) -> Self {
        let (send, complaints) = unbounded_channel();
        let client = ConnectOptions::with_user_and_password(name.to_owned(), format!("{name}-1"))
            .request_timeout(Some(Duration::from_millis(400)))
            .event_callback(move |event| {
                if let Event::ServerError(error) = &event {
                    send.send(error.to_string()).ok();
                }
                async {}
            })
            .connect(server.url())
            .await
            .unwrap();
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(Duration::from_millis(400));
        Self { client, jetstream, complaints }
    }

    /// Publishes a block as a registrar does: only if it is the next one.
    async fn publish(&self, after: u64, text: &'static str) -> Result<u64, jetstream::context::PublishError> {
        let message =
            PublishMessage::build().payload(text.into()).expected_stream(STREAM).expected_last_sequence(after);
        let acknowledgement = self.jetstream.send_publish(SUBJECT, message).await?;
        tokio::time::timeout(Duration::from_secs(1), acknowledgement.into_future()).await.map_or_else(
            |_| Err(jetstream::context::PublishError::new(jetstream::context::PublishErrorKind::TimedOut)),
            |answer| answer.map(|ack| ack.sequence),
        )
    }

    /// The whole stream through an ordered consumer that pulls, and through one that has no name.
    async fn read(&self, messages: usize) -> Vec<String> {
        let stream = self.jetstream.get_stream_no_info(STREAM).await.unwrap();
        let ordered = OrderedConfig { deliver_policy: DeliverPolicy::All, ..Default::default() };
        let ordered = stream.create_consumer(ordered).await.unwrap().messages().await.unwrap();
        let ordered = ordered.take(messages).map(|message| text(&message.unwrap().payload)).collect();
        let found: Vec<String> = tokio::time::timeout(PATIENCE, ordered).await.expect("nothing is delivered in order");
        let plain = pull::Config { ack_policy: AckPolicy::None, filter_subject: SUBJECT.into(), ..Default::default() };
        let plain = stream.create_consumer(plain).await.unwrap().messages().await.unwrap();
        let plain = plain.take(messages).map(|message| text(&message.unwrap().payload)).collect();
        let again: Vec<String> = tokio::time::timeout(PATIENCE, plain).await.expect("nothing is delivered");
        assert_eq!(found, again);
        found
    }

    /// Waits until the server has dealt with everything sent on this connection, subscriptions
    /// included. It works through a connection in order, and `flush` only empties our own buffer.
    async fn settled(&self) {
        self.jetstream.query_account().await.unwrap();
    }

    /// Waits for a complaint about `what`.
    async fn complained(&mut self, what: &str) {
        let wait = async {
            loop {
                let said = self.complaints.recv().await.expect("the connection is gone");
                if said.to_lowercase().contains("permissions violation") && said.contains(what) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no complaint of {what}"));
    }
}

/// The next message of a subscription.
async fn arrives(subscription: &mut Subscriber) -> Message {
    tokio::time::timeout(PATIENCE, subscription.next()).await.expect("nothing arrives").unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn config() -> stream::Config {
    let subjects = vec![SUBJECT.to_owned()];
    stream::Config { name: STREAM.to_owned(), subjects, allow_direct: false, ..Default::default() }
}

/// A server with the stream that the administrator made, and one block that the registrar published.
async fn scene() -> (NatsServer, User, User, User) {
    let server = start();
    let admin = User::connect(&server, "admin").await;
    admin.jetstream.create_stream(config()).await.unwrap();
    let registrar = User::connect(&server, "registrar").await;
    let projector = User::connect(&server, "projector").await;
    assert_eq!(registrar.publish(0, "block 0").await.unwrap(), 1);
    (server, admin, registrar, projector)
}

/// How many messages the stream holds.
async fn length(admin: &User) -> u64 {
    admin.jetstream.get_stream(STREAM).await.unwrap().get_info().await.unwrap().state.messages
}

#[test]
fn the_server_takes_both_sample_configurations() {
    for name in ["one-node.conf", "three-nodes.conf"] {
        let mut command = Command::new(nats_server().unwrap());
        command.arg("-t").arg("-c").arg(sample(name)).envs(PASSWORDS).env("NATS_NAME", "nats-1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let source = std::fs::read_to_string(sample(name)).unwrap();
        assert!(source.contains("\n  sync_interval: always\n"), "{name} does not sync every message");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registrar_publishes_blocks_in_order_and_reads_them_back() {
    let (server, _admin, registrar, _) = scene().await;
    assert_eq!(server.ask("/jsz").unwrap()["config"]["sync_always"], true);
    assert_eq!(registrar.publish(1, "block 1").await.unwrap(), 2);
    let refused = registrar.publish(1, "another block 1").await.unwrap_err();
    assert_eq!(refused.kind(), jetstream::context::PublishErrorKind::WrongLastSequence);
    assert_eq!(registrar.read(2).await, ["block 0", "block 1"]);
    let stream = registrar.jetstream.get_stream(STREAM).await.unwrap();
    assert_eq!(text(&stream.get_raw_message(2).await.unwrap().payload), "block 1");
    registrar.jetstream.query_account().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_projector_reads_and_cannot_publish_a_block() {
    let (_server, admin, registrar, mut projector) = scene().await;
    assert_eq!(projector.read(1).await, ["block 0"]);
    let stream = projector.jetstream.get_stream(STREAM).await.unwrap();
    assert_eq!(text(&stream.get_raw_message(1).await.unwrap().payload), "block 0");
    assert!(projector.publish(1, "forged").await.is_err());
    projector.complained(SUBJECT).await;
    assert_eq!(length(&admin).await, 1);
    assert_eq!(registrar.publish(1, "block 1").await.unwrap(), 2);
    assert_eq!(projector.read(2).await, ["block 0", "block 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_projector_cannot_have_an_answer_sent_to_the_subject_of_the_blocks() {
    let (_server, admin, _registrar, projector) = scene().await;
    let api = |call: &str| format!("$JS.API.{call}");
    let info = api(&format!("STREAM.INFO.{STREAM}"));
    projector.client.publish_with_reply(info, SUBJECT, "".into()).await.unwrap();
    let get = api(&format!("STREAM.MSG.GET.{STREAM}"));
    projector.client.publish_with_reply(get, SUBJECT, r#"{"seq":1}"#.into()).await.unwrap();
    let stream = projector.jetstream.get_stream_no_info(STREAM).await.unwrap();
    let consumer = pull::Config { name: Some("mine".into()), ack_policy: AckPolicy::None, ..Default::default() };
    stream.create_consumer(consumer).await.unwrap();
    let next = api(&format!("CONSUMER.MSG.NEXT.{STREAM}.mine"));
    projector.client.publish_with_reply(next, SUBJECT, r#"{"batch":1,"no_wait":true}"#.into()).await.unwrap();
    let delivered = push::Config { deliver_subject: SUBJECT.into(), ack_policy: AckPolicy::None, ..Default::default() };
    assert!(stream.create_consumer(delivered).await.is_err(), "a consumer delivers into its own stream");
    projector.settled().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(length(&admin).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_to_the_subject_of_the_blocks() {
    let (_server, admin, registrar, projector) = scene().await;
    let mut height = 1;
    let mut users = [admin, registrar, projector];
    for number in 0..users.len() {
        for subject in [SUBJECT, "probity.*.blocks", "probity.>", ">"] {
            let mut subscription = users[number].client.subscribe(subject).await.unwrap();
            users[number].client.flush().await.unwrap();
            users[number].complained(&format!("\"{subject}\"").to_lowercase()).await;
            // One that the fence refuses, and one that it takes.
            assert!(users[1].publish(height + 5, "never stored").await.is_err());
            height = users[1].publish(height, "stored").await.unwrap();
            let heard = tokio::time::timeout(Duration::from_millis(50), subscription.next()).await;
            assert!(!matches!(heard, Ok(Some(_))), "user {number} hears {subject}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn announcements_come_from_registrars_and_questions_from_everybody() {
    let (_server, _admin, mut registrar, mut projector) = scene().await;
    let (active, who) = (SUBJECT.replace("blocks", "active"), SUBJECT.replace("blocks", "who"));
    let mut announced = projector.client.subscribe(active.clone()).await.unwrap();
    let mut asked = registrar.client.subscribe(who.clone()).await.unwrap();
    projector.settled().await;
    registrar.settled().await;
    registrar.client.publish(active.clone(), "here".into()).await.unwrap();
    assert_eq!(arrives(&mut announced).await.payload, "here");
    let asking = projector.client.clone();
    let question = tokio::spawn(async move { asking.request(who, "?".into()).await });
    let reply = arrives(&mut asked).await.reply.unwrap();
    registrar.client.publish(reply, "me".into()).await.unwrap();
    assert_eq!(question.await.unwrap().unwrap().payload, "me");
    projector.client.publish(active.clone(), "no, me".into()).await.unwrap();
    projector.complained(&active).await;
    assert!(registrar.complaints.try_recv().is_err(), "the registrar did something that it may not");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_administrator_touches_the_stream() {
    let (_server, admin, registrar, projector) = scene().await;
    for mut user in [registrar, projector] {
        let other = stream::Config { name: "OTHER".into(), subjects: vec!["other".into()], ..Default::default() };
        assert!(user.jetstream.create_stream(other).await.is_err());
        user.complained("STREAM.CREATE.OTHER").await;
        assert!(user.jetstream.update_stream(config()).await.is_err());
        user.complained("STREAM.UPDATE").await;
        assert!(user.jetstream.get_stream_no_info(STREAM).await.unwrap().purge().await.is_err());
        user.complained("STREAM.PURGE").await;
        assert!(user.jetstream.get_stream_no_info(STREAM).await.unwrap().delete_message(1).await.is_err());
        user.complained("STREAM.MSG.DELETE").await;
        assert!(user.jetstream.delete_stream(STREAM).await.is_err());
        user.complained("STREAM.DELETE").await;
    }
    assert_eq!(length(&admin).await, 1);
    admin.jetstream.update_stream(config()).await.unwrap();
    admin.jetstream.delete_stream(STREAM).await.unwrap();
}

/// Runs `probity init` as a user of NATS, and gives what it said.
fn init(server: &NatsServer, user: &str, directory: &Path, arguments: &[&str]) -> String {
    let mut command = command();
    command.arg("init").arg(directory).args(arguments);
    command.args(["--nats", &server.url(), "--nats-user", user]).env("PROBITY_NATS__PASSWORD", format!("{user}-1"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{user}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Serves a data directory as a user of NATS.
fn serve(server: &NatsServer, user: &str, directory: &Path, roles: &str) -> Server {
    let file = directory.with_extension("toml");
    let url = server.url();
    let configuration = format!(
        "roles = [{roles}]\n[ledger]\ndirectory = {directory:?}\n[listen]\ngrpc = \"127.0.0.1:0\"\n\
         [nats]\nurl = {url:?}\nuser = {user:?}\npassword = \"{user}-1\"\n"
    );
    std::fs::write(&file, configuration).unwrap();
    Server::with_config(&file).unwrap()
}

async fn checkpoint(server: &Server) -> String {
    let request = v1::GetCheckpointRequest { height: None };
    server.log().await.unwrap().get_checkpoint(request).await.unwrap().into_inner().checkpoint
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_gets_by_with_what_it_may_do() {
    let nats = start();
    let home = tempfile::tempdir().unwrap();
    let administrator = Signer::person().unwrap();
    let public = home.path().join("administrator.pub");
    administrator.write_public_key(&public).unwrap();
    let of = |name: &str| home.path().join(name);
    let founding =
        ["--origin", ORIGIN, "--single-administrator", "--administrator", public.to_str().unwrap(), "--json"];
    let founded: serde_json::Value = serde_json::from_str(&init(&nats, "admin", &of("registrar"), &founding)).unwrap();
    let leaf = founded["founding_leaf_hash"].as_str().unwrap();
    let keys = of("registrar").join("keys");
    init(&nats, "registrar", &of("standby"), &["--origin-keys", keys.to_str().unwrap()]);
    init(&nats, "projector", &of("projector"), &["--origin", ORIGIN, "--follow", leaf]);

    let registrar = serve(&nats, "registrar", &of("registrar"), "\"registrar\"");
    let standby = serve(&nats, "registrar", &of("standby"), "\"registrar\"");
    let projector = serve(&nats, "projector", &of("projector"), "\"inventory\", \"audit\"");
    let before = checkpoint(&projector).await;
    let event = enrolment(&Signer::person().unwrap(), ORIGIN, &[]).unwrap();
    let statement = administrator.state(event, ORIGIN).unwrap();
    let recording = async {
        // It takes a moment until one of them is active.
        while register(&mut registrar.registration().await.unwrap(), std::slice::from_ref(&statement)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let recorded = checkpoint(&registrar).await;
        assert_ne!(recorded, before);
        for other in [&standby, &projector] {
            while checkpoint(other).await != recorded {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), recording).await.expect("nothing was recorded and followed");
    for server in [registrar, standby, projector] {
        server.stop().unwrap();
    }
    let said = nats.last_words();
    assert!(!said.contains("Violation"), "{said}");
}

//! A server that is told to stop: whoever waits is told so, and nobody keeps the process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::time::Duration;

use probity_proto::v1::audit_service_client::AuditServiceClient;
use probity_proto::v1::compliance_service_client::ComplianceServiceClient;
use probity_proto::v1::inventory_service_client::InventoryServiceClient;
use probity_proto::v1::log_service_client::LogServiceClient;
use probity_proto::v1::registration_service_client::RegistrationServiceClient;
use probity_proto::{Reason, retry_after, v1};
use probity_tests::nats::{NatsServer, Relay};
use probity_tests::{Carrier, Server, TestLedger};
use serde_json::json;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// Longer than anything here takes, and shorter than what the callers are ready to wait.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the callers would wait.
const AN_HOUR: Duration = Duration::from_secs(3_600);

fn patiently<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(AN_HOUR);
    request
}

#[track_caller]
fn is_told(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert_eq!(Reason::of(status).expect("a reason").reason, "SHUTTING_DOWN", "{status}");
    assert!(retry_after(status).is_some(), "{status}");
}

/// Tells the server to stop, and waits until it has.
async fn stop(server: Server) {
    let stopped = tokio::task::spawn_blocking(move || server.stop().unwrap());
    let (code, said) = tokio::time::timeout(PATIENCE, stopped).await.expect("it ends").unwrap();
    assert_eq!(code, Some(0), "{said}");
}

/// What has not been recorded yet is waited for.
const LATER: u64 = 1_000;

/// Questions of every view that wait for what is not recorded.
async fn waiting(channel: Channel) -> Vec<tokio::task::JoinHandle<Status>> {
    let models = v1::ListModelsRequest { min_tree_size: LATER, ..Default::default() };
    let events = v1::ListEventsRequest { min_tree_size: LATER, ..Default::default() };
    let questions = v1::ListQuestionsRequest { min_tree_size: LATER, ..Default::default() };
    let of = channel.clone();
    let inventory = tokio::spawn(async move {
        InventoryServiceClient::new(of).list_models(patiently(models)).await.expect_err("it waits in vain")
    });
    let of = channel.clone();
    let audit = tokio::spawn(async move {
        AuditServiceClient::new(of).list_events(patiently(events)).await.expect_err("it waits in vain")
    });
    let compliance = tokio::spawn(async move {
        let asked = ComplianceServiceClient::new(channel).list_questions(patiently(questions)).await;
        asked.expect_err("it waits in vain")
    });
    vec![inventory, audit, compliance]
}

/// Returns once so many calls are under way.
async fn under_way(http: &str, count: u64) {
    let reached = async {
        loop {
            let (_, text) = probity_tests::http(http, "/metrics").await.unwrap();
            let calls = text.lines().filter_map(|line| line.strip_prefix("probity_calls{")?.split(' ').nth(1));
            if calls.map(|number| number.trim().parse::<u64>().unwrap()).sum::<u64>() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("the calls reach the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_that_the_server_stops() {
    let ledger = TestLedger::found_on(tempfile::tempdir().unwrap(), Carrier::Files).unwrap();
    let http = format!("127.0.0.1:{}", probity_tests::free_port().unwrap());
    let server = ledger.serve(&[("PROBITY_LISTEN__HTTP", &http)]).unwrap();
    let asked = waiting(server.channel().await.unwrap()).await;
    let watched = HealthCheckRequest { service: String::new() };
    let mut health = HealthClient::new(server.channel().await.unwrap());
    let mut health = health.watch(patiently(watched)).await.unwrap().into_inner();
    health.message().await.unwrap().unwrap();
    // On this one nothing is asked.
    let _idle = server.channel().await.unwrap();
    under_way(&http, 4).await;
    let stopping = tokio::spawn(stop(server));
    for waiting in asked {
        let status = tokio::time::timeout(PATIENCE, waiting).await.expect("it is answered").unwrap();
        is_told(&status);
    }
    let ended = tokio::time::timeout(PATIENCE, health.message()).await.expect("the stream ends");
    is_told(&ended.unwrap_err());
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_nobody_takes_does_not_keep_the_server() {
    let ledger = TestLedger::found_on(tempfile::tempdir().unwrap(), Carrier::Files).unwrap();
    let server = ledger.serve(&[]).unwrap();
    let mut client = server.registration().await.unwrap();
    for _ in 0..5 {
        let event = || {
            let note = "x".repeat(40_000);
            let event = json!({
                "type": "concern.raised", "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
                "attributes": { "note": note }, "data": { "concern": "One of many." },
            });
            ledger.administrator.state(event, ledger.origin()).unwrap()
        };
        let statements: Vec<_> = (0..20).map(|_| event()).collect();
        probity_tests::register(&mut client, &statements).await.unwrap();
    }
    let endpoint = tonic::transport::Endpoint::from_shared(server.address.clone()).unwrap();
    let narrow = endpoint.initial_stream_window_size(4_096).initial_connection_window_size(1 << 16);
    let mut log = LogServiceClient::new(narrow.connect().await.unwrap());
    let _untaken = log.list_entries(patiently(v1::ListEntriesRequest::default())).await.unwrap();
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_the_stream_does_not_answer_for_does_not_keep_the_server() {
    let nats = NatsServer::start().unwrap();
    let relay = Relay::to(nats.port()).unwrap();
    let ledger = TestLedger::found_on(tempfile::tempdir().unwrap(), Carrier::Nats(nats)).unwrap();
    let server = Server::on(&ledger.directory(), Some(&relay.url()), &[], &[]).unwrap();
    drop(server.registration().await.unwrap());
    relay.hold();
    let event = json!({
        "type": "concern.raised", "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
        "data": { "concern": "Anything." },
    });
    let statement = ledger.administrator.state(event, ledger.origin()).unwrap();
    let submission = v1::Submission { statement: statement.bytes().clone(), expected_revision: None };
    let channel = server.channel().await.unwrap();
    let writing = tokio::spawn(async move {
        let request = v1::RegisterRequest { submissions: vec![submission] };
        RegistrationServiceClient::new(channel).register(patiently(request)).await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stopping = tokio::spawn(stop(server));
    let status = tokio::time::timeout(PATIENCE, writing).await.expect("it is answered").unwrap().unwrap_err();
    is_told(&status);
    assert!(status.message().contains("send it again"), "{status}");
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_stands_still_does_not_keep_the_server() {
    let ledger =
        TestLedger::found_on(tempfile::tempdir().unwrap(), Carrier::Nats(NatsServer::start().unwrap())).unwrap();
    let server = ledger.serve(&[]).unwrap();
    drop(server.registration().await.unwrap());
    let Carrier::Nats(nats) = &ledger.carrier else { panic!("it is on NATS") };
    nats.pause().unwrap();
    stop(server).await;
    // It is the same ledger as before, for whoever starts it again.
    nats.resume().unwrap();
    let server = ledger.serve(&[]).unwrap();
    drop(server.registration().await.unwrap());
    stop(server).await;
}

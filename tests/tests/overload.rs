//! A caller who is let in and means harm: whatever they ask at once, others are answered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::time::Duration;

use probity_proto::v1::inventory_service_client::InventoryServiceClient;
use probity_proto::v1::log_service_client::LogServiceClient;
use probity_proto::v1::register_result::Result as Outcome;
use probity_proto::v1::registration_service_client::RegistrationServiceClient;
use probity_proto::{Reason, retry_after, v1};
use probity_tests::nats::NatsServer;
use probity_tests::{Carrier, Issued, Secured, Server, Signer, TestLedger, free_port, http};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tonic::Code;
use tonic::transport::Channel;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// As many entries as do not fit into any buffer on the way.
const ENTRIES: usize = 1_500;

struct Scene {
    ledger: TestLedger,
    secured: Secured,
    server: Server,
    developer: (Signer, Issued),
    auditor: (Signer, Issued),
    http: String,
}

impl Scene {
    async fn new(carrier: Carrier, more: &str) -> Self {
        let ledger = TestLedger::found_on(tempfile::tempdir().unwrap(), carrier).unwrap();
        let mut secured = Secured::new(&ledger).unwrap();
        let developer = (Signer::person().unwrap(), secured.authority.client("developer").unwrap());
        let auditor = (Signer::person().unwrap(), secured.authority.client("auditor").unwrap());
        let plain = ledger.serve(&[]).unwrap();
        ledger.enrol(&plain, &developer.0, &["developer"]).await.unwrap();
        ledger.enrol(&plain, &auditor.0, &["auditor"]).await.unwrap();
        plain.stop().unwrap();
        let http = format!("127.0.0.1:{}", free_port().unwrap());
        secured.more = format!("[listen]\ngrpc = '0.0.0.0:0'\nhttp = '{http}'\n{more}");
        let clients = [(&developer.0, &developer.1), (&auditor.0, &auditor.1)];
        let server = secured.serve(&ledger, &clients).unwrap();
        Self { ledger, secured, server, developer, auditor, http }
    }

    async fn channel(&self, of: &Issued) -> Channel {
        self.secured.channel(&self.server, of).await.unwrap()
    }

    fn statements(&self, count: usize, length: usize) -> Vec<v1::Submission> {
        let event = || {
            let event = json!({
                "type": "concern.raised", "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
                "attributes": { "note": "x".repeat(length) }, "data": { "concern": "One of many." },
            });
            let statement = self.developer.0.state(event, self.ledger.origin()).unwrap();
            v1::Submission { statement: statement.bytes().clone(), expected_revision: None }
        };
        (0..count).map(|_| event()).collect()
    }

    /// Records statements; on NATS, as soon as the server is the active one.
    async fn record(&self, submissions: Vec<v1::Submission>) -> Vec<v1::Recorded> {
        let mut client = RegistrationServiceClient::new(self.channel(&self.developer.1).await);
        let answered = tokio::time::timeout(PATIENCE, async {
            loop {
                match client.register(v1::RegisterRequest { submissions: submissions.clone() }).await {
                    Err(status) if Reason::of(&status).is_some_and(|found| found.reason == "STANDBY") => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    answer => return answer.unwrap().into_inner().results,
                }
            }
        });
        let results = answered.await.expect("the statements get their receipts").into_iter();
        results
            .map(|result| match result.result.unwrap() {
                Outcome::Recorded(recorded) => recorded,
                Outcome::Refused(refused) => panic!("{refused:?}"),
            })
            .collect()
    }

    async fn record_many(&self) {
        for _ in 0..ENTRIES / 500 {
            assert_eq!(self.record(self.statements(500, 400)).await.len(), 500);
        }
    }

    /// A connection on which hardly anything can come back until it is taken.
    async fn narrow(&self, of: &Issued) -> Channel {
        let endpoint = self.secured.endpoint(&self.server, Some(of)).unwrap();
        endpoint.initial_stream_window_size(4_096).initial_connection_window_size(1 << 16).connect().await.unwrap()
    }

    async fn calls(&self, kind: &str) -> u64 {
        let (status, text) = http(&self.http, "/metrics").await.unwrap();
        assert_eq!(status, 200);
        let line = format!("probity_calls{{kind=\"{kind}\"}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)).unwrap().trim().parse().unwrap()
    }
}

/// Lists of entries that are begun and never taken: those that were let in, and what the others were told.
async fn hang(
    scene: &Scene,
    of: &(Signer, Issued),
    count: usize,
) -> (Vec<tonic::Streaming<v1::Entry>>, Vec<tonic::Status>) {
    let (mut hanging, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..count / 60 {
        let mut client = LogServiceClient::new(scene.narrow(&of.1).await);
        for _ in 0..60 {
            let list = v1::ListEntriesRequest { start: 0, end: 0, issuer: String::new() };
            match client.list_entries(list).await {
                Ok(answer) => hanging.push(answer.into_inner()),
                Err(status) => refused.push(status),
            }
        }
    }
    (hanging, refused)
}

/// With 600 lists that nobody takes, a write gets its receipt and a question its answer.
async fn hanging_lists_keep_nobody_waiting(carrier: Carrier) {
    let scene = Scene::new(carrier, "").await;
    scene.record_many().await;
    let (hanging, refused) = hang(&scene, &scene.auditor, 600).await;
    let recorded = scene.record(scene.statements(1, 10)).await;
    assert_eq!(recorded.len(), 1);
    let mut inventory = InventoryServiceClient::new(scene.channel(&scene.developer.1).await);
    let asked = v1::ListModelsRequest { min_tree_size: recorded[0].tree_size, ..Default::default() };
    tokio::time::timeout(PATIENCE, inventory.list_models(asked)).await.expect("a question is answered").unwrap();

    // Few of them were let in, and the others were told when to come back.
    assert_eq!((hanging.len(), refused.len()), (8, 592));
    for status in refused {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert_eq!(Reason::of(&status).unwrap().reason, "TOO_MANY_CALLS");
        assert!(retry_after(&status).is_some());
    }
    // Another caller's lists are not theirs, and their own come again once they take what they asked for.
    let mut log = LogServiceClient::new(scene.channel(&scene.developer.1).await);
    let own = scene.developer.0.identity.to_string();
    log.list_entries(v1::ListEntriesRequest { start: 0, end: 0, issuer: own }).await.unwrap();
    for mut list in hanging {
        let mut next = 0;
        while let Some(entry) = list.message().await.unwrap() {
            assert_eq!(entry.index, next);
            next += 1;
        }
        assert!(next > ENTRIES as u64);
    }
    let mut log = LogServiceClient::new(scene.channel(&scene.auditor.1).await);
    log.list_entries(v1::ListEntriesRequest::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_lists_that_nobody_takes_keep_no_write_waiting() {
    hanging_lists_keep_nobody_waiting(Carrier::Files).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_lists_that_nobody_takes_keep_no_write_waiting_on_nats() {
    hanging_lists_keep_nobody_waiting(Carrier::Nats(NatsServer::start().unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_who_has_left_asked_for_is_not_done() {
    let scene = Scene::new(Carrier::Files, "").await;
    scene.record_many().await;
    let (hanging, _) = hang(&scene, &scene.auditor, 60).await;
    assert_eq!((hanging.len() as u64, scene.calls("streams").await), (8, 8));
    drop(hanging);
    let gone = async {
        while scene.calls("streams").await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the server notices that nobody waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_as_long_as_a_question_may_be() {
    let scene = Scene::new(Carrier::Files, "").await;
    let recorded = scene.record(scene.statements(1, 10)).await;
    let mut inventory = InventoryServiceClient::new(scene.channel(&scene.developer.1).await);
    let mut ask = async |text: String| {
        let filter = Some(v1::InventoryFilter { text, ..Default::default() });
        let asked = v1::ListModelsRequest { filter, min_tree_size: recorded[0].tree_size, ..Default::default() };
        let status = inventory.list_models(asked).await.unwrap_err();
        (status.code(), Reason::of(&status).unwrap().reason)
    };
    let words = |count: usize| (0..count).map(|n| format!("w{n} ")).collect::<String>();
    assert_eq!(ask(words(500_000)).await, (Code::InvalidArgument, "QUESTION_TOO_LONG".to_owned()));
    assert_eq!(ask(words(1_000)).await, (Code::InvalidArgument, "INVALID_QUESTION".to_owned()));
    assert_eq!(ask(words(40)).await, (Code::InvalidArgument, "INVALID_QUESTION".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_wait_are_limited_and_free_again() {
    let scene = Scene::new(Carrier::Files, "[limits]\nreceived_mib = 1\n").await;
    let mut client = RegistrationServiceClient::new(scene.channel(&scene.developer.1).await);
    let submissions = scene.statements(30, 50_000);
    let status = client.register(v1::RegisterRequest { submissions: submissions.clone() }).await.unwrap_err();
    assert_eq!((status.code(), Reason::of(&status).unwrap().reason.as_str()), (Code::ResourceExhausted, "OVERLOADED"));
    for some in submissions.chunks(10) {
        assert_eq!(scene.record(some.to_vec()).await.len(), 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_from_one_address_are_limited() {
    let scene = Scene::new(Carrier::Files, "[limits]\nconnections_per_address = 8\n").await;
    let address = format!("127.0.0.1:{}", scene.server.address.rsplit(':').next().unwrap());
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(tokio::net::TcpStream::connect(&address).await.unwrap());
    }
    // The next one is closed at once.
    let mut one_more = tokio::net::TcpStream::connect(&address).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, one_more.read(&mut [0; 1])).await.expect("it is closed");
    assert!(matches!(ended, Ok(0) | Err(_)));
    drop(idle);
    let recorded = async {
        loop {
            if let Ok(channel) = scene.secured.channel(&scene.server, &scene.developer.1).await {
                return LogServiceClient::new(channel).get_ledger(v1::GetLedgerRequest {}).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, recorded).await.expect("there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_every_call_at_its_limits_another_caller_goes_on_working() {
    let scene = probity_tests::pressure::Scene::set(100).await.unwrap();
    let measured = scene.measure(3, Duration::from_secs(8)).await.unwrap();
    // The attack took place, and was bounded.
    let attack = &measured["attack"];
    let calls = |of: &str| attack[of].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>();
    assert!(calls("answered") > 0 && attack["refused"]["TOO_MANY_CALLS"].as_u64() > Some(0), "{measured:#}");
    for part in ["alone", "beside", "after"] {
        assert_eq!(measured[part]["refused"], json!([]), "{part}: {measured:#}");
    }
    let memory = |name: &str| measured["memory_mib"][name].as_u64().unwrap();
    assert!(memory("highest") <= memory("bound"), "{measured:#}");
    assert_eq!(measured["well_afterwards"], true, "{measured:#}");
    assert!(scene.is_well().await.unwrap());
}

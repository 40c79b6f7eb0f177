//! Two registrars of one ledger, and somebody who records at whichever is active.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use probity_client::RegistrationClient;
use probity_proto::v1;
use probity_proto::v1::register_result::Result as Outcome;
use probity_statement::{Receipt, SignedStatement};
use probity_tests::nats::NatsServer;
use probity_tests::{Carrier, Server, Signer, TestLedger, binary};
use serde_json::json;

/// Longer than a take-over takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A ledger on one NATS server, with two data directories.
pub(crate) struct Scene {
    pub(crate) ledger: TestLedger,
    pub(crate) second: PathBuf,
    pub(crate) developer: Signer,
}

/// A statement with what was answered.
pub(crate) struct Acknowledged {
    pub(crate) statement: SignedStatement,
    pub(crate) index: u64,
    pub(crate) receipt: Bytes,
}

impl Scene {
    /// Both directories, and a developer who is enrolled. Nothing runs.
    pub(crate) async fn set() -> Self {
        Self::on(Carrier::Nats(NatsServer::start().unwrap())).await
    }

    pub(crate) async fn on(carrier: Carrier) -> Self {
        let ledger = TestLedger::found_on(tempfile::tempdir().unwrap(), carrier).unwrap();
        let second = ledger.another_registrar("second").unwrap();
        let developer = Signer::person().unwrap();
        let server = ledger.serve(&[]).unwrap();
        ledger.enrol(&server, &developer, &["developer"]).await.unwrap();
        let (code, said) = server.stop().unwrap();
        assert_eq!(code, Some(0), "{said}");
        Self { ledger, second, developer }
    }

    pub(crate) fn url(&self) -> String {
        self.ledger.carrier.url().unwrap()
    }

    /// The registrar of a data directory.
    pub(crate) fn start(&self, directory: &Path) -> Server {
        self.start_at(directory, &self.url())
    }

    /// Both registrars: the first is active, the second stands by.
    pub(crate) async fn start_both(&self) -> (Server, Server) {
        let first = self.start(&self.ledger.directory());
        until_active(&first, true).await;
        (first, self.start(&self.second))
    }

    /// A registrar that reaches NATS another way.
    pub(crate) fn start_at(&self, directory: &Path, url: &str) -> Server {
        Server::on(directory, Some(url), &[], &[]).unwrap()
    }

    pub(crate) fn statement(&self, name: &str) -> SignedStatement {
        let event = json!({
            "type": "model.registered",
            "subject": { "kind": "model", "namespace": "turns", "name": name },
            "data": { "purpose": "Survives." },
        });
        self.developer.state(event, self.ledger.origin()).unwrap()
    }

    /// Records one statement after another until told to stop.
    pub(crate) fn keep_recording(&self, name: &'static str, servers: &[&Server]) -> Recording {
        let client = client(servers);
        let stop = Arc::new(AtomicBool::new(false));
        let (origin, developer) = (self.ledger.origin(), self.developer.clone());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                let count = acknowledged.len();
                let event = json!({
                    "type": "model.registered",
                    "subject": { "kind": "model", "namespace": "turns", "name": format!("{name}-{count}") },
                    "data": { "purpose": "Survives." },
                });
                let statement = developer.state(event, origin).unwrap();
                acknowledged.push(record(&client, statement).await);
            }
            acknowledged
        });
        Recording { stop, task }
    }

    /// Everything acknowledged is there once, at its place, with the receipt that was given, on both servers; and both
    /// data directories verify and hold the same.
    pub(crate) async fn check(&self, servers: [Server; 2], acknowledged: &[Acknowledged]) {
        assert!(!acknowledged.is_empty());
        let keys = servers[0].keys().await.unwrap();
        let last = acknowledged.iter().map(|one| one.index).max().unwrap();
        for server in &servers {
            until_size(server, last + 1).await;
            let mut log = server.log().await.unwrap();
            for Acknowledged { statement, index, receipt } in acknowledged {
                let parsed = Receipt::parse(receipt.clone()).unwrap();
                parsed.verify_inclusion(&keys.receipt, keys.origin.as_str(), &statement.leaf_hash()).unwrap();
                let entry = log.get_entry(v1::GetEntryRequest { index: *index }).await.unwrap().into_inner();
                assert_eq!(&entry.statement, statement.bytes(), "index {index} on {}", server.address);
                let again = log.get_receipt(v1::GetReceiptRequest { index: *index }).await.unwrap().into_inner();
                assert_eq!(again.receipt, receipt, "index {index} on {}", server.address);
            }
            let everything = v1::ListEntriesRequest { start: 0, end: last + 1, issuer: String::new() };
            let mut entries = log.list_entries(everything).await.unwrap().into_inner();
            let mut ids = HashSet::new();
            while let Some(entry) = entries.message().await.unwrap() {
                let id = SignedStatement::parse(entry.statement).unwrap().event().unwrap().id;
                assert!(ids.insert(id), "event {id} is recorded twice, the second time at index {}", entry.index);
            }
        }
        for server in servers {
            let (code, said) = server.stop().unwrap();
            assert_eq!(code, Some(0), "{said}");
        }
        let roots: Vec<_> = [self.ledger.directory(), self.second.clone()].iter().map(|dir| verified(dir)).collect();
        assert_eq!(roots[0], roots[1]);
    }
}

/// Somebody who records all the time.
pub(crate) struct Recording {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Vec<Acknowledged>>,
}

impl Recording {
    pub(crate) async fn stop(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap()
    }
}

/// A client that knows these servers.
pub(crate) fn client(servers: &[&Server]) -> RegistrationClient {
    let addresses: Vec<_> = servers.iter().map(|server| server.address.clone()).collect();
    RegistrationClient::new(addresses).unwrap().deadline(PATIENCE)
}

/// Records a statement, however long that takes.
pub(crate) async fn record(client: &RegistrationClient, statement: SignedStatement) -> Acknowledged {
    let submission = v1::Submission { statement: statement.bytes().clone(), expected_revision: None };
    let mut results = client.register(vec![submission]).await.unwrap();
    match results.pop().and_then(|result| result.result) {
        Some(Outcome::Recorded(recorded)) => {
            Acknowledged { statement, index: recorded.index, receipt: recorded.receipt }
        }
        other => panic!("{other:?}"),
    }
}

/// Waits until a server has this many statements.
pub(crate) async fn until_size(server: &Server, size: u64) {
    let mut log = server.log().await.unwrap();
    let reached = async {
        loop {
            let newest = log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.unwrap().into_inner();
            if newest.tree_size >= size {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("the server does not follow");
}

/// Why a server takes no statements; `None` if it does.
pub(crate) async fn refusal(server: &Server) -> Option<String> {
    let channel = server.channel().await.unwrap();
    let mut client = v1::registration_service_client::RegistrationServiceClient::new(channel);
    client
        .register(v1::RegisterRequest { submissions: Vec::new() })
        .await
        .err()
        .map(|status| status.message().to_owned())
}

/// Waits until a server takes statements, or no longer does.
pub(crate) async fn until_active(server: &Server, active: bool) {
    let reached = async {
        while refusal(server).await.is_none() != active {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let reached = tokio::time::timeout(PATIENCE, reached).await;
    let found = refusal(server).await;
    assert!(reached.is_ok(), "{} should be active: {active}, and says {found:?}", server.address);
}

/// The root of a data directory that verifies.
pub(crate) fn verified(directory: &Path) -> String {
    let output = Command::new(binary().unwrap()).args(["verify", "--json"]).arg(directory).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    told["root"].as_str().unwrap().to_owned()
}

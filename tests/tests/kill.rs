//! The server is killed again and again while clients append: whatever was answered stays, and nothing is there twice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::collections::HashSet;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use probity_proto::v1;
use probity_proto::v1::log_service_client::LogServiceClient;
use probity_proto::v1::register_result::Result as Outcome;
use probity_proto::v1::registration_service_client::RegistrationServiceClient;
use probity_statement::{LedgerKeys, Receipt, ReceiptProof, SignedStatement};
use probity_tests::{Server, Signer, TestLedger, command, register};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::task::JoinSet;
use tonic::transport::Channel;

/// How often the server is killed while clients append; on NATS it takes longer until it takes statements again.
const ROUNDS: u32 = 50;
const ROUNDS_ON_NATS: u32 = 12;

/// How long it is left alone each time, in milliseconds.
const LIFE: std::ops::Range<u64> = 5..600;

/// How many statements each client sends per request.
const CLIENTS: [std::ops::RangeInclusive<usize>; 4] = [1..=1, 1..=1, 15..=25, 15..=25];

/// A statement with what the server answered.
struct Acknowledged {
    statement: SignedStatement,
    index: u64,
    receipt: Bytes,
}

/// Someone who appends, and keeps what was answered and what was not.
struct Client {
    number: usize,
    signer: Signer,
    origin: &'static str,
    random: StdRng,
    made: u64,
    unanswered: Vec<SignedStatement>,
    acknowledged: Vec<Acknowledged>,
    /// How many statements were recorded, but the server was killed before it answered.
    recorded_unanswered: u64,
}

impl Client {
    fn make(&mut self) -> SignedStatement {
        self.made += 1;
        let event = json!({
            "type": "model.registered",
            "subject": { "kind": "model", "namespace": "kill", "name": format!("c{}-{}", self.number, self.made) },
            "data": { "purpose": "Survives." },
        });
        self.signer.state(event, self.origin).unwrap()
    }

    /// Appends until the server is gone, which must not be before it was killed.
    async fn append(mut self, mut to: RegistrationServiceClient<Channel>, killed: Arc<AtomicBool>) -> Self {
        let interrupted = !self.unanswered.is_empty();
        let mut first = true;
        loop {
            let answer = match first && !interrupted {
                true => self.ask_again(&mut to).await,
                false => self.append_once(&mut to, first && interrupted).await,
            };
            first = false;
            if let Err(error) = answer {
                assert!(killed.load(Ordering::SeqCst), "the server gave up before it was killed: {error:#}");
                return self;
            }
            let pause = self.random.random_range(0..10_000);
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
    }

    /// Sends what was not answered or, if all was, something new.
    async fn append_once(
        &mut self,
        to: &mut RegistrationServiceClient<Channel>,
        again: bool,
    ) -> Result<(), anyhow::Error> {
        if self.unanswered.is_empty() {
            let count = self.random.random_range(CLIENTS[self.number].clone());
            self.unanswered = (0..count).map(|_| self.make()).collect();
        }
        let outcomes = register(to, &self.unanswered).await?;
        for (statement, outcome) in std::mem::take(&mut self.unanswered).into_iter().zip(outcomes) {
            let Outcome::Recorded(recorded) = outcome else { panic!("{outcome:?}") };
            assert!(again || !recorded.already_recorded, "a new statement is said to be old: {recorded:?}");
            self.recorded_unanswered += u64::from(recorded.already_recorded);
            self.acknowledged.push(Acknowledged { statement, index: recorded.index, receipt: recorded.receipt });
        }
        Ok(())
    }

    /// Sends a statement that was answered before, and must get the same answer.
    async fn ask_again(&mut self, to: &mut RegistrationServiceClient<Channel>) -> Result<(), anyhow::Error> {
        // Most interesting is what was answered last before the server was killed.
        let Some(old) = self.acknowledged.last() else { return Ok(()) };
        let outcomes = register(to, std::slice::from_ref(&old.statement)).await?;
        let [Outcome::Recorded(recorded)] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert!(recorded.already_recorded, "{recorded:?}");
        assert_eq!((recorded.index, &recorded.receipt), (old.index, &old.receipt));
        Ok(())
    }
}

/// The seed of all random choices: `PROBITY_SEED`, or a new one that is printed.
fn seed() -> u64 {
    let seed = match std::env::var("PROBITY_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => rand::random(),
    };
    eprintln!("PROBITY_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_every_kill_and_nothing_is_recorded_twice() {
    let mut random = StdRng::seed_from_u64(seed());
    let ledger = TestLedger::found().unwrap();
    let mut server = ledger.serve(&[]).unwrap();
    let mut clients = Vec::new();
    for number in 0..CLIENTS.len() {
        let signer = Signer::person().unwrap();
        ledger.enrol(&server, &signer, &["developer"]).await.unwrap();
        clients.push(Client {
            number,
            signer,
            origin: ledger.origin(),
            random: StdRng::seed_from_u64(random.random()),
            made: 0,
            unanswered: Vec::new(),
            acknowledged: Vec::new(),
            recorded_unanswered: 0,
        });
    }
    let enrolments = size(&server).await;
    let rounds = if ledger.carrier.url().is_some() { ROUNDS_ON_NATS } else { ROUNDS };
    for _ in 0..rounds {
        clients = live_and_die(server, clients, Duration::from_millis(random.random_range(LIFE))).await;
        if random.random_ratio(1, 3) {
            die_while_starting(&ledger, Duration::from_millis(random.random_range(0..150)));
        }
        server = ledger.serve(&[]).unwrap();
    }
    for client in &mut clients {
        let again = !client.unanswered.is_empty();
        client.append_once(&mut server.registration().await.unwrap(), again).await.unwrap();
    }
    let recorded_unanswered: u64 = clients.iter().map(|client| client.recorded_unanswered).sum();
    let acknowledged: Vec<Acknowledged> = clients.into_iter().flat_map(|client| client.acknowledged).collect();
    eprintln!("{} statements, {recorded_unanswered} of them recorded without an answer", acknowledged.len());
    assert!(recorded_unanswered > 0, "no kill came between recording and answering");

    assert_eq!(size(&server).await, enrolments + acknowledged.len() as u64, "something else was recorded");
    check_entries(&server, &acknowledged).await;
    check_receipts(&server, acknowledged).await;

    let (code, said) = server.stop().unwrap();
    assert_eq!(code, Some(0), "{said}");
    let verify = command().arg("verify").arg(ledger.directory()).output().unwrap();
    assert_eq!(verify.status.code(), Some(0), "{}", String::from_utf8_lossy(&verify.stdout));
}

/// Lets the clients append for a while and kills the server in the middle of it.
async fn live_and_die(server: Server, clients: Vec<Client>, life: Duration) -> Vec<Client> {
    let killed = Arc::new(AtomicBool::new(false));
    let mut running = JoinSet::new();
    for client in clients {
        running.spawn(client.append(server.registration().await.unwrap(), killed.clone()));
    }
    tokio::time::sleep(life).await;
    killed.store(true, Ordering::SeqCst);
    server.kill().unwrap();
    let mut clients = running.join_all().await;
    clients.sort_by_key(|client| client.number);
    clients
}

/// Kills a server that may not have finished taking over what the last one left.
fn die_while_starting(ledger: &TestLedger, life: Duration) {
    let mut command = command();
    command.arg("serve").arg(ledger.directory()).args(["--listen", "127.0.0.1:0"]);
    command.args(ledger.carrier.url().iter().flat_map(|url| ["--nats", url]));
    let mut server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(life);
    assert_eq!(server.try_wait().unwrap(), None, "the server does not start");
    server.kill().unwrap();
    server.wait().unwrap();
}

async fn size(server: &Server) -> u64 {
    let mut log = server.log().await.unwrap();
    log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.unwrap().into_inner().tree_size
}

/// All entries are in order, each event is there once, and each acknowledged statement is where the answer said.
async fn check_entries(server: &Server, acknowledged: &[Acknowledged]) {
    let mut log = server.log().await.unwrap();
    let everything = v1::ListEntriesRequest { start: 0, end: 0, issuer: String::new() };
    let mut stream = log.list_entries(everything).await.unwrap().into_inner();
    let (mut entries, mut ids) = (Vec::new(), HashSet::new());
    while let Some(entry) = stream.message().await.unwrap() {
        assert_eq!(entry.index, entries.len() as u64);
        let id = SignedStatement::parse(entry.statement.clone()).unwrap().event().unwrap().id;
        assert!(ids.insert(id), "event {id} is recorded twice, the second time at index {}", entry.index);
        entries.push(entry.statement);
    }
    for Acknowledged { statement, index, .. } in acknowledged {
        assert_eq!(entries.get(*index as usize), Some(statement.bytes()), "index {index}");
    }
}

/// Every receipt is valid, and the server gives the same again, and the same statement.
async fn check_receipts(server: &Server, acknowledged: Vec<Acknowledged>) {
    let keys = Arc::new(server.keys().await.unwrap());
    let mut checks = JoinSet::new();
    let mut acknowledged = acknowledged.into_iter().peekable();
    while acknowledged.peek().is_some() {
        let share: Vec<Acknowledged> = acknowledged.by_ref().take(1_000).collect();
        checks.spawn(check_share(server.log().await.unwrap(), share, keys.clone()));
    }
    checks.join_all().await;
}

async fn check_share(mut log: LogServiceClient<Channel>, share: Vec<Acknowledged>, keys: Arc<LedgerKeys>) {
    for Acknowledged { statement, index, receipt } in share {
        let parsed = Receipt::parse(receipt.clone()).unwrap();
        parsed.verify_inclusion(&keys.receipt, keys.origin.as_str(), &statement.leaf_hash()).unwrap();
        let ReceiptProof::Inclusion(proof) = parsed.proof() else { panic!("index {index}: {parsed:?}") };
        assert_eq!(proof.leaf_index, index);
        let again = log.get_receipt(v1::GetReceiptRequest { index }).await.unwrap().into_inner();
        assert_eq!(again.receipt, receipt, "index {index}");
        let entry = log.get_entry(v1::GetEntryRequest { index }).await.unwrap().into_inner();
        assert_eq!(&entry.statement, statement.bytes(), "index {index}");
    }
}

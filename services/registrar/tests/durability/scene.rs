//! A ledger on a disk in memory, and somebody who states things.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use probity_ledger::IndexStore;
use probity_log::simulated_disk::SimulatedDisk;
use probity_log::{Backend, FileLog, FileLogOptions, Log as _, OpenError};
use probity_registrar::{
    Founding, RegisterError, Registered, Registrar, RegistrarOptions, Rejection, Submission, Unavailable,
    founding_block,
};
use probity_schemas::{Clock, Event, EventId, Identity};
use probity_statement::{LedgerSecrets, Receipt, SecretKey, Unsigned};
use serde_json::json;
use tempfile::TempDir;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A segment holds several of the ordinary blocks of these tests.
const SMALL_SEGMENT: u64 = 16 << 10;

/// The statements that founding writes.
pub(crate) const FOUNDING: u64 = 3;

const NOW_MS: u64 = 1_790_000_000_000;

/// Fails, rather than hangs, where something never comes.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("too long until {what}"))
}

/// Moves when it is told to.
#[derive(Debug, Default)]
pub(crate) struct TestClock {
    /// How far the time of day is after the beginning, in milliseconds.
    pub(crate) day_ms: AtomicU64,
    /// How much time has really passed, in milliseconds.
    pub(crate) steady_ms: AtomicU64,
    /// Whether whoever asks panics.
    pub(crate) broken: AtomicBool,
}

impl TestClock {
    /// Time passes.
    pub(crate) fn pass(&self, ms: u64) {
        self.set_ahead(ms);
        self.steady_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// The clock is set ahead.
    pub(crate) fn set_ahead(&self, ms: u64) {
        self.day_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// The clock is set back.
    pub(crate) fn set_back(&self, ms: u64) {
        self.day_ms.fetch_sub(ms, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        assert!(!self.broken.load(Ordering::Relaxed), "a defect that the test asks for");
        NOW_MS + self.day_ms.load(Ordering::Relaxed)
    }

    fn steady_ms(&self) -> Option<u64> {
        Some(self.steady_ms.load(Ordering::Relaxed))
    }
}

/// A ledger that was founded; its index is in real files, which can be thrown away.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) disk: SimulatedDisk,
    segment_length: u64,
    secrets: LedgerSecrets,
    ada: (Identity, SecretKey),
    store: IndexStore,
    views: AtomicU64,
    pub(crate) clock: Arc<TestClock>,
    _home: TempDir,
}

impl Scene {
    /// With segments that are soon full.
    pub(crate) fn with_small_segments() -> Self {
        Self::with_segments(SMALL_SEGMENT)
    }

    /// With segments that hold the fullest blocks.
    pub(crate) fn with_large_segments() -> Self {
        Self::with_segments(4 << 20)
    }

    fn with_segments(segment_length: u64) -> Self {
        let key = |seed| SecretKey::from_seed(&[seed; 32]).unwrap();
        let origin = "ledger.test/durability".parse().unwrap();
        let secrets = LedgerSecrets { origin, checkpoint: key(1), clock: key(2), receipt: key(3) };
        let ada = ("person:00000000-0000-4000-8000-000000000001".parse().unwrap(), key(4));
        let home = tempfile::tempdir().unwrap();
        let store = IndexStore::open(home.path(), 16 << 20).unwrap();
        let disk = SimulatedDisk::default();
        let clock = Arc::new(TestClock::default());
        let scene = Self { disk, segment_length, secrets, ada, store, views: AtomicU64::new(0), clock, _home: home };
        let log = FileLog::create(&scene.options(&scene.disk), scene.verifier()).unwrap();
        block_on(log.enqueue(scene.first_block())).unwrap();
        scene
    }

    fn first_block(&self) -> probity_log::Block {
        let administrators = vec![(self.ada.0.clone(), self.ada.1.public().clone())];
        let founding = Founding { administrators, single_administrator: true, recovery: None, succeeds: None };
        let mut number = 0;
        let random = || {
            number += 1;
            [number; 10]
        };
        founding_block(&self.secrets, &founding, &*self.clock, random).unwrap()
    }

    fn options(&self, disk: &SimulatedDisk) -> FileLogOptions {
        FileLogOptions::new("/ledger/log").storage(Arc::new(disk.clone())).segment_length(self.segment_length)
    }

    fn verifier(&self) -> probity_tlog::CheckpointVerifier {
        self.secrets.public().checkpoint_verifier().unwrap()
    }

    /// Opens the log on `disk`, as a new process does.
    pub(crate) fn log_on(&self, disk: &SimulatedDisk) -> Result<FileLog, OpenError> {
        FileLog::open(&self.options(disk), self.verifier())
    }

    /// A registrar on this log whose index is new.
    pub(crate) fn registrar(&self, backend: Arc<dyn Backend>) -> Arc<Registrar> {
        let view = format!("registrar-{}", self.views.fetch_add(1, Ordering::Relaxed));
        let options = RegistrarOptions {
            backend,
            index: self.store.tree(&view).unwrap(),
            secrets: Some(self.secrets.clone()),
            clock: self.clock.clone(),
            waiting_statements: 10_000,
            waiting_bytes: 16 << 20,
            keeps_time: false,
        };
        Arc::new(Registrar::open(options).unwrap())
    }

    /// A short statement; the same number gives the same bytes.
    pub(crate) fn statement(&self, number: u64) -> Submission {
        self.statement_with(number, 10)
    }

    /// So many that they do not fit into one block.
    pub(crate) fn more_than_a_block(&self, first: u64) -> Vec<Submission> {
        (first..first + 17).map(|number| self.statement_with(number, 50_000)).collect()
    }

    fn statement_with(&self, number: u64, length: usize) -> Submission {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&number.to_be_bytes());
        let event = json!({
            "id": EventId::from_time(NOW_MS + number, random), "v": 1, "type": "concern.raised", "occurred": NOW_MS,
            "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
            "attributes": { "note": "x".repeat(length) },
            "data": { "concern": format!("Number {number}.") },
        });
        let event = Event::from_value(&event).unwrap();
        let (identity, key) = &self.ada;
        let unsigned = Unsigned::new(&event, identity, self.secrets.origin.as_str(), key.public().id()).unwrap();
        let statement = Bytes::copy_from_slice(unsigned.sign(key).unwrap().bytes());
        Submission { statement, expected_revision: None }
    }

    /// Fails unless the log holds `submission` where it was acknowledged, and the receipt says so.
    pub(crate) fn assert_recorded(&self, registrar: &Registrar, submission: &Submission, recorded: &Registered) {
        let block = registrar.ledger().block_of(recorded.index).unwrap();
        assert_eq!(block.statement(recorded.index), Some(&submission.statement[..]), "index {}", recorded.index);
        let receipt = Receipt::parse(Bytes::copy_from_slice(&recorded.receipt)).unwrap();
        let leaf = probity_tlog::leaf_hash(&submission.statement);
        receipt.verify_inclusion(self.secrets.receipt.public(), self.secrets.origin.as_str(), &leaf).unwrap();
    }
}

/// Hands statements in and waits for the answer.
pub(crate) async fn register(
    registrar: &Registrar,
    submissions: Vec<Submission>,
) -> Result<Vec<Result<Registered, Rejection>>, RegisterError> {
    within("the registrar answers", registrar.register(submissions)).await
}

/// One statement, as far as it is acknowledged.
pub(crate) async fn acknowledged(registrar: &Registrar, submission: &Submission) -> Option<Registered> {
    register(registrar, vec![submission.clone()]).await.ok()?.remove(0).ok()
}

/// What kept all of these from being recorded.
pub(crate) fn all_unavailable(results: Vec<Result<Registered, Rejection>>) -> Unavailable {
    let mut reasons: Vec<Unavailable> = results
        .into_iter()
        .map(|result| match result {
            Err(Rejection::Unavailable(unavailable)) => unavailable,
            other => panic!("{other:?}"),
        })
        .collect();
    let first = reasons.remove(0);
    assert!(reasons.iter().all(|reason| reason.to_string() == first.to_string()), "{first:?} and {reasons:?}");
    first
}

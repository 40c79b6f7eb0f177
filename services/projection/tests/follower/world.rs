//! A ledger whose keys are known, statements for it, its log in files or as a list, and stores to fold it into.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use probity_log::conformance::Ledger;
use probity_log::{Block, FileLog, FileLogOptions, Log};
use probity_projection::{Follower, Following, Gathering, Health, Projector, Source, Store, ViewReader};
use probity_schemas::{Event, EventId, Identity};
use probity_statement::{KeyId, LedgerKeys, SecretKey, Unsigned};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::listed::Listed;
use crate::views::Entry;

pub(crate) const ORIGIN: &str = "ledger.test/conformance";
pub(crate) const CACHE: usize = 8 << 20;
/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The rule sets that the views know.
pub(crate) const RULE_SETS: &[u32] = &[1, 2];

pub(crate) fn public(seed: u8) -> probity_statement::PublicKey {
    SecretKey::from_seed(&[seed; 32]).unwrap().public().clone()
}

/// The keys of the ledger.
pub(crate) fn keys() -> LedgerKeys {
    LedgerKeys { origin: ORIGIN.parse().unwrap(), checkpoint: public(1), clock: public(2), receipt: public(3) }
}

/// What was stated, and the blocks it is in.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) ledger: Ledger,
    pub(crate) entries: Vec<Entry>,
    pub(crate) blocks: Vec<Block>,
    /// Told apart from other ledgers' statements by it.
    pub(crate) word: u8,
}

impl Told {
    /// Statements whose ids have `word` in them.
    pub(crate) fn another(word: u8) -> Self {
        Self { word, ..Self::default() }
    }

    /// So many blocks, of one to three statements.
    pub(crate) fn of_blocks(count: usize) -> Self {
        let mut told = Self::default();
        for number in 0..count {
            told.block(number % 3 + 1);
        }
        told
    }

    /// The number of statements.
    pub(crate) fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// A statement of the usual kind about one of seven subjects, that will have this index.
    pub(crate) fn statement(&self, index: usize) -> (Vec<u8>, String, String) {
        self.stating(index, json!({
            "type": "monitor.reported",
            "subject": { "kind": "endpoint", "namespace": "credit", "name": format!("scorer-{}", index * index % 7) },
            "data": { "monitor": "psi", "value": 0.25, "sample_count": 100, "window": { "from": 0, "until": 1_000 } },
        }))
    }

    /// Any statement, that will have this index: its bytes, its id and its subject.
    pub(crate) fn stating(&self, index: usize, event: Value) -> (Vec<u8>, String, String) {
        self.stating_by("service:platform", self.id(index), index, event)
    }

    /// The id that the statement at this index has, if nothing else is said.
    pub(crate) fn id(&self, index: usize) -> EventId {
        let mut random = [self.word; 10];
        random[2..].copy_from_slice(&(index as u64).to_be_bytes());
        EventId::from_time(1_700_000_000_000 + index as u64, random)
    }

    /// The same by this signer and with this id.
    pub(crate) fn stating_by(
        &self,
        signer: &str,
        id: EventId,
        index: usize,
        mut event: Value,
    ) -> (Vec<u8>, String, String) {
        event["id"] = json!(id);
        event["v"] = json!(1);
        event["occurred"] = json!(1_700_000_000_000 + index as u64);
        let event = Event::from_value(&event).unwrap();
        let signer: Identity = signer.parse().unwrap();
        let mut bytes = Unsigned::new(&event, &signer, ORIGIN, KeyId([3; 32])).unwrap().prefix();
        // Views do not look at signatures of statements.
        bytes.extend([0; 64]);
        (bytes, id.to_string(), event.subject.to_string())
    }

    /// The next block: so many statements of the usual kind.
    pub(crate) fn block(&mut self, statements: usize) -> Block {
        let first = self.entries.len();
        let statements = (first..first + statements).map(|index| self.statement(index)).collect();
        self.block_of(statements)
    }

    /// The next block: what the ledger says of itself.
    pub(crate) fn block_saying(&mut self, event_type: &str, data: Value) -> Block {
        let statement = self.stating(self.entries.len(), of_ledger(event_type, data));
        self.block_of(vec![statement])
    }

    /// The next block: these statements.
    pub(crate) fn block_of(&mut self, statements: Vec<(Vec<u8>, String, String)>) -> Block {
        let bytes: Vec<&[u8]> = statements.iter().map(|(bytes, ..)| bytes.as_slice()).collect();
        let block = self.ledger.of_statements(&bytes);
        self.ledger.accept(&block);
        let recorded_at = block.time();
        self.entries.extend(statements.into_iter().map(|(_, id, subject)| Entry { id, subject, recorded_at }));
        self.blocks.push(block.clone());
        block
    }

    /// What was stated, as a list of blocks.
    pub(crate) fn listed(&self) -> Arc<Listed> {
        Arc::new(Listed::new(self.blocks.clone()))
    }
}

/// An event of the ledger about itself.
pub(crate) fn of_ledger(event_type: &str, data: Value) -> Value {
    let subject = json!({ "kind": "ledger", "namespace": "probity", "name": "ledger" });
    json!({ "type": event_type, "subject": subject, "data": data })
}

/// A directory for files that are made and thrown away by the thousand: in memory where the system has a place for that.
pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A log in files, and a directory for views of it.
#[derive(Debug)]
pub(crate) struct World {
    dir: TempDir,
    pub(crate) log: Arc<FileLog>,
    pub(crate) told: Told,
}

impl World {
    /// Nothing is recorded.
    pub(crate) fn new() -> Self {
        let dir = scratch();
        let told = Told::default();
        let options = FileLogOptions::new(dir.path().join("log")).segment_length(1 << 20);
        let log = Arc::new(FileLog::create(&options, told.ledger.verifier()).unwrap());
        Self { dir, log, told }
    }

    /// So many blocks are recorded.
    pub(crate) async fn of_blocks(count: usize) -> Self {
        let mut world = Self::new();
        world.record(count).await;
        world
    }

    /// Records so many blocks of one to three statements, and waits until they are durable.
    pub(crate) async fn record(&mut self, blocks: usize) {
        self.record_blocks_of(&(0..blocks).map(|number| number % 3 + 1).collect::<Vec<_>>()).await;
    }

    /// Records blocks of so many statements each, and waits until they are durable.
    pub(crate) async fn record_blocks_of(&mut self, statements: &[usize]) {
        let mut last = None;
        for count in statements {
            last = Some(self.log.enqueue(self.told.block(*count)));
        }
        if let Some(last) = last {
            last.await.unwrap();
        }
    }

    /// A place for views or what else belongs to this log.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.path("views"), CACHE).unwrap()
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.told.entries
    }

    /// Makes ready to fold this log into a store.
    pub(crate) async fn follower(&self, store: Store) -> Follower {
        follower(self.log.clone(), store).await
    }
}

/// Little gathers in memory, so that all of what happens to the files happens often.
pub(crate) async fn follower(log: Arc<dyn Log>, store: Store) -> Follower {
    let mut follower = Follower::new(Source { log, keys: keys(), rule_sets: RULE_SETS }, store).await.unwrap();
    follower.gather(Gathering { statements: 16, at_most: Duration::from_millis(100), ..Gathering::default() });
    follower
}

/// Follows one view.
pub(crate) async fn follow<P: Projector>(log: Arc<dyn Log>, store: Store) -> (Following, ViewReader) {
    let mut follower = follower(log, store).await;
    let reader = follower.add::<P>().await.unwrap();
    (follower.start().unwrap(), reader)
}

/// Waits until a view has taken in so many statements.
pub(crate) async fn reach(reader: &ViewReader, tree_size: u64) {
    reader.at_least(tree_size, PATIENCE).await.unwrap();
}

/// Waits until a view has halted, and gives the reason.
pub(crate) async fn halted(reader: &ViewReader) -> String {
    let mut position = reader.watch();
    let halted = position.wait_for(|position| matches!(position.health, Health::Halted { .. }));
    let position = tokio::time::timeout(PATIENCE, halted).await.expect("it does not halt").unwrap().clone();
    let Health::Halted { reason } = position.health else { unreachable!("it has halted") };
    reason.to_string()
}

/// Copies the files of a store as they are at one moment, as a crash at that moment would leave them.
pub(crate) fn crash_copy(from: &Path, to: &Path) {
    // What is read while it is written is no state of the disk at any moment.
    let (mut files, mut again) = (read_all(from), read_all(from));
    while files.is_none() || files != again {
        (files, again) = (again, read_all(from));
    }
    for (path, bytes) in files.unwrap() {
        let path = to.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// `None` if a file went away meanwhile.
fn read_all(directory: &Path) -> Option<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in std::fs::read_dir(next).ok()? {
            let path = entry.ok()?.path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let bytes = std::fs::read(&path).ok()?;
                files.insert(path.strip_prefix(directory).unwrap().to_owned(), bytes);
            }
        }
    }
    Some(files)
}

/// Runs a test on stacks that are large enough for unoptimised stores, which are moved about whole.
pub(crate) fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    const STACK: usize = 16 << 20;
    let running = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(Box::pin(test()));
        runtime.shutdown_background();
    });
    if let Err(panicked) = running.unwrap().join() {
        std::panic::resume_unwind(panicked);
    }
}

//! The store of views: the only place that knows `sled`.

use std::fmt;
use std::io;
use std::iter::Peekable;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use probity_tlog::Hash;
use sha2::{Digest as _, Sha256};

use crate::batch::Batch;
use crate::record::{Key, Record, RecordError, Table};
use crate::versions::{Held, Snapshot};

/// Entries to a leaf of the tree; more makes scans cheaper, fewer makes single writes cheaper.
const LEAF_FANOUT: usize = 256;

/// The key of the cursor. Tables begin with a non-zero byte, so it sorts before all of them.
const CURSOR_KEY: [u8; 1] = [0];

/// How often written batches are made durable in the background. What a crash takes away is read from
/// the log again: the cursor goes back with it.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// Why a view could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The files of the store could not be used.
    #[error("the store in {path} failed: {reason}")]
    Io {
        /// Where the store is.
        path: PathBuf,
        /// What the system or the store said.
        reason: io::Error,
    },
    /// A record is not one that this version wrote.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A key is used for records of two types. A defect of ours.
    #[error("a record of table {table} is asked for as another type than it is")]
    WrongTable {
        /// The table's byte.
        table: u8,
    },
    /// Nobody waits for what was asked any more, so that no more is read for it.
    #[error("the question was given up")]
    GivenUp,
    /// So much was folded into the view while it was read that what it was is not kept any longer.
    #[error("the view has moved on too far while it was read; ask again, for less or page by page")]
    Overtaken,
    /// The cursor is not one that this version wrote: the view must be rebuilt.
    #[error("the cursor of view {view:?} in {path} is damaged; delete the view, it comes back from the log")]
    Cursor {
        /// Where the store is.
        path: PathBuf,
        /// The view's name.
        view: String,
    },
}

/// How far the log is folded into a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Height of the next block to fold.
    pub next_height: u64,
    /// Number of statements folded.
    pub tree_size: u64,
    /// Root of the tree of that size: binds the view to one history.
    pub root: Hash,
}

impl Cursor {
    /// The cursor of a tree that is not folded from a log.
    pub(crate) const NONE: Self = Self { next_height: 0, tree_size: 0, root: Hash::EMPTY_ROOT };

    fn to_bytes(self) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[..8].copy_from_slice(&self.next_height.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.tree_size.to_be_bytes());
        bytes[16..].copy_from_slice(self.root.as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 48] = bytes.try_into().ok()?;
        let (height, rest) = bytes.split_first_chunk::<8>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let root = Hash(*rest.first_chunk::<32>()?);
        Some(Self { next_height: u64::from_be_bytes(*height), tree_size: u64::from_be_bytes(*size), root })
    }
}

/// A directory of views.
#[derive(Clone)]
pub struct Store {
    db: sled::Db<LEAF_FANOUT>,
    path: PathBuf,
    /// Dropped last: it waits until everything is on disk and the directory is free again.
    _flusher: Arc<Flusher>,
}

/// Makes written batches durable in the background, and once more when the last handle of the store goes.
///
/// sled has a thread of its own for this, which can end without answering whoever waits for its end.
struct Flusher {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    fn start(db: sled::Db<LEAF_FANOUT>, path: &Path) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let path = path.to_owned();
        let work = move || {
            loop {
                let ended = stopped.recv_timeout(FLUSH_INTERVAL) == Err(RecvTimeoutError::Disconnected);
                if let Err(error) = db.flush() {
                    tracing::error!(store = %path.display(), %error, "what was folded last is not on disk yet");
                }
                if ended {
                    return;
                }
            }
        };
        let thread = Builder::new().name("probity-flush".to_owned()).spawn(work)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that makes views durable ended badly; they come back from the log");
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `path`, creating it where there is none. `cache_bytes` bounds its page cache.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let failed = |reason| StoreError::Io { path: path.to_owned(), reason };
        let config = sled::Config::new().path(path).cache_capacity_bytes(cache_bytes).flush_every_ms(None);
        let db = config.open().map_err(failed)?;
        let flusher = Arc::new(Flusher::start(db.clone(), path).map_err(failed)?);
        Ok(Self { db, path: path.to_owned(), _flusher: flusher })
    }

    /// The view `name`, empty where there is none.
    pub fn view(&self, name: &str) -> Result<View, StoreError> {
        let tree = self.db.open_tree(name).map_err(|source| self.error(source))?;
        Ok(View { tree, store: self.clone(), name: name.to_owned(), question: None })
    }

    /// The bytes that the store takes on disk.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(|source| self.error(source))
    }

    /// Makes all written batches durable.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.db.flush().map(drop).map_err(|source| self.error(source))
    }

    fn error(&self, reason: io::Error) -> StoreError {
        StoreError::Io { path: self.path.clone(), reason }
    }
}

/// One view: ordered keys, their values, and the cursor they belong to.
///
/// Every key begins with a non-zero table byte.
#[derive(Clone)]
pub struct View {
    tree: sled::Tree<LEAF_FANOUT>,
    store: Store,
    name: String,
    /// Whose question it answers, if anybody's.
    question: Option<Question>,
}

/// A question that is being answered from a view.
#[derive(Clone)]
pub(crate) struct Question {
    /// Set once nobody waits for the answer: then reads fail.
    pub(crate) given_up: Option<Arc<AtomicBool>>,
    /// The view as it was when the question was asked.
    pub(crate) snapshot: Arc<Snapshot>,
}

/// A batch and its cursor, encoded and ready to be written.
pub(crate) struct Writes {
    batch: sled::Batch,
    keys: Vec<Vec<u8>>,
}

impl Writes {
    pub(crate) fn of(batch: Batch<'_>, cursor: Cursor) -> Result<Self, StoreError> {
        let (mut writes, mut keys) = (sled::Batch::default(), vec![CURSOR_KEY.to_vec()]);
        for write in batch.into_writes() {
            let (key, value) = write?;
            keys.push(key.clone());
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        writes.insert(CURSOR_KEY, cursor.to_bytes());
        Ok(Self { batch: writes, keys })
    }
}

/// A key and its value, or why they could not be read.
type Pair = Result<(Vec<u8>, Vec<u8>), StoreError>;
/// Keys between two bounds.
type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The pairs of a range as they were when a question was asked: those of the tree, with what was put aside in the place
/// of what was changed since.
struct AsItWas<'a, I: Iterator<Item = Pair>> {
    snapshot: Option<&'a Snapshot>,
    tree: Peekable<I>,
    /// What is left of the range.
    left: Range,
    forwards: bool,
}

impl<I: Iterator<Item = Pair>> AsItWas<'_, I> {
    /// Leaves out a key, and all before it on the way.
    fn pass(&mut self, key: Vec<u8>) {
        match self.forwards {
            true => self.left.0 = Bound::Excluded(key),
            false => self.left.1 = Bound::Excluded(key),
        }
    }

    /// The nearest key that was changed since, up to the nearest one of the tree.
    fn changed(&mut self, snapshot: &Snapshot) -> Result<Option<Held>, StoreError> {
        // The tree first: what is gone from it by now was put aside before.
        let nearest = match self.tree.peek() {
            Some(Ok((key, _))) => Some(Bound::Included(key.clone())),
            Some(Err(_)) | None => None,
        };
        match (nearest, self.forwards) {
            (Some(nearest), true) => snapshot.changed((&self.left.0, &nearest), true),
            (Some(nearest), false) => snapshot.changed((&nearest, &self.left.1), false),
            (None, forwards) => snapshot.changed((&self.left.0, &self.left.1), forwards),
        }
    }
}

impl<I: Iterator<Item = Pair>> Iterator for AsItWas<'_, I> {
    type Item = Pair;

    fn next(&mut self) -> Option<Pair> {
        let Some(snapshot) = self.snapshot else { return self.tree.next() };
        loop {
            match self.changed(snapshot) {
                Err(error) => return Some(Err(error)),
                Ok(Some((key, held))) => {
                    self.tree.next_if(|pair| pair.as_ref().is_ok_and(|(found, _)| *found == key));
                    self.pass(key.clone());
                    if let Some(value) = held {
                        return Some(Ok((key, value)));
                    }
                }
                Ok(None) => {
                    let pair = self.tree.next()?;
                    if let Ok((key, _)) = &pair {
                        self.pass(key.clone());
                    }
                    return Some(pair);
                }
            }
        }
    }
}

/// The first key after all that begin with `prefix`. Tables' bytes are below 255, so there is one.
fn after_all(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; 9]
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("name", &self.name).field("store", &self.store).finish()
    }
}

impl View {
    /// The tree's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same view for one question: as it was when that was asked, and until it is given up, from when on reads
    /// fail with [`StoreError::GivenUp`].
    pub(crate) fn answer(&mut self, question: Option<Question>) {
        self.question = question;
    }

    fn still_wanted(&self) -> Result<(), StoreError> {
        match self.question.as_ref().and_then(|question| question.given_up.as_ref()) {
            Some(given_up) if given_up.load(Ordering::Relaxed) => Err(StoreError::GivenUp),
            _ => Ok(()),
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.still_wanted()?;
        let found = self.tree.get(key).map_err(|source| self.store.error(source))?;
        let found = found.map(|value| value.to_vec());
        match &self.question {
            Some(question) => question.snapshot.as_it_was(key, found),
            None => Ok(found),
        }
    }

    /// The pairs whose keys begin with `prefix`, in key order.
    pub fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'a> {
        self.forwards(Bound::Included(prefix.to_vec()), after_all(prefix))
    }

    /// The record of `key`.
    pub fn record<V: Record>(&self, table: &Table<V>, key: &Key) -> Result<Option<V>, StoreError> {
        let value = self.get(key.as_bytes())?;
        Ok(value.map(|bytes| table.decode(&bytes)).transpose()?)
    }

    /// Whether there is a value of `key`.
    pub fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.get(key.as_bytes())?.is_some())
    }

    /// The pairs whose keys begin with `prefix` and come after the key `after` (all of them for `None`), in key order.
    pub fn scan_after(
        &self,
        prefix: &Key,
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'_> {
        let from = match after {
            Some(after) if after >= prefix.as_bytes() => Bound::Excluded(after.to_vec()),
            _ => Bound::Included(prefix.as_bytes().to_vec()),
        };
        self.forwards(from, after_all(prefix.as_bytes()))
    }

    /// The pairs whose keys begin with `prefix` and come before the key `before` (all of them for `None`), last key first.
    pub fn scan_before(
        &self,
        prefix: &Key,
        before: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'_> {
        let end = after_all(prefix.as_bytes());
        let until = match before {
            Some(before) if before <= end.as_slice() => before.to_vec(),
            _ => end,
        };
        self.backwards(prefix.as_bytes().to_vec(), until)
    }

    /// The pairs from the key `from` on and before `until`, in key order.
    ///
    /// The end is not told to the tree: going forwards, it looks for more in all leaves that there are behind it.
    fn forwards(
        &self,
        from: Bound<Vec<u8>>,
        until: Vec<u8>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'_> {
        let pairs = self.tree.range::<Vec<u8>, _>((from.clone(), Bound::Unbounded));
        let end = until.clone();
        let within = move |pair: &io::Result<(_, _)>| match pair {
            Ok((key, _)) => sled::InlineArray::as_ref(key) < end.as_slice(),
            Err(_) => true,
        };
        let pairs = pairs.take_while(within).map(|pair| self.pair(pair));
        self.as_it_was(pairs, (from, Bound::Excluded(until)), true)
    }

    /// The pairs from the key `from` on and before `until`, last key first.
    fn backwards(
        &self,
        from: Vec<u8>,
        until: Vec<u8>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'_> {
        // The tree panics on a range that ends before it begins.
        let range = (from < until).then(|| (Bound::Included(from.clone()), Bound::Excluded(until.clone())));
        let pairs = range.map(|range| self.tree.range::<Vec<u8>, _>(range).rev());
        let pairs = pairs.into_iter().flatten().map(|pair| self.pair(pair));
        self.as_it_was(pairs, (Bound::Included(from), Bound::Excluded(until)), false)
    }

    fn as_it_was<I: Iterator<Item = Pair>>(&self, tree: I, left: Range, forwards: bool) -> AsItWas<'_, I> {
        let snapshot = self.question.as_ref().map(|question| &*question.snapshot);
        AsItWas { snapshot, tree: tree.peekable(), left, forwards }
    }

    fn pair(&self, pair: io::Result<(sled::InlineArray, sled::InlineArray)>) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        self.still_wanted()?;
        let (key, value) = pair.map_err(|source| self.store.error(source))?;
        Ok((key.to_vec(), value.to_vec()))
    }

    /// SHA-256 over all keys and values in order, each with its length before it (8 bytes, big endian): two views with
    /// the same digest hold the same. Reads everything.
    pub fn digest(&self) -> Result<[u8; 32], StoreError> {
        let mut hasher = Sha256::new();
        for pair in self.tree.iter() {
            let (key, value) = pair.map_err(|source| self.store.error(source))?;
            for part in [&key, &value] {
                hasher.update((part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
        }
        Ok(hasher.finalize().into())
    }

    /// The last key that begins with `prefix`.
    pub fn last_key(&self, prefix: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let last = self.backwards(prefix.to_vec(), after_all(prefix)).next();
        Ok(last.transpose()?.map(|(key, _)| key))
    }

    /// How far the log is folded into this view; `None` for a new one.
    pub fn cursor(&self) -> Result<Option<Cursor>, StoreError> {
        let Some(bytes) = self.get(&CURSOR_KEY)? else { return Ok(None) };
        let damaged = || StoreError::Cursor { path: self.store.path.clone(), view: self.name.clone() };
        Cursor::from_bytes(&bytes).map(Some).ok_or_else(damaged)
    }

    /// A batch on top of what the view holds.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Writes a batch and the cursor it leads to, atomically.
    pub fn apply(&self, batch: Batch<'_>, cursor: Cursor) -> Result<(), StoreError> {
        self.write(Writes::of(batch, cursor)?)
    }

    /// Writes what was made ready, atomically.
    pub(crate) fn write(&self, writes: Writes) -> Result<(), StoreError> {
        self.tree.apply_batch(writes.batch).map_err(|source| self.store.error(source))
    }

    /// What the keys hold now that `writes` will change.
    pub(crate) fn held(&self, writes: &Writes) -> Result<Vec<Held>, StoreError> {
        writes.keys.iter().map(|key| Ok((key.clone(), self.get(key)?))).collect()
    }

    /// Forgets everything, so that the view is folded from the first block again.
    pub fn clear(&self) -> Result<(), StoreError> {
        self.tree.clear().map_err(|source| self.store.error(source))
    }
}

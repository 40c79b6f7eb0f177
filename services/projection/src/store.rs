//! The store of views: the only place that knows `sled`.

use std::fmt;
use std::io;
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
        Ok(View { tree, store: self.clone(), name: name.to_owned(), given_up: None })
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
    /// Set once nobody waits for the answer: then reads fail.
    given_up: Option<Arc<AtomicBool>>,
}

/// A batch and its cursor, encoded and ready to be written.
pub(crate) struct Writes(sled::Batch);

impl Writes {
    pub(crate) fn of(batch: Batch<'_>, cursor: Cursor) -> Result<Self, StoreError> {
        let mut writes = sled::Batch::default();
        for write in batch.into_writes() {
            let (key, value) = write?;
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        writes.insert(CURSOR_KEY, cursor.to_bytes());
        Ok(Self(writes))
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

    /// The same view for one question: once `given_up` is set, its reads fail with [`StoreError::GivenUp`].
    pub(crate) fn until(&mut self, given_up: Option<Arc<AtomicBool>>) {
        self.given_up = given_up;
    }

    fn still_wanted(&self) -> Result<(), StoreError> {
        match &self.given_up {
            Some(given_up) if given_up.load(Ordering::Relaxed) => Err(StoreError::GivenUp),
            _ => Ok(()),
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.still_wanted()?;
        let value = self.tree.get(key).map_err(|source| self.store.error(source))?;
        Ok(value.map(|value| value.to_vec()))
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
        self.still_wanted()?;
        let value = self.tree.get(key.as_bytes()).map_err(|source| self.store.error(source))?;
        Ok(value.map(|bytes| table.decode(&bytes)).transpose()?)
    }

    /// Whether there is a value of `key`.
    pub fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        self.still_wanted()?;
        self.tree.contains_key(key.as_bytes()).map_err(|source| self.store.error(source))
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
        let from = prefix.as_bytes().to_vec();
        // The tree panics on a range that ends before it begins.
        let range = (from < until).then_some((Bound::Included(from), Bound::Excluded(until)));
        let pairs = range.map(|range| self.tree.range::<Vec<u8>, _>(range).rev());
        pairs.into_iter().flatten().map(|pair| self.pair(pair))
    }

    /// The pairs from the key `from` on and before `until`, in key order.
    ///
    /// The end is not told to the tree: going forwards, it looks for more in all leaves that there are behind it.
    fn forwards(
        &self,
        from: Bound<Vec<u8>>,
        until: Vec<u8>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'_> {
        let pairs = self.tree.range::<Vec<u8>, _>((from, Bound::Unbounded));
        let within = move |pair: &io::Result<(_, _)>| match pair {
            Ok((key, _)) => sled::InlineArray::as_ref(key) < until.as_slice(),
            Err(_) => true,
        };
        pairs.take_while(within).map(|pair| self.pair(pair))
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
        let last = self.tree.scan_prefix(prefix).next_back().transpose();
        Ok(last.map_err(|source| self.store.error(source))?.map(|(key, _)| key.to_vec()))
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
        self.tree.apply_batch(writes.0).map_err(|source| self.store.error(source))
    }

    /// Forgets everything, so that the view is folded from the first block again.
    pub fn clear(&self) -> Result<(), StoreError> {
        self.tree.clear().map_err(|source| self.store.error(source))
    }
}

//! The store of views: the only place that knows `fjall`.
//!
//! Why views stand on it, and what was measured: `ops/decisions/the-store-of-views.md`.

use std::fmt;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode, Readable as _, Snapshot};
use probity_tlog::Hash;
use sha2::{Digest as _, Sha256};

use crate::batch::Batch;
use crate::record::{Key, Record, RecordError, Table};

/// What a view keeps in memory before it is written as a sorted run, in bytes.
const MEMTABLE_BYTES: u64 = 16 << 20;

/// What is written twice until its runs are on disk, in bytes: once that much is, the views that lag are written.
const JOURNAL_BYTES: u64 = 128 << 20;

/// The key of the cursor. Tables begin with a non-zero byte, so it sorts before all of them.
const CURSOR_KEY: [u8; 1] = [0];

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

    /// As it is kept: height, size (8 bytes each, big endian), root.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[..8].copy_from_slice(&self.next_height.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.tree_size.to_be_bytes());
        bytes[16..].copy_from_slice(self.root.as_bytes());
        bytes
    }

    /// Reads [`Self::to_bytes`]; `None` where it is none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
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
    db: Database,
    path: PathBuf,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `path`, creating it where there is none. `cache_bytes` bounds its cache of blocks.
    ///
    /// # Errors
    /// Its files could not be used, or another process uses them.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let failed = |error| StoreError::Io { path: path.to_owned(), reason: reason(error) };
        let builder = Database::builder(path).cache_size(cache_bytes as u64).max_journaling_size(JOURNAL_BYTES);
        Ok(Self { db: builder.open().map_err(failed)?, path: path.to_owned() })
    }

    /// The view `name`, empty where there is none, as it is whenever it is read.
    ///
    /// # Errors
    /// The store's files could not be used.
    pub fn view(&self, name: &str) -> Result<View, StoreError> {
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let keyspace = self.db.keyspace(name, options).map_err(|error| self.error(error))?;
        Ok(View { keyspace, store: self.clone(), snapshot: None, given_up: None })
    }

    /// Gives the room of the view `name` back. Whoever reads it reads on.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        match self.db.keyspace_exists(name) {
            true => self.db.delete_keyspace(self.view(name)?.keyspace).map_err(|error| self.error(error)),
            false => Ok(()),
        }
    }

    /// The bytes that the store takes on disk.
    ///
    /// # Errors
    /// The store's files could not be used.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.db.disk_space().map_err(|error| self.error(error))
    }

    /// Makes all written batches durable.
    ///
    /// # Errors
    /// The store's files could not be used.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.db.persist(PersistMode::SyncAll).map_err(|error| self.error(error))
    }

    fn error(&self, error: fjall::Error) -> StoreError {
        StoreError::Io { path: self.path.clone(), reason: reason(error) }
    }
}

fn reason(error: fjall::Error) -> io::Error {
    match error {
        fjall::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// One view: ordered keys, their values, and the cursor they belong to.
///
/// Every key begins with a non-zero table byte.
#[derive(Clone)]
pub struct View {
    keyspace: Keyspace,
    store: Store,
    /// The moment at which it is read; `None` for whatever was written last.
    snapshot: Option<Snapshot>,
    /// Set once nobody waits for the answer: then reads fail.
    given_up: Option<Arc<AtomicBool>>,
}

/// A batch and its cursor, encoded and ready to be written.
pub(crate) struct Writes(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Writes {
    pub(crate) fn of(batch: Batch<'_>, cursor: Cursor) -> Result<Self, StoreError> {
        let mut writes = batch.into_writes().collect::<Result<Vec<_>, _>>()?;
        writes.push((CURSOR_KEY.to_vec(), Some(cursor.to_bytes().to_vec())));
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
        f.debug_struct("View").field("name", &self.name()).field("store", &self.store).finish_non_exhaustive()
    }
}

impl View {
    /// Its name in the store.
    pub fn name(&self) -> &str {
        self.keyspace.name()
    }

    /// The same view as it is now, whatever is written to it from now on.
    pub(crate) fn frozen(&self) -> Self {
        Self { snapshot: Some(self.store.db.snapshot()), ..self.clone() }
    }

    /// The same view as it is whenever it is read.
    pub(crate) fn unfrozen(&self) -> Self {
        Self { snapshot: None, ..self.clone() }
    }

    /// The same view for one question: once `given_up` is set, its reads fail with [`StoreError::GivenUp`].
    pub(crate) fn until(self, given_up: Option<Arc<AtomicBool>>) -> Self {
        Self { given_up, ..self }
    }

    fn still_wanted(&self) -> Result<(), StoreError> {
        match &self.given_up {
            Some(given_up) if given_up.load(Ordering::Relaxed) => Err(StoreError::GivenUp),
            _ => Ok(()),
        }
    }

    fn read(&self, key: &[u8]) -> Result<Option<fjall::UserValue>, StoreError> {
        self.still_wanted()?;
        let value = match &self.snapshot {
            Some(snapshot) => snapshot.get(&self.keyspace, key),
            None => self.keyspace.get(key),
        };
        value.map_err(|error| self.store.error(error))
    }

    fn range(&self, range: (Bound<Vec<u8>>, Bound<Vec<u8>>)) -> fjall::Iter {
        match &self.snapshot {
            Some(snapshot) => snapshot.range(&self.keyspace, range),
            None => self.keyspace.range(range),
        }
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// The store's files could not be read, or the question was given up.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.read(key)?.map(|value| value.to_vec()))
    }

    /// The pairs whose keys begin with `prefix`, in key order.
    pub fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'a> {
        self.range((Bound::Included(prefix.to_vec()), Bound::Excluded(after_all(prefix)))).map(|pair| self.pair(pair))
    }

    /// The record of `key`.
    ///
    /// # Errors
    /// The store's files could not be read, the question was given up, or it is no record of the table.
    pub fn record<V: Record>(&self, table: &Table<V>, key: &Key) -> Result<Option<V>, StoreError> {
        Ok(self.read(key.as_bytes())?.map(|bytes| table.decode(&bytes)).transpose()?)
    }

    /// Whether there is a value of `key`.
    ///
    /// # Errors
    /// The store's files could not be read, or the question was given up.
    pub fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.read(key.as_bytes())?.is_some())
    }

    /// The pairs whose keys begin with `prefix` and come after the key `after` (all of them for `None`), in key order.
    pub fn scan_after(
        &self,
        prefix: &Key,
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'_> {
        let end = after_all(prefix.as_bytes());
        let from = match after {
            Some(after) if after >= prefix.as_bytes() => Bound::Excluded(after.to_vec()),
            _ => Bound::Included(prefix.as_bytes().to_vec()),
        };
        let behind = matches!(&from, Bound::Excluded(after) if *after >= end);
        let pairs = (!behind).then(|| self.range((from, Bound::Excluded(end))));
        pairs.into_iter().flatten().map(|pair| self.pair(pair))
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
        // A range that ends before it begins is none.
        let pairs = (from < until).then(|| self.range((Bound::Included(from), Bound::Excluded(until))).rev());
        pairs.into_iter().flatten().map(|pair| self.pair(pair))
    }

    fn pair(&self, pair: Guard) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        self.still_wanted()?;
        let (key, value) = pair.into_inner().map_err(|error| self.store.error(error))?;
        Ok((key.to_vec(), value.to_vec()))
    }

    /// SHA-256 over all keys and values in order, each with its length before it (8 bytes, big endian): two views with
    /// the same digest hold the same. Reads everything.
    ///
    /// # Errors
    /// The store's files could not be read, or the question was given up.
    pub fn digest(&self) -> Result<[u8; 32], StoreError> {
        let mut hasher = Sha256::new();
        for pair in self.range((Bound::Unbounded, Bound::Unbounded)) {
            let (key, value) = self.pair(pair)?;
            for part in [&key, &value] {
                hasher.update((part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
        }
        Ok(hasher.finalize().into())
    }

    /// How far the log is folded into this view; `None` for a new one.
    ///
    /// # Errors
    /// The store's files could not be read, or it is not one that this version wrote.
    pub fn cursor(&self) -> Result<Option<Cursor>, StoreError> {
        let Some(bytes) = self.get(&CURSOR_KEY)? else { return Ok(None) };
        let damaged = || StoreError::Cursor { path: self.store.path.clone(), view: self.name().to_owned() };
        Cursor::from_bytes(&bytes).map(Some).ok_or_else(damaged)
    }

    /// A batch on top of what the view holds.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Writes a batch and the cursor it leads to, atomically.
    ///
    /// # Errors
    /// A record could not be encoded, or the store's files could not be written.
    pub fn apply(&self, batch: Batch<'_>, cursor: Cursor) -> Result<(), StoreError> {
        self.write(Writes::of(batch, cursor)?)
    }

    /// Writes what was made ready, atomically.
    pub(crate) fn write(&self, writes: Writes) -> Result<(), StoreError> {
        let mut batch = self.store.db.batch();
        for (key, value) in writes.0 {
            match value {
                Some(value) => batch.insert(&self.keyspace, key, value),
                None => batch.remove(&self.keyspace, key),
            }
        }
        batch.commit().map_err(|error| self.store.error(error))
    }

    /// Forgets everything, so that the view is folded from the first block again.
    ///
    /// # Errors
    /// The store's files could not be written.
    pub fn clear(&self) -> Result<(), StoreError> {
        self.keyspace.clear().map_err(|error| self.store.error(error))
    }
}

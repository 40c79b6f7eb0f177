//! Where the index of event ids lies on disk: the only place that knows `sled`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use probity_projection::Cursor;

/// Entries to a leaf of the tree; more makes scans cheaper, fewer makes single writes cheaper.
const LEAF_FANOUT: usize = 256;

/// The key of the cursor, which sorts before all others.
const CURSOR_KEY: [u8; 1] = [0];

/// How often what is written is made durable in the background. What a crash takes away is read from
/// the log again: the cursor goes back with it.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// Why the index could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Its files could not be used.
    #[error("the index in {path} failed: {reason}")]
    Io {
        /// Where it is.
        path: PathBuf,
        /// What the system or the store said.
        reason: io::Error,
    },
    /// Nobody waits for what was asked any more, so that no more is read for it.
    #[error("the question was given up")]
    GivenUp,
    /// It is not one that this version wrote.
    #[error("the index in {path} is damaged; delete it, it comes back from the log")]
    Cursor {
        /// Where it is.
        path: PathBuf,
    },
}

/// A directory of trees of keys and values.
#[derive(Clone)]
pub struct IndexStore {
    db: sled::Db<LEAF_FANOUT>,
    path: PathBuf,
    /// Dropped last: it waits until everything is on disk and the directory is free again.
    _flusher: Arc<Flusher>,
}

/// Makes what is written durable in the background, and once more when the last handle of the store goes.
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
                    tracing::error!(index = %path.display(), %error, "what was indexed last is not on disk yet");
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
            tracing::error!("the thread that makes the index durable ended badly; it comes back from the log");
        }
    }
}

impl fmt::Debug for IndexStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl IndexStore {
    /// Opens the store in `path`, creating it where there is none. `cache_bytes` bounds its page cache.
    ///
    /// # Errors
    /// Its files could not be used, or another process uses them.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let failed = |reason| StoreError::Io { path: path.to_owned(), reason };
        let config = sled::Config::new().path(path).cache_capacity_bytes(cache_bytes).flush_every_ms(None);
        let db = config.open().map_err(failed)?;
        let flusher = Arc::new(Flusher::start(db.clone(), path).map_err(failed)?);
        Ok(Self { db, path: path.to_owned(), _flusher: flusher })
    }

    /// The tree `name`, empty where there is none.
    ///
    /// # Errors
    /// The store's files could not be used.
    pub fn tree(&self, name: &str) -> Result<IndexTree, StoreError> {
        let tree = self.db.open_tree(name).map_err(|source| self.error(source))?;
        Ok(IndexTree { tree, store: self.clone() })
    }

    /// Makes all that is written durable.
    ///
    /// # Errors
    /// The store's files could not be used.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.db.flush().map(drop).map_err(|source| self.error(source))
    }

    fn error(&self, reason: io::Error) -> StoreError {
        StoreError::Io { path: self.path.clone(), reason }
    }
}

/// Ordered keys, their values, and the cursor they belong to.
#[derive(Clone)]
pub struct IndexTree {
    tree: sled::Tree<LEAF_FANOUT>,
    store: IndexStore,
}

/// Keys and values that are written together.
#[derive(Debug, Default)]
pub(crate) struct IndexWrites(sled::Batch);

impl IndexWrites {
    pub(crate) fn insert(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.0.insert(key.as_ref(), value.as_ref());
    }
}

impl fmt::Debug for IndexTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexTree").field("store", &self.store).finish_non_exhaustive()
    }
}

impl IndexTree {
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.tree.get(key).map_err(|source| self.store.error(source))?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// The last key that begins with `prefix`.
    pub(crate) fn last_key(&self, prefix: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let last = self.tree.scan_prefix(prefix).next_back().transpose();
        Ok(last.map_err(|source| self.store.error(source))?.map(|(key, _)| key.to_vec()))
    }

    /// The pairs whose keys begin with `prefix`, in key order.
    pub(crate) fn scan(&self, prefix: &[u8]) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'_> {
        let begins = prefix.to_vec();
        let pairs = self.tree.range::<Vec<u8>, _>(prefix.to_vec()..);
        // The end is not told to the tree: going forwards, it looks for more in all leaves that there are behind it.
        let within = move |pair: &io::Result<(sled::InlineArray, _)>| match pair {
            Ok((key, _)) => key.starts_with(&begins),
            Err(_) => true,
        };
        pairs.take_while(within).map(|pair| {
            let (key, value) = pair.map_err(|source| self.store.error(source))?;
            Ok((key.to_vec(), value.to_vec()))
        })
    }

    /// How far the log is indexed; `None` for a new tree.
    pub(crate) fn cursor(&self) -> Result<Option<Cursor>, StoreError> {
        let Some(bytes) = self.get(&CURSOR_KEY)? else { return Ok(None) };
        Cursor::from_bytes(&bytes).map(Some).ok_or_else(|| StoreError::Cursor { path: self.store.path.clone() })
    }

    /// Writes keys and values, and the cursor they lead to, atomically.
    pub(crate) fn apply(&self, mut writes: IndexWrites, cursor: Cursor) -> Result<(), StoreError> {
        writes.insert(CURSOR_KEY, cursor.to_bytes());
        self.tree.apply_batch(writes.0).map_err(|source| self.store.error(source))
    }

    /// Forgets everything, so that the log is indexed from the first block again.
    ///
    /// # Errors
    /// The store's files could not be used.
    pub fn clear(&self) -> Result<(), StoreError> {
        self.tree.clear().map_err(|source| self.store.error(source))
    }
}

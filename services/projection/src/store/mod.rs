//! The store of views: the only place that knows `fjall`.
//!
//! What is folded gathers in memory and goes to the files as a sorted run, the cursor with it. Nothing is written twice:
//! what a crash takes away is folded from the log again. Why views stand on this store, and what was measured:
//! `ops/decisions/the-store-of-views.md`.

mod known;
mod recent;
mod view;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use fjall::config::CompressionPolicy;
use fjall::{CompressionType, Database, KeyspaceCreateOptions, PersistMode};
use probity_log::ReadError;
use probity_tlog::Hash;

pub(crate) use self::recent::Write;
pub use self::view::{View, Work, Writes};
use crate::record::RecordError;

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
    /// The log could not be read where a statement is quoted from it.
    #[error("statement {index} is in this view, and cannot be read from the log: {reason}")]
    Log {
        /// The position of the statement.
        index: u64,
        /// What the log said.
        reason: ReadError,
    },
    /// The statement in the log is not the one that was folded.
    #[error("statement {index} of the log is not the one that this view was folded from: the log was changed")]
    Changed {
        /// The position of the statement.
        index: u64,
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
        // One thread that merges: of several the first one hands what there is to merge back and forth, at the cost of a
        // core, as long as the others are at work.
        let builder = Database::builder(path).cache_size(cache_bytes as u64).worker_threads(1);
        Ok(Self { db: builder.open().map_err(failed)?, path: path.to_owned() })
    }

    /// The view `name`, empty where there is none, as it is whenever it is read.
    ///
    /// # Errors
    /// The store's files could not be used.
    pub fn view(&self, name: &str) -> Result<View, StoreError> {
        let keyspace = self.db.keyspace(name, options).map_err(|error| self.error(error))?;
        View::new(keyspace, self.clone())
    }

    /// Gives the room of the view `name` back. Whoever reads it reads on.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        match self.db.keyspace_exists(name) {
            true => self.db.delete_keyspace(self.view(name)?.into_keyspace()).map_err(|error| self.error(error)),
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

    /// Makes durable what [`View::keep`] has written.
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

/// How the files of a view are written: compressed from the first run on. They are written once or twice, and read often.
fn options() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
}

fn reason(error: fjall::Error) -> io::Error {
    match error {
        fjall::Error::Io(error) => error,
        fjall::Error::Locked => io::Error::new(io::ErrorKind::ResourceBusy, "another process uses it"),
        other => io::Error::other(other),
    }
}

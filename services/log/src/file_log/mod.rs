//! The log of local files: segments and an anchor, one writer thread, any number of readers.
//!
//! A block is released in this order and no other: frame written, segment synced, anchor advanced,
//! readers told, future resolved. While one group of blocks is on its way the next one queues up,
//! and shares its syncs.

pub(crate) mod ends;
mod error;
mod joining;
pub(crate) mod opening;
mod options;
mod reader;
mod writer;

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use probity_tlog::CheckpointVerifier;
use tokio::sync::watch;

pub use error::OpenError;
pub use joining::{JoinError, join};
pub use options::{DEFAULT_SEGMENT_LENGTH, FileLogOptions};
pub use reader::BlockReader;

use crate::log::{AppendError, Durability, FatalError, Head, Log, ReadError, TellPanic};
use crate::storage::StoredFile;
use crate::tiles::Tiles;
use crate::{Block, Location};
use writer::{Submission, Writer};

/// A log in local files, open for appending. Closing it (dropping it) finishes the blocks that are
/// queued.
#[derive(Debug)]
pub struct FileLog {
    /// Taken when the log is closed, which ends the writer.
    queue: Option<mpsc::Sender<Submission>>,
    writer: Option<JoinHandle<()>>,
    failure: watch::Receiver<Option<Arc<FatalError>>>,
    reader: BlockReader,
    opening: Opening,
    /// Held for as long as the log is open.
    _lock: Arc<dyn StoredFile>,
}

/// What opening a log found above its anchor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opening {
    /// The number of blocks that were durable but not yet released, and are now.
    pub adopted: u64,
    /// The first of the bytes that were no whole block, never released, and are zeros now.
    pub discarded: Option<Location>,
    /// Whether the tiles were of no use and were made again from the blocks.
    pub rebuilt_tiles: bool,
}

impl FileLog {
    /// Makes a new, empty log.
    ///
    /// # Errors
    /// There is a log or an anchor already, another process has the directory, or the file system
    /// refuses.
    pub fn create(options: &FileLogOptions, verifier: CheckpointVerifier) -> Result<Self, OpenError> {
        opening::create(options)?;
        Self::open(options, verifier)
    }

    /// Opens a log whose checkpoints `verifier` opens, and takes in what an earlier process left
    /// above the anchor.
    ///
    /// # Errors
    /// Anything that is not as an earlier process can have left it, such as an anchor that the log
    /// does not reach: then a person has to look, and nothing at or below the anchor was changed.
    pub fn open(options: &FileLogOptions, verifier: CheckpointVerifier) -> Result<Self, OpenError> {
        let opened = opening::open(options, verifier, opening::Adopt::All)?;
        let (failure_sender, failure) = watch::channel(None);
        let (queue, submissions) = mpsc::channel();
        let writer = Writer { written: opened.written, released: opened.released };
        let writer = std::thread::Builder::new()
            .name("probity-log".into())
            .spawn(move || {
                let _panic = TellPanic(failure_sender.clone());
                writer.run(&submissions, &failure_sender);
            })
            .map_err(OpenError::Thread)?;
        Ok(Self {
            queue: Some(queue),
            writer: Some(writer),
            failure,
            reader: opened.reader,
            opening: opened.opening,
            _lock: opened.lock,
        })
    }

    /// What opening found above the anchor.
    #[must_use]
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Reads blocks without a runtime; cheap to clone, and still reads after the log was closed.
    #[must_use]
    pub fn reader(&self) -> &BlockReader {
        &self.reader
    }

    /// The nodes of the tree, for proofs.
    #[must_use]
    pub fn tiles(&self) -> &Tiles {
        self.reader.tiles()
    }

    /// Resolves when the log has failed: the process should then exit, and a restart find out what
    /// is durable.
    pub fn failed(&self) -> impl Future<Output = Arc<FatalError>> + Send + 'static {
        crate::log::failed(self.failure.clone())
    }
}

impl Log for FileLog {
    fn enqueue(&self, block: Block) -> Durability {
        let (resolver, durability) = Durability::pending();
        let closed = || AppendError::Fatal(Arc::new(FatalError::Closed));
        match &self.queue {
            // The writer answers for as long as the log is open, even after a failure.
            Some(queue) => match queue.send(Submission { block, resolver }) {
                Ok(()) => durability,
                Err(_) => Durability::resolved(Err(closed())),
            },
            None => Durability::resolved(Err(closed())),
        }
    }

    fn read(&self, height: u64) -> BoxStream<'_, Result<Block, ReadError>> {
        self.reader.read(height).boxed()
    }

    fn follow(&self, height: u64) -> BoxStream<'_, Result<Block, ReadError>> {
        self.reader.follow(height).boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<Head>, ReadError>> {
        std::future::ready(Ok(self.reader.head())).boxed()
    }

    fn block_of(&self, index: u64) -> Result<Block, ReadError> {
        self.reader.block_of(index)
    }
}

impl Drop for FileLog {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(Err(_)) = self.writer.take().map(JoinHandle::join) {
            tracing::error!("the writer of the log panicked");
        }
    }
}

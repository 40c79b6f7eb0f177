//! What carries the log of one process: local files, with or without a stream that other processes
//! append to as well.
//!
//! A writer works on a [`Backend`] and does not know which one it has. What only a stream can do,
//! such as electing a leader, is asked of [`JetStreamLog`] itself.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::watch;

use crate::{Block, BlockReader, Durability, FatalError, FileLog, JetStreamLog, Log, Opening, Status};

/// A [`Log`] that one process has open to write to.
pub trait Backend: Log {
    /// Reads committed blocks from the local files, without a runtime.
    fn reader(&self) -> &BlockReader;

    /// What opening the local files found above the anchor.
    fn opening(&self) -> &Opening;

    /// Whether other processes append to the log as well, so that a [`Conflict`] is no fault.
    ///
    /// [`Conflict`]: crate::AppendError::Conflict
    fn is_shared(&self) -> bool;

    /// Takes in blocks that another process appended and the caller has verified and judged. They
    /// continue what is committed. The future resolves once all of them are durable here and
    /// readers may see them.
    fn adopt(&self, blocks: Vec<Block>) -> Durability;

    /// How the log stands with its stream, now and whenever that changes; `None` without a stream.
    fn status(&self) -> Option<watch::Receiver<Status>>;

    /// Resolves when the local files have failed: the process should then exit, and a restart find
    /// out what is durable.
    fn failed(&self) -> BoxFuture<'static, Arc<FatalError>>;

    /// Finishes what is queued, as far as that does not wait for a stream that does not answer.
    /// The local files are given back when the log is dropped, at the latest.
    fn close(&self) -> BoxFuture<'_, ()>;
}

impl Backend for FileLog {
    fn reader(&self) -> &BlockReader {
        self.reader()
    }

    fn opening(&self) -> &Opening {
        self.opening()
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn adopt(&self, blocks: Vec<Block>) -> Durability {
        Durability::all(blocks.into_iter().map(|block| self.enqueue(block)))
    }

    fn status(&self) -> Option<watch::Receiver<Status>> {
        None
    }

    fn failed(&self) -> BoxFuture<'static, Arc<FatalError>> {
        self.failed().boxed()
    }

    /// The writer ends when the log is dropped.
    fn close(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

impl Backend for JetStreamLog {
    fn reader(&self) -> &BlockReader {
        self.reader()
    }

    fn opening(&self) -> &Opening {
        self.opening()
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn adopt(&self, blocks: Vec<Block>) -> Durability {
        self.adopt(blocks)
    }

    fn status(&self) -> Option<watch::Receiver<Status>> {
        Some(self.status())
    }

    fn failed(&self) -> BoxFuture<'static, Arc<FatalError>> {
        self.failed().boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.close().boxed()
    }
}

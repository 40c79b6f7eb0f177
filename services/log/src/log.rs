//! What a log is to everyone else: queue a block, read blocks back, wait for more.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use probity_tlog::Hash;
use tokio::sync::{oneshot, watch};

use crate::{Block, BlockFault, Disagreement, FrameFault, Location, StorageError};

/// The last committed block, and the tree it ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The height of the block.
    pub height: u64,
    /// The number of statements up to and including it.
    pub tree_size: u64,
    /// The root of the tree at that size.
    pub root: Hash,
    /// The block's time, in Unix seconds.
    pub time: u64,
}

/// A durable sequence of blocks with one writer and any number of readers.
///
/// Every implementation passes the suite in the module `conformance`.
pub trait Log: std::fmt::Debug + Send + Sync {
    /// Queues a block. Blocks are appended in the order of the calls, and the future resolves once
    /// this one is durable and readers may see it.
    ///
    /// Dropping the future does not take the block back. When a block fails, those queued after it
    /// fail too, since they continue it.
    fn enqueue(&self, block: Block) -> Durability;

    /// The committed blocks from `height` on; ends at the block that was the head when the end was
    /// reached.
    fn read(&self, height: u64) -> BoxStream<'_, Result<Block, ReadError>>;

    /// Like [`Log::read`], but waits for more at the head. Ends when the log is closed, or after an
    /// error.
    fn follow(&self, height: u64) -> BoxStream<'_, Result<Block, ReadError>>;

    /// The last committed block; `None` as long as there is none.
    fn head(&self) -> BoxFuture<'_, Result<Option<Head>, ReadError>>;

    /// The committed block that holds the statement at `index`. Blocks, and reads files.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    fn block_of(&self, index: u64) -> Result<Block, ReadError>;
}

/// Resolves when a queued block, or each of several, is durable, or will not be.
#[derive(Debug)]
pub struct Durability(VecDeque<oneshot::Receiver<Result<(), AppendError>>>);

/// The other end of a [`Durability`].
#[derive(Debug)]
pub struct Resolver(oneshot::Sender<Result<(), AppendError>>);

impl Durability {
    /// A future and what resolves it. A resolver that is dropped resolves it to
    /// [`FatalError::Closed`].
    #[must_use]
    pub fn pending() -> (Resolver, Self) {
        let (sender, receiver) = oneshot::channel();
        (Resolver(sender), Self(VecDeque::from([receiver])))
    }

    /// A future that is resolved already.
    #[must_use]
    pub fn resolved(outcome: Result<(), AppendError>) -> Self {
        let (resolver, durability) = Self::pending();
        resolver.resolve(outcome);
        durability
    }

    /// Resolves when all of these have, in their order; to the first error, as soon as there is
    /// one.
    #[must_use]
    pub fn all(durabilities: impl IntoIterator<Item = Self>) -> Self {
        Self(durabilities.into_iter().flat_map(|durability| durability.0).collect())
    }
}

impl Resolver {
    /// Resolves the future, if anyone still waits for it.
    pub fn resolve(self, outcome: Result<(), AppendError>) {
        drop(self.0.send(outcome));
    }
}

impl Future for Durability {
    type Output = Result<(), AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some(next) = self.0.front_mut() {
            let outcome = ready!(Pin::new(next).poll(context));
            self.0.pop_front();
            if let Err(error) = outcome.unwrap_or_else(|_| Err(AppendError::Fatal(Arc::new(FatalError::Closed)))) {
                self.0.clear();
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Why a block was not appended, or may not have been.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The block does not continue the log from its head: another one did before. Nothing was
    /// written.
    #[error("the log goes on from another block than this one expects")]
    Conflict {
        /// The last block that was appended; `None` if none was. It may not be durable yet.
        head: Option<Head>,
    },
    /// The block follows the head but does not verify. Nothing was written.
    #[error("the block does not verify")]
    Invalid(#[from] BlockFault),
    /// There is no room at present. Nothing was written, and the same block may be tried again.
    #[error("the log cannot take the block now")]
    Unavailable(#[source] Arc<Unavailable>),
    /// The block may or may not be in the log. Read what is at its height before trying anything
    /// else.
    #[error("it is not known whether block {height} was appended")]
    OutcomeUnknown {
        /// The height of the block.
        height: u64,
    },
    /// The stream that carries the log disagrees with what was signed: nothing is appended until a
    /// person has looked. What the log released before can be read.
    #[error("the log is halted: {0}")]
    Halted(Arc<Disagreement>),
    /// The log takes no more blocks; the process must exit and open it again, which tells whether
    /// this block is in it.
    #[error("the log has failed")]
    Fatal(#[source] Arc<FatalError>),
}

/// Resolves when a log has failed; never, if it was closed without a failure.
pub(crate) async fn failed(mut failure: watch::Receiver<Option<Arc<FatalError>>>) -> Arc<FatalError> {
    let found = failure.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
    match found {
        Some(failure) => failure,
        None => std::future::pending().await,
    }
}

/// Why a log cannot take a block for the time being.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// The next segment could not be made; most often because the disk is full.
    #[error("there is no room for another segment: {0}: {cause}", cause = .0.source)]
    NoSegment(StorageError),
}

/// Why a log takes no more blocks until it is opened again.
#[derive(Debug, thiserror::Error)]
pub enum FatalError {
    /// Writing or syncing failed, and what is on storage is unknown.
    #[error("a block could not be made durable")]
    Storage(#[from] StorageError),
    /// The anchor could not be moved to a block that is durable.
    #[error("the anchor could not be advanced")]
    Anchor(#[from] crate::AnchorError),
    /// A block does not fit into an empty segment.
    #[error("a block of {length} bytes does not fit into a segment of {segment_length}")]
    SegmentTooSmall {
        /// The length of the block in bytes.
        length: u64,
        /// The length of a segment in bytes.
        segment_length: u64,
    },
    /// Blocks that nobody was told of could not be given up.
    #[error("blocks that were not released could not be given up")]
    Retreat(#[source] Box<crate::OpenError>),
    /// The thread that writes broke down. A defect of ours.
    #[error("the thread that writes the log broke down, which is a defect")]
    Panicked,
    /// The log was closed, or its writer is gone.
    #[error("the log is closed")]
    Closed,
}

/// Tells of a panic in the thread that holds it.
pub(crate) struct TellPanic(pub(crate) watch::Sender<Option<Arc<FatalError>>>);

impl Drop for TellPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.send_if_modified(|failure| {
                let first = failure.is_none();
                failure.get_or_insert_with(|| Arc::new(FatalError::Panicked));
                first
            });
        }
    }
}

/// Why a block could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no committed block at that height.
    #[error("there is no block {height}")]
    NoSuchBlock {
        /// The height asked for.
        height: u64,
    },
    /// There is no committed statement at that index.
    #[error("there is no statement {index}")]
    NoSuchStatement {
        /// The index asked for.
        index: u64,
    },
    /// What is stored is not what was written.
    #[error("the log is damaged at {at}")]
    Damaged {
        /// Where.
        at: Location,
        /// What is wrong there.
        #[source]
        fault: FrameFault,
    },
    /// The file system refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The runtime shut down while reading.
    #[error("reading was abandoned")]
    Abandoned,
}

//! The one thread that appends: it makes groups of what is queued, and a group durable before it releases it.

use std::sync::{Arc, mpsc};

use probity_tlog::BlockTree;
use tokio::sync::watch;

use crate::log::{AppendError, FatalError, Head, Resolver, Unavailable};
use crate::segments::{AppendFailure, Appender, GROUP_BYTES, Segments};
use crate::tiles::Tiles;
use crate::{Anchor, Block, Chain};

/// A group ends at this many blocks, so that the first of them does not wait for ever more.
const GROUP_BLOCKS: usize = 64;

/// A queued block and who waits for it.
pub(super) struct Submission {
    pub(super) block: Block,
    pub(super) resolver: Resolver,
}

/// Owns everything that only one thread may change.
pub(super) struct Writer {
    appender: Appender,
    anchor: Anchor,
    chain: Chain,
    tiles: Tiles,
    head: watch::Sender<Option<Head>>,
}

impl Writer {
    pub(super) fn new(
        segments: Arc<Segments>,
        anchor: Anchor,
        chain: Chain,
        tiles: Tiles,
        head: watch::Sender<Option<Head>>,
    ) -> Self {
        Self { appender: Appender::new(segments), anchor, chain, tiles, head }
    }

    /// Appends what is queued until the queue is closed. After a failure everything is refused.
    pub(super) fn run(mut self, queue: &mpsc::Receiver<Submission>, failure: &watch::Sender<Option<Arc<FatalError>>>) {
        while let Ok(first) = queue.recv() {
            let mut resolvers = Vec::new();
            let Err(fatal) = self.commit(group(first, queue), &mut resolvers) else { continue };
            let fatal = Arc::new(fatal);
            tracing::error!(error = &*fatal as &dyn std::error::Error, "the log has failed");
            failure.send_replace(Some(fatal.clone()));
            for resolver in resolvers {
                resolver.resolve(Err(AppendError::Fatal(fatal.clone())));
            }
            for Submission { resolver, .. } in queue {
                resolver.resolve(Err(AppendError::Fatal(fatal.clone())));
            }
        }
    }

    /// Makes a group durable and releases it. Whoever is still in `resolvers` after an error has no answer yet.
    fn commit(
        &mut self,
        group: impl Iterator<Item = Submission>,
        resolvers: &mut Vec<Resolver>,
    ) -> Result<(), FatalError> {
        let mut leaves = Vec::new();
        let mut group = group;
        while let Some(Submission { block, resolver }) = group.next() {
            match self.append(&block) {
                Ok(tree) => {
                    leaves.extend_from_slice(tree.leaves());
                    resolvers.push(resolver);
                }
                Err(Refusal::Block(error)) => resolver.resolve(Err(error)),
                Err(Refusal::Fatal(fatal)) => {
                    resolvers.push(resolver);
                    resolvers.extend(group.map(|submission| submission.resolver));
                    return Err(fatal);
                }
            }
        }
        let Some(head) = self.chain.head().filter(|_| !resolvers.is_empty()) else { return Ok(()) };
        self.appender.sync()?;
        self.anchor.advance(head)?;
        self.tiles.append(leaves);
        self.head.send_replace(Some(head));
        for resolver in resolvers.drain(..) {
            resolver.resolve(Ok(()));
        }
        Ok(())
    }

    /// Writes one block if it continues the log.
    fn append(&mut self, block: &Block) -> Result<BlockTree, Refusal> {
        let head = self.chain.head();
        if block.height() != self.chain.next_height() || block.first_index() != self.chain.size() {
            return Err(Refusal::Block(AppendError::Conflict { head }));
        }
        let mut extended = self.chain.clone();
        let tree = extended.extend(block).map_err(|fault| Refusal::Block(fault.into()))?;
        self.appender.append(block).map_err(|failure| match failure {
            AppendFailure::NoSegment(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "there is no room for another segment");
                Refusal::Block(AppendError::Unavailable(Arc::new(Unavailable::NoSegment(error))))
            }
            AppendFailure::SegmentTooSmall { length, segment_length } => {
                Refusal::Fatal(FatalError::SegmentTooSmall { length, segment_length })
            }
            AppendFailure::Storage(error) => Refusal::Fatal(error.into()),
        })?;
        self.chain = extended;
        Ok(tree)
    }
}

/// Why a block was not written.
enum Refusal {
    /// Something about this block; the next may fare better.
    Block(AppendError),
    /// The log has failed.
    Fatal(FatalError),
}

/// `first` and what is queued already, up to the limits of a group.
fn group(first: Submission, queue: &mpsc::Receiver<Submission>) -> impl Iterator<Item = Submission> {
    let (mut blocks, mut bytes) = (0, 0);
    let mut first = Some(first);
    std::iter::from_fn(move || {
        if blocks == GROUP_BLOCKS || bytes >= GROUP_BYTES {
            return None;
        }
        let next = first.take().or_else(|| queue.try_recv().ok())?;
        blocks += 1;
        bytes += next.block.bytes().len();
        Some(next)
    })
}

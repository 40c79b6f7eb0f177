//! The one thread that appends: it makes groups of what is queued, and a group durable before it
//! releases it.

use std::sync::{Arc, mpsc};

use tokio::sync::watch;

use super::ends::{Refusal, Released, Written};
use crate::Block;
use crate::log::{AppendError, FatalError, Resolver};
use crate::segments::GROUP_BYTES;

/// A group ends at this many blocks, so that the first of them does not wait for ever more.
const GROUP_BLOCKS: usize = 64;

/// A queued block and who waits for it.
pub(super) struct Submission {
    pub(super) block: Block,
    pub(super) resolver: Resolver,
}

/// Owns everything that only one thread may change.
pub(super) struct Writer {
    pub(super) written: Written,
    pub(super) released: Released,
}

impl Writer {
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

    /// Makes a group durable and releases it. Whoever is still in `resolvers` after an error has no
    /// answer yet.
    fn commit(
        &mut self,
        group: impl Iterator<Item = Submission>,
        resolvers: &mut Vec<Resolver>,
    ) -> Result<(), FatalError> {
        let mut leaves = Vec::new();
        let mut group = group;
        while let Some(Submission { block, resolver }) = group.next() {
            match self.written.append(&block) {
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
        let Some(head) = self.written.chain().head().filter(|_| !resolvers.is_empty()) else { return Ok(()) };
        self.written.sync()?;
        self.released.advance(head, leaves)?;
        for resolver in resolvers.drain(..) {
            resolver.resolve(Ok(()));
        }
        Ok(())
    }
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

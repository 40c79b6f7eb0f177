//! The two ends of a log in local files: the last block that is written, and the last one that is
//! released.
//!
//! Between the two lie blocks that nobody was told of. They are released when they are durable
//! wherever they must be, or given up; a released block is never given up.

use std::sync::Arc;

use probity_tlog::{BlockTree, Hash};
use tokio::sync::watch;

use super::error::OpenError;
use crate::log::{AppendError, FatalError, Head, Unavailable};
use crate::segments::{AppendFailure, Appender, Segments};
use crate::tiles::Tiles;
use crate::{Anchor, AnchorError, Block, Chain};

/// Where blocks are written, released or not.
#[derive(Debug)]
pub(crate) struct Written {
    appender: Appender,
    chain: Chain,
}

/// Why a block was not written.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Something about this block; the next may fare better.
    Block(AppendError),
    /// The log has failed.
    Fatal(FatalError),
}

impl Written {
    /// Goes on after `chain`, which must be the end of what `segments` holds.
    pub(super) fn new(segments: Arc<Segments>, chain: Chain) -> Self {
        Self { appender: Appender::new(segments), chain }
    }

    /// Writes a block if it continues what is written. It is not durable before [`Written::sync`]
    /// has returned.
    pub(crate) fn append(&mut self, block: &Block) -> Result<BlockTree, Refusal> {
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

    /// Returns once everything written is on stable storage.
    pub(crate) fn sync(&mut self) -> Result<(), FatalError> {
        Ok(self.appender.sync()?)
    }

    /// The end of what is written.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Gives up what is written after `released`; on return it is gone from stable storage.
    pub(crate) fn retreat(&mut self, released: Chain) -> Result<(), OpenError> {
        self.appender.retreat(released.next_height())?;
        self.chain = released;
        Ok(())
    }
}

/// What readers see: the blocks up to the anchor.
#[derive(Debug)]
pub(crate) struct Released {
    anchor: Anchor,
    tiles: Tiles,
    head: watch::Sender<Option<Head>>,
}

impl Released {
    pub(super) fn new(anchor: Anchor, tiles: Tiles, head: watch::Sender<Option<Head>>) -> Self {
        Self { anchor, tiles, head }
    }

    /// Lets readers see the durable blocks up to `head`, which add `leaves` to the tree. On return
    /// the anchor covers them.
    pub(crate) fn advance(&mut self, head: Head, leaves: impl IntoIterator<Item = Hash>) -> Result<(), AnchorError> {
        self.anchor.advance(head)?;
        self.tiles.append(leaves);
        self.head.send_replace(Some(head));
        Ok(())
    }
}

//! Reading committed blocks.

use std::sync::Arc;

use futures::Stream;
use futures::stream;
use tokio::sync::watch;

use crate::Block;
use crate::log::{Head, ReadError};
use crate::segments::{Cursor, Segments};
use crate::tiles::Tiles;

/// About how many bytes of blocks are read at once for a stream.
const BATCH_BYTES: usize = 256 * 1024;

/// Reads a log's committed blocks: those its anchor covers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BlockReader {
    segments: Arc<Segments>,
    tiles: Tiles,
    head: watch::Receiver<Option<Head>>,
}

impl BlockReader {
    pub(super) fn new(segments: Arc<Segments>, tiles: Tiles, head: watch::Receiver<Option<Head>>) -> Self {
        Self { segments, tiles, head }
    }

    /// The last committed block; `None` as long as there is none.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        *self.head.borrow()
    }

    /// The nodes of the tree, for proofs at any size up to the head's.
    #[must_use]
    pub fn tiles(&self) -> &Tiles {
        &self.tiles
    }

    /// The committed block at `height`. Reads a file.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn block(&self, height: u64) -> Result<Block, ReadError> {
        match self.head() {
            Some(head) if height <= head.height => self.segments.block(height),
            _ => Err(ReadError::NoSuchBlock { height }),
        }
    }

    /// The committed block that holds the statement at `index`. Reads files.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn block_of(&self, index: u64) -> Result<Block, ReadError> {
        match self.head() {
            Some(head) if index < head.tree_size => self.segments.block_of(index),
            _ => Err(ReadError::NoSuchStatement { index }),
        }
    }

    /// The committed blocks from `height` on, up to the present head. Reads files on the blocking
    /// threads of the Tokio runtime that polls it, and panics outside of one.
    pub fn read(&self, height: u64) -> impl Stream<Item = Result<Block, ReadError>> + Send + 'static {
        self.stream(height, false)
    }

    /// Like [`BlockReader::read`], and then those that are committed later. Ends when the log is
    /// closed, or after an error.
    pub fn follow(&self, height: u64) -> impl Stream<Item = Result<Block, ReadError>> + Send + 'static {
        self.stream(height, true)
    }

    fn stream(&self, height: u64, wait: bool) -> impl Stream<Item = Result<Block, ReadError>> + Send + 'static {
        let cursor = Cursor::new(self.segments.clone(), height);
        let state = Some((cursor, self.head.clone()));
        let batches = stream::unfold(state, move |state| async move {
            let (cursor, mut head) = state?;
            let next = cursor.height();
            let covers = |head: &Option<Head>| head.is_some_and(|head| head.height >= next);
            let last = if wait {
                (*head.wait_for(covers).await.ok()?)?.height
            } else {
                (*head.borrow()).filter(|head| head.height >= next)?.height
            };
            match tokio::task::spawn_blocking(move || batch(cursor, last)).await {
                Ok((Some(cursor), blocks)) => Some((blocks, Some((cursor, head)))),
                Ok((None, blocks)) => Some((blocks, None)),
                Err(_) => Some((vec![Err(ReadError::Abandoned)], None)),
            }
        });
        futures::StreamExt::flat_map(batches, stream::iter)
    }
}

/// Some blocks up to `last`, the last of them an error if one could not be read; then there is no
/// going on.
fn batch(mut cursor: Cursor, last: u64) -> (Option<Cursor>, Vec<Result<Block, ReadError>>) {
    let (mut blocks, mut bytes) = (Vec::new(), 0);
    while cursor.height() <= last && bytes < BATCH_BYTES {
        match cursor.next(last) {
            Ok(block) => {
                bytes += block.bytes().len();
                blocks.push(Ok(block));
            }
            Err(error) => {
                blocks.push(Err(error));
                return (None, blocks);
            }
        }
    }
    (Some(cursor), blocks)
}

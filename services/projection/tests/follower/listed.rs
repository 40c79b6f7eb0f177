//! A log that is a list of blocks, good ones and others, of which a test shows as many as it likes.

use std::sync::Mutex;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use probity_log::{Block, Durability, Head, Log, ReadError};
use probity_tlog::{Checkpoint, Hash};
use tokio::sync::watch;

/// A list of blocks; those beyond what is shown are not there yet.
#[derive(Debug)]
pub(crate) struct Listed {
    blocks: Mutex<Vec<Block>>,
    shown: watch::Sender<usize>,
    followed: Mutex<Vec<u64>>,
    broken: Mutex<Option<usize>>,
}

impl Listed {
    /// All of `blocks`, shown.
    pub(crate) fn new(blocks: Vec<Block>) -> Self {
        let shown = watch::Sender::new(blocks.len());
        Self { blocks: Mutex::new(blocks), shown, followed: Mutex::default(), broken: Mutex::default() }
    }

    /// One block more, shown.
    pub(crate) fn push(&self, block: Block) {
        let count = {
            let mut blocks = self.blocks.lock().unwrap();
            blocks.push(block);
            blocks.len()
        };
        self.shown.send_replace(count);
    }

    /// Only the first `count` blocks are there.
    pub(crate) fn show(&self, count: usize) {
        self.shown.send_replace(count);
    }

    /// From which heights it was followed.
    pub(crate) fn followed(&self) -> Vec<u64> {
        self.followed.lock().unwrap().clone()
    }

    /// Following gives an error in the place of the block that comes after `count`.
    pub(crate) fn break_after(&self, count: usize) {
        *self.broken.lock().unwrap() = Some(count);
    }

    fn block(&self, place: usize) -> Option<Block> {
        let shown = *self.shown.borrow();
        self.blocks.lock().unwrap().get(place).filter(|_| place < shown).cloned()
    }
}

/// The root that a block's checkpoint names, whoever signed it.
fn root(block: &Block) -> Hash {
    let text = block.checkpoint().split_once("\n\n").map(|(text, _)| format!("{text}\n"));
    text.and_then(|text| Checkpoint::parse(&text).ok()).map_or(Hash::EMPTY_ROOT, |checkpoint| checkpoint.root)
}

impl Log for Listed {
    fn enqueue(&self, block: Block) -> Durability {
        self.push(block);
        Durability::resolved(Ok(()))
    }

    fn read(&self, height: u64) -> BoxStream<'_, Result<Block, ReadError>> {
        let places = usize::try_from(height).unwrap_or(usize::MAX)..;
        stream::iter(places.map_while(|place| self.block(place)).map(Ok)).boxed()
    }

    fn follow(&self, height: u64) -> BoxStream<'_, Result<Block, ReadError>> {
        self.followed.lock().unwrap().push(height);
        let state = (usize::try_from(height).unwrap(), self.shown.subscribe());
        let blocks = stream::unfold(state, move |(place, mut shown)| async move {
            if *self.broken.lock().unwrap() == Some(place) {
                return Some((Err(ReadError::NoSuchBlock { height: place as u64 }), (place + 1, shown)));
            }
            shown.wait_for(|shown| *shown > place).await.ok()?;
            Some((Ok(self.block(place)?), (place + 1, shown)))
        });
        blocks.boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<Head>, ReadError>> {
        let last = self.shown.borrow().checked_sub(1).and_then(|place| self.block(place));
        let head = last.map(|block| Head {
            height: block.height(),
            tree_size: block.tree_size(),
            root: root(&block),
            time: block.time(),
        });
        std::future::ready(Ok(head)).boxed()
    }

    fn block_of(&self, index: u64) -> Result<Block, ReadError> {
        let shown = *self.shown.borrow();
        let blocks = self.blocks.lock().unwrap();
        let found = blocks.iter().take(shown).find(|block| block.statement(index).is_some());
        found.cloned().ok_or(ReadError::NoSuchStatement { index })
    }
}

//! The replay of a whole log by a verifier, which has nothing but the blocks.

use probity_admission::State;
use probity_log::Block;

use crate::index::Index;
use crate::index_store::IndexTree;
use crate::replay::{Batch, Genesis, Replay, ReplayError, Signatures};

/// Replays a log from its first block, signatures included.
#[derive(Debug)]
pub struct Verifier {
    state: State,
    index: Index,
    batch: Batch,
}

impl Verifier {
    /// Begins with what `genesis` founds. `scratch` is an empty tree; it holds what does not fit
    /// into memory and can be thrown away afterwards.
    ///
    /// # Errors
    /// The founding statement cannot be judged by, or the index does not start.
    pub fn new(genesis: &Genesis, scratch: IndexTree) -> Result<Self, ReplayError> {
        Ok(Self { state: genesis.state()?, index: Index::start(scratch)?, batch: Batch::default() })
    }

    /// Takes the next block, which a chain has checked. Its statements are judged with those of
    /// later blocks, so a fault may be of a block given earlier.
    ///
    /// # Errors
    /// The first statement that does not replay, or the scratch tree cannot be read or written.
    pub fn push(&mut self, block: Block) -> Result<(), ReplayError> {
        self.batch.push(block);
        if self.batch.is_full() { self.replay() } else { Ok(()) }
    }

    /// Judges the rest.
    ///
    /// # Errors
    /// As [`Verifier::push`].
    pub fn finish(mut self) -> Result<(), ReplayError> {
        self.replay()
    }

    fn replay(&mut self) -> Result<(), ReplayError> {
        Replay::new(&mut self.state, &mut self.index, Signatures::Verify).take_in(&self.batch.take(), 0)
    }
}

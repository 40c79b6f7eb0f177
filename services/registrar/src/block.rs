//! Blocks on their way to the log: filling, sealed, committed.

use std::sync::Arc;

use bytes::Bytes;
use probity_admission::Mark;
use probity_ledger::{CommittedBlock, Entries};
use probity_log::{Block, BlockError, MAX_BLOCK_STATEMENTS, STATEMENT_OVERHEAD, TARGET_BLOCK_LENGTH};
use probity_statement::LedgerSecrets;
use probity_tlog::{BlockTree, CheckpointSigner, Frontier, Hash, KeyNameError};

/// Signs what ends a block: the checkpoint and the root that receipts are made from.
#[derive(Debug)]
pub(crate) struct Sealer {
    secrets: LedgerSecrets,
    checkpoints: CheckpointSigner,
}

/// A block that still takes statements. Its time is fixed: it was set when the block was opened.
#[derive(Debug)]
pub(crate) struct OpenBlock {
    pub(crate) height: u64,
    pub(crate) first_index: u64,
    pub(crate) time: u64,
    statements: Vec<Bytes>,
    leaves: Vec<Hash>,
    length: usize,
    pub(crate) entries: Entries,
    /// The state before its first statement, to return to if the block does not become durable.
    pub(crate) before: Mark,
    /// The tree before its first statement.
    pub(crate) frontier: Frontier,
}

/// A block that is on its way to storage.
#[derive(Debug)]
pub(crate) struct SealedBlock {
    pub(crate) committed: Arc<CommittedBlock>,
    pub(crate) entries: Entries,
    pub(crate) before: Mark,
    pub(crate) frontier: Frontier,
}

impl OpenBlock {
    pub(crate) fn new(height: u64, time: u64, frontier: Frontier, before: Mark) -> Self {
        let first_index = frontier.size();
        let (statements, leaves, entries) = (Vec::new(), Vec::new(), Entries::default());
        Self { height, first_index, time, statements, leaves, length: 0, entries, before, frontier }
    }

    /// The index that the next statement gets.
    pub(crate) fn next_index(&self) -> u64 {
        self.first_index + self.leaves.len() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Whether a statement of this length still fits.
    pub(crate) fn has_room(&self, length: usize) -> bool {
        self.is_empty()
            || (self.leaves.len() < MAX_BLOCK_STATEMENTS
                && self.length + length + STATEMENT_OVERHEAD <= TARGET_BLOCK_LENGTH)
    }

    pub(crate) fn push(&mut self, statement: Bytes, leaf: Hash) {
        self.length += statement.len() + STATEMENT_OVERHEAD;
        self.statements.push(statement);
        self.leaves.push(leaf);
    }
}

/// Why a block could not be sealed. A defect of ours: limits are kept while it fills.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The block breaks a limit.
    #[error("the block could not be made: {0}")]
    Block(#[from] BlockError),
}

impl Sealer {
    pub(crate) fn new(secrets: LedgerSecrets) -> Result<Self, KeyNameError> {
        Ok(Self { checkpoints: secrets.checkpoint_signer()?, secrets })
    }

    /// Ends a block: root, checkpoint, bytes, and the signature its receipts share.
    pub(crate) fn seal(&self, open: OpenBlock) -> Result<SealedBlock, SealError> {
        let tree = BlockTree::new(&open.frontier, &open.leaves);
        let (size, root) = (open.next_index(), tree.root());
        let checkpoint = self.checkpoints.sign(size, root, open.time);
        let block = Block::new(open.height, open.first_index, open.time, &open.statements, &checkpoint)?;
        let committed = CommittedBlock::new(block, tree, &self.secrets.origin, &self.secrets.receipt);
        let committed = Arc::new(committed);
        let OpenBlock { entries, before, frontier, .. } = open;
        Ok(SealedBlock { committed, entries, before, frontier })
    }
}

//! The verified prefix of a log: everything that must be true of the next block.
//!
//! Opening, appending, following, scrubbing and offline verification all run this one check.

use probity_tlog::{BlockTree, CheckpointError, CheckpointVerifier, Frontier, Hash, leaf_hash};

use crate::{Block, Head};

/// The end of a log all of whose blocks have been checked, or are vouched for by an anchor.
#[derive(Debug, Clone)]
pub struct Chain {
    verifier: CheckpointVerifier,
    frontier: Frontier,
    head: Option<Head>,
}

impl Chain {
    /// The empty log of the ledger with these keys.
    #[must_use]
    pub fn new(verifier: CheckpointVerifier) -> Self {
        Self { verifier, frontier: Frontier::new(), head: None }
    }

    /// Goes on after `head`, whose tree has the right edge `frontier`.
    ///
    /// # Errors
    /// The frontier is of another tree.
    pub fn resume(
        verifier: CheckpointVerifier,
        frontier: Frontier,
        head: Option<Head>,
    ) -> Result<Self, FrontierMismatch> {
        let (size, root) = head.map_or((0, Hash::EMPTY_ROOT), |head| (head.tree_size, head.root));
        if frontier.size() != size || frontier.root() != root {
            return Err(FrontierMismatch { size, root, found_size: frontier.size(), found_root: frontier.root() });
        }
        Ok(Self { verifier, frontier, head })
    }

    /// Checks that `block` continues this log, takes it in, and returns its tree (for receipts and
    /// stored nodes).
    ///
    /// # Errors
    /// It does not; the chain stays as it was.
    pub fn extend(&mut self, block: &Block) -> Result<BlockTree, BlockFault> {
        if block.height() != self.next_height() {
            return Err(BlockFault::Height { expected: self.next_height(), found: block.height() });
        }
        if block.first_index() != self.frontier.size() {
            return Err(BlockFault::FirstIndex { expected: self.frontier.size(), found: block.first_index() });
        }
        let earliest = self.head.map_or(0, |head| head.time);
        if block.time() < earliest {
            return Err(BlockFault::TimeWentBack { previous: earliest, found: block.time() });
        }
        let signed = self.verifier.open(block.checkpoint())?;
        if signed.time != block.time() {
            return Err(BlockFault::TimeNotSigned { signed: signed.time, found: block.time() });
        }
        if signed.checkpoint.size != block.tree_size() {
            return Err(BlockFault::Size { signed: signed.checkpoint.size, found: block.tree_size() });
        }
        let leaves: Vec<Hash> = block.statements().map(leaf_hash).collect();
        let tree = BlockTree::new(&self.frontier, &leaves);
        if signed.checkpoint.root != tree.root() {
            return Err(BlockFault::Root { signed: signed.checkpoint.root, computed: tree.root() });
        }
        self.frontier = tree.frontier_after();
        self.head =
            Some(Head { height: block.height(), tree_size: tree.size(), root: tree.root(), time: block.time() });
        Ok(tree)
    }

    /// From the next block on checkpoints are signed by other keys: for whoever read of a rotation
    /// in the log.
    pub fn rotate(&mut self, verifier: CheckpointVerifier) {
        self.verifier = verifier;
    }

    /// The keys the next block must be signed with.
    #[must_use]
    pub fn verifier(&self) -> &CheckpointVerifier {
        &self.verifier
    }

    /// The last block; `None` for the empty log.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// The height the next block must have.
    #[must_use]
    pub fn next_height(&self) -> u64 {
        self.head.map_or(0, |head| head.height + 1)
    }

    /// The number of statements so far, which is the index of the next.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The right edge of the tree.
    #[must_use]
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }
}

/// A frontier does not belong to the head it was given with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the frontier is of size {found_size} and root {found_root}, not of size {size} and root {root}")]
pub struct FrontierMismatch {
    /// The size of the head's tree.
    pub size: u64,
    /// The root of the head's tree.
    pub root: Hash,
    /// The size of the frontier's tree.
    pub found_size: u64,
    /// The root of the frontier's tree.
    pub found_root: Hash,
}

/// Why a block does not continue a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// Its height does not follow.
    #[error("the block has height {found} where {expected} follows")]
    Height {
        /// The height that follows.
        expected: u64,
        /// The block's.
        found: u64,
    },
    /// Its first statement's index does not follow.
    #[error("the block starts at index {found} where {expected} follows")]
    FirstIndex {
        /// The index that follows.
        expected: u64,
        /// The block's.
        found: u64,
    },
    /// It is older than the block before it.
    #[error("the block's time {found} is before its predecessor's, {previous}")]
    TimeWentBack {
        /// The predecessor's time in Unix seconds.
        previous: u64,
        /// The block's.
        found: u64,
    },
    /// Its time is not the one the clock key signed.
    #[error("the block's time is {found} where the clock signed {signed}")]
    TimeNotSigned {
        /// The signed time in Unix seconds.
        signed: u64,
        /// The block's.
        found: u64,
    },
    /// Its checkpoint is not one of this ledger.
    #[error("the block's checkpoint does not verify")]
    Checkpoint(#[from] CheckpointError),
    /// Its checkpoint is for another size.
    #[error("the checkpoint is for size {signed}, the block ends at {found}")]
    Size {
        /// The signed size.
        signed: u64,
        /// The size after the block.
        found: u64,
    },
    /// Its statements do not lead to the signed root.
    #[error("the statements lead to root {computed}, the checkpoint has {signed}")]
    Root {
        /// The signed root.
        signed: Hash,
        /// The root over the statements.
        computed: Hash,
    },
}

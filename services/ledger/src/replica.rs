//! From what is on disk to a replica that can be read and written to.
//!
//! The admission state and the index of event ids and revisions are kept on disk, bound to a size
//! and a root. If they belong to this log, only its tail is folded; if not, they are thrown away
//! and folded from the first block.

use std::sync::Arc;

use probity_admission::State;
use probity_log::{Backend, BlockReader, Head, ReadError};
use probity_projection::Cursor;
use probity_statement::{LedgerKeys, LedgerSecrets};
use probity_tlog::Frontier;

use crate::error::with_causes;
use crate::index::{Index, IndexError};
use crate::index_store::{IndexTree, StoreError};
use crate::ledger::Ledger;
use crate::replay::{Batch, Genesis, Replay, ReplayError, Signatures, cursor_after};

/// Why a replica does not open.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The log has no block yet.
    #[error("the log is empty: found a ledger first")]
    Empty,
    /// The log could not be read.
    #[error("{}", with_causes(.0))]
    Log(#[from] ReadError),
    /// The stored nodes of the tree could not be read.
    #[error("{}", with_causes(.0))]
    Tiles(#[from] probity_log::TilesError),
    /// The keys in the key directory are not the ledger's.
    #[error("the private keys given are not those of the ledger: its {which} key is another one")]
    WrongKeys {
        /// Which key.
        which: &'static str,
    },
    /// The index could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A statement in the log is not readable, or should not have been admitted.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The index could not be opened.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Everything that is folded from a log, at one position of it.
///
/// A writer runs ahead of the log: it admits into `state` and seals after `head`, and goes back
/// where a block does not become durable. Whatever else a replica does is done when the two agree.
#[derive(Debug)]
pub struct Replica {
    /// The index of what is durable.
    pub index: Index,
    /// The admission state, after everything admitted here.
    pub state: State,
    /// The right edge of the tree, after everything sealed here.
    pub frontier: Frontier,
    /// The last block sealed or taken in here.
    pub head: Head,
    ledger: Arc<Ledger>,
}

impl Replica {
    /// Brings the admission state and the index in `tree` up to the head of the log. Takes as long
    /// as folding what the log has beyond the index.
    ///
    /// `secrets` are the ledger's private keys, in a process that has them.
    ///
    /// # Errors
    /// The log has no block, cannot be read or is not of the ledger with these keys; the index
    /// cannot be read or written; or a statement is not readable or should not have been admitted.
    pub fn open(
        backend: Arc<dyn Backend>,
        tree: IndexTree,
        secrets: Option<&LedgerSecrets>,
    ) -> Result<Self, ReplicaError> {
        // The log has verified what it wrote.
        Self::fold(backend, tree, secrets, Signatures::AlreadyVerified, |_| {})
    }

    /// The same for a copy that nobody vouches for: the signatures of statements that `tree` has not
    /// seen are verified as well. `progress` is told how many statements are folded.
    ///
    /// # Errors
    /// As [`Replica::open`], and a signature that does not verify.
    pub fn read_copy(
        backend: Arc<dyn Backend>,
        tree: IndexTree,
        progress: impl FnMut(u64),
    ) -> Result<Self, ReplicaError> {
        let mut replica = Self::fold(backend, tree, None, Signatures::Verify, progress)?;
        // The next one begins where this one ends.
        replica.index.drain(&replica.state)?;
        Ok(replica)
    }

    fn fold(
        backend: Arc<dyn Backend>,
        tree: IndexTree,
        secrets: Option<&LedgerSecrets>,
        signatures: Signatures,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, ReplicaError> {
        let reader = backend.reader().clone();
        let head = reader.head().ok_or(ReplicaError::Empty)?;
        let genesis = Genesis::read(&reader.block(0)?)?;
        if let Some(secrets) = secrets {
            own_keys(genesis.keys(), secrets)?;
        }

        let Resumed { mut state, state_height, next_height } = match resume(&reader, &tree, &genesis)? {
            Some(resumed) => resumed,
            None => {
                tree.clear()?;
                Resumed { state: genesis.state()?, state_height: 0, next_height: 0 }
            }
        };
        let ids = tree.clone();
        let mut index = Index::start(tree)?;
        if state_height <= head.height {
            tracing::info!(from = state_height, to = head.height, "folding the log into the admission state");
        }
        let mut replay = Replay::new(&mut state, &mut index, signatures);
        let mut batch = Batch::default();
        for height in state_height..=head.height {
            let block = reader.block(height)?;
            progress(block.tree_size());
            batch.push(block);
            if batch.is_full() || height == head.height {
                replay.take_in(&batch.take(), next_height)?;
            }
        }
        let frontier = reader.tiles().frontier(head.tree_size)?;
        let receipt_key = secrets.map(|secrets| secrets.receipt.clone());
        let ledger = Arc::new(Ledger::new(backend, genesis.keys().clone(), receipt_key, (head, state.rights()), ids));
        Ok(Self { index, state, frontier, head, ledger })
    }

    /// The read side of the same log.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }
}

/// What was on disk and belongs to this log.
struct Resumed {
    state: State,
    /// The first height that the state has not seen.
    state_height: u64,
    /// The first height that the index has not seen; never before the state's.
    next_height: u64,
}

/// The index and the state on disk, as far as they belong to this log.
fn resume(log: &BlockReader, tree: &IndexTree, genesis: &Genesis) -> Result<Option<Resumed>, ReplicaError> {
    let cursor = match Index::cursor(tree) {
        Ok(Some(cursor)) if cursor.next_height > 0 => cursor,
        Ok(_) => return Ok(None),
        Err(error @ StoreError::Cursor { .. }) => {
            tracing::warn!(%error, "the index is folded anew");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    if !belongs(log, &cursor)? {
        tracing::warn!(size = cursor.tree_size, "the index does not belong to this log; it is folded anew");
        return Ok(None);
    }
    let next_height = cursor.next_height;
    if let Some((taken_at, bytes)) = Index::state(tree)?
        && taken_at.next_height <= next_height
        && belongs(log, &taken_at)?
    {
        match State::from_snapshot(&bytes) {
            Ok(state) => return Ok(Some(Resumed { state, state_height: taken_at.next_height, next_height })),
            Err(error) => tracing::warn!(%error, "the admission state is folded anew"),
        }
    }
    Ok(Some(Resumed { state: genesis.state()?, state_height: 0, next_height }))
}

fn belongs(log: &BlockReader, cursor: &Cursor) -> Result<bool, ReplicaError> {
    let Some(last) = cursor.next_height.checked_sub(1) else { return Ok(false) };
    match log.block(last) {
        Ok(block) => Ok(cursor_after(&block)? == *cursor),
        Err(ReadError::NoSuchBlock { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The private keys must be those that the founding statement names.
fn own_keys(named: &LedgerKeys, secrets: &LedgerSecrets) -> Result<(), ReplicaError> {
    let own = secrets.public();
    let which = match () {
        () if named.origin != own.origin => "origin's",
        () if named.checkpoint != own.checkpoint => "checkpoint",
        () if named.clock != own.clock => "clock",
        () if named.receipt != own.receipt => "receipt",
        () => return Ok(()),
    };
    Err(ReplicaError::WrongKeys { which })
}

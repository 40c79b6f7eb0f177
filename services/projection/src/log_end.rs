//! How far a view is, with all that is needed to check the next block: a view goes on by itself, without other files.

use probity_log::{Chain, Head};
use probity_statement::{LedgerKeys, PublicKey};
use probity_tlog::{Frontier, Hash};
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::record::{decode, encode};
use crate::store::{Cursor, StoreError, View};

/// The key of the end, beside that of the cursor.
const END_KEY: [u8; 2] = [0, 1];

/// The verified end of what a view has taken in.
#[derive(Debug, Clone)]
pub(crate) struct LogEnd {
    pub(crate) chain: Chain,
    /// The keys that the next block must be signed with.
    pub(crate) keys: LedgerKeys,
    /// Those that the last block is signed with: it may itself be the one that changes them.
    pub(crate) last_keys: LedgerKeys,
}

/// What is kept of an end beside the cursor.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Stored {
    time: u64,
    checkpoint: [u8; 32],
    clock: [u8; 32],
    last_checkpoint: [u8; 32],
    last_clock: [u8; 32],
    frontier: Vec<[u8; 32]>,
}

/// Why an end cannot be gone on from; the view is then folded anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogEndError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("what the view holds of the log's end is not readable")]
    Unreadable,
}

impl LogEnd {
    /// Before the first block.
    pub(crate) fn beginning(keys: LedgerKeys) -> Result<Self, LogEndError> {
        let verifier = keys.checkpoint_verifier().map_err(|_| LogEndError::Unreadable)?;
        Ok(Self { chain: Chain::new(verifier), last_keys: keys.clone(), keys })
    }

    /// Where a view is; at the beginning for a new one.
    pub(crate) fn of(view: &View, keys: &LedgerKeys) -> Result<Self, LogEndError> {
        let Some(cursor) = view.cursor()? else { return Self::beginning(keys.clone()) };
        let bytes = view.get(&END_KEY)?.ok_or(LogEndError::Unreadable)?;
        let stored = decode::<Stored>(0, &bytes).map_err(|_| LogEndError::Unreadable)?;
        let key = |bytes: &[u8; 32]| PublicKey::from_bytes(bytes).map_err(|_| LogEndError::Unreadable);
        let last_keys =
            LedgerKeys { checkpoint: key(&stored.last_checkpoint)?, clock: key(&stored.last_clock)?, ..keys.clone() };
        let keys = LedgerKeys { checkpoint: key(&stored.checkpoint)?, clock: key(&stored.clock)?, ..keys.clone() };
        let nodes = stored.frontier.into_iter().map(Hash).collect();
        let frontier = Frontier::from_nodes(cursor.tree_size, nodes).map_err(|_| LogEndError::Unreadable)?;
        let height = cursor.next_height.checked_sub(1).ok_or(LogEndError::Unreadable)?;
        let head = Head { height, tree_size: cursor.tree_size, root: cursor.root, time: stored.time };
        let verifier = keys.checkpoint_verifier().map_err(|_| LogEndError::Unreadable)?;
        let chain = Chain::resume(verifier, frontier, Some(head)).map_err(|_| LogEndError::Unreadable)?;
        Ok(Self { chain, keys, last_keys })
    }

    /// The last block taken in.
    pub(crate) fn head(&self) -> Option<Head> {
        self.chain.head()
    }

    /// Puts what is to be kept into the batch that leads here; the cursor goes with it.
    pub(crate) fn keep(&self, batch: &mut Batch<'_>) -> Result<Cursor, StoreError> {
        let stored = Stored {
            time: self.head().map_or(0, |head| head.time),
            checkpoint: self.keys.checkpoint.as_dalek().to_bytes(),
            clock: self.keys.clock.as_dalek().to_bytes(),
            last_checkpoint: self.last_keys.checkpoint.as_dalek().to_bytes(),
            last_clock: self.last_keys.clock.as_dalek().to_bytes(),
            frontier: self.chain.frontier().nodes().iter().map(|node| *node.as_bytes()).collect(),
        };
        batch.insert(END_KEY, encode(0, &stored)?);
        let root = self.head().map_or(Hash::EMPTY_ROOT, |head| head.root);
        Ok(Cursor { next_height: self.chain.next_height(), tree_size: self.chain.size(), root })
    }
}

//! Taking in what another process appended: nothing is believed that was not checked and judged
//! here.

use std::sync::Arc;

use futures::executor::block_on;
use probity_log::{AppendError, Block, BlockFault, Chain, Disagreement, FrontierMismatch};
use probity_projection::Cursor;
use probity_tlog::KeyNameError;

use crate::error::with_causes;
use crate::index::{Commit, Entries, IndexError};
use crate::replay::{self, Replay, ReplayError, Signatures};
use crate::replica::Replica;

/// Why blocks were not taken in, or not all of them.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    /// There is no room for them at present. Nothing was taken in, and they may be tried again.
    #[error("{0}")]
    NoRoom(Arc<probity_log::Unavailable>),
    /// A block does not continue what is committed. Those before it were taken in.
    #[error("{}", Disagreement::Unverified { height: *height, index: *index, fault: fault.clone() })]
    Unverified {
        /// The height that follows what is committed.
        height: u64,
        /// The index that follows.
        index: u64,
        /// What is wrong with the block.
        fault: BlockFault,
    },
    /// A block holds a statement that is not readable or should not have been admitted. Those
    /// before it were taken in.
    #[error("in the stream, {}", with_causes(.fault))]
    Inadmissible {
        /// What is wrong with it.
        fault: ReplayError,
    },
    /// What is folded here does not belong to what is committed. A defect of ours.
    #[error(transparent)]
    Frontier(#[from] FrontierMismatch),
    /// The ledger's name cannot stand in a checkpoint.
    #[error(transparent)]
    Origin(#[from] KeyNameError),
    /// They could not be made durable here.
    #[error("{}", with_causes(.0))]
    Append(AppendError),
    /// They are durable here, but the index could not be written.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl Replica {
    /// Takes in blocks that continue what is committed. Those before the first bad one are taken
    /// in. May be called only while nothing admitted here is on its way; waits for the disk.
    ///
    /// # Errors
    /// See [`AdoptionError`]. Except where there is no room, a person has to look before anything
    /// is written.
    pub fn adopt(&mut self, blocks: &[Block]) -> Result<(), AdoptionError> {
        // What came twice is known.
        let known = blocks.iter().take_while(|block| block.height() <= self.head.height).count();
        let blocks = &blocks[known..];
        let before = self.state.mark();
        let Judged { good, fault, entries, cursor, chain } = self.judge(blocks);
        if let Some(fault) = fault {
            self.state.go_back(&before);
            self.state.forget(None);
            if good > 0 {
                self.adopt(&blocks[..good])?;
            }
            return Err(fault);
        }
        let (Some(chain), Some(cursor)) = (chain, cursor) else { return Ok(()) };
        if let Err(error) = block_on(self.ledger().backend().adopt(blocks.to_vec())) {
            self.state.go_back(&before);
            self.state.forget(None);
            return Err(match error {
                AppendError::Unavailable(reason) => AdoptionError::NoRoom(reason),
                error => AdoptionError::Append(error),
            });
        }
        self.state.forget(None);
        let changes = self.state.changes();
        let state = &self.state;
        self.index.commit(Commit { entries, cursor, changes }, || state.clone())?;
        if let Some(head) = chain.head() {
            self.frontier = chain.frontier().clone();
            self.head = head;
            self.ledger().publish_rights(self.state.rights());
            self.ledger().publish_head(head);
        }
        Ok(())
    }

    /// Verifies blocks and judges their statements, as far as they are good.
    fn judge(&mut self, blocks: &[Block]) -> Judged {
        let mut judged = Judged { good: 0, fault: None, entries: Entries::default(), cursor: None, chain: None };
        let mut chain = match self.chain() {
            Ok(chain) => chain,
            Err(fault) => {
                judged.fault = Some(fault);
                return judged;
            }
        };
        let mut whole = 0;
        for block in blocks {
            let (height, index) = (chain.next_height(), chain.size());
            if let Err(fault) = chain.extend(block) {
                judged.fault = Some(AdoptionError::Unverified { height, index, fault });
                break;
            }
            whole += 1;
        }
        // Indices are what they say only in blocks that continue the chain.
        let mut replay = Replay::new(&mut self.state, &mut self.index, Signatures::Verify);
        let replay::Judged { good, entries, cursor, fault } = replay.judge(&blocks[..whole]);
        let fault = fault.map(|fault| AdoptionError::Inadmissible { fault }).or(judged.fault);
        Judged { good, fault, entries, cursor, chain: Some(chain) }
    }

    fn chain(&self) -> Result<Chain, AdoptionError> {
        let verifier = self.ledger().keys().checkpoint_verifier()?;
        Ok(Chain::resume(verifier, self.frontier.clone(), Some(self.head))?)
    }
}

/// What came of judging blocks.
struct Judged {
    /// How many are good.
    good: usize,
    /// What is wrong with the one after them.
    fault: Option<AdoptionError>,
    entries: Entries,
    cursor: Option<Cursor>,
    chain: Option<Chain>,
}

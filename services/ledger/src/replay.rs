//! Judging a log again: from blocks to statements to admission.
//!
//! Start-up, taking in the blocks of another process and every verifier run this one replay, with
//! the rules that judged at the door. What it keeps in memory beyond the admission state is bounded
//! by the blocks it is given at once, whatever the log's length.
//!
//! It believes that blocks continue each other and lead to their signed roots: a [`Chain`] has
//! checked that before.
//!
//! [`Chain`]: probity_log::Chain

use probity_admission::{AdmitError, GenesisError, History, Position, Refusal, State, Submitted, Verdict};
use probity_log::Block;
use probity_projection::Cursor;
use probity_schemas::{Event, EventId};
use probity_statement::{Keyring, LedgerKeys, SignatureError, SignedStatement, StatementError};
use probity_tlog::{Checkpoint, Hash, Note};
use rayon::prelude::*;

use crate::index::{Commit, Entries, Index, IndexError, Past};
use crate::index_store::StoreError;

/// Statements that are read, and their signatures verified, together on all cores.
const TOGETHER: usize = 2_048;

/// Why a log does not replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The first block does not found a ledger.
    #[error("block 0 does not found a ledger")]
    Genesis(#[from] GenesisError),
    /// The log does not begin with the statement that founds the ledger.
    #[error("the first block of the log begins with index {index}, not with 0")]
    NotFromTheStart {
        /// The index it begins with.
        index: u64,
    },
    /// A statement is not readable. Only a newer version, or a fault, can have written it.
    #[error("the statement at index {index} (block {height}) is not readable by this version")]
    Unreadable {
        /// Its position.
        index: u64,
        /// The height of its block.
        height: u64,
        /// What is wrong with it.
        source: StatementError,
    },
    /// The signature of a statement does not verify by the keys known at its position.
    #[error("the statement at index {index} (block {height}) does not verify")]
    Signature {
        /// Its position.
        index: u64,
        /// The height of its block.
        height: u64,
        /// What is wrong with the signature.
        source: SignatureError,
    },
    /// A statement breaks the rules in force at its position.
    #[error("the statement at index {index} (block {height}): {event_type} should not have been admitted: {refusal}")]
    Inadmissible {
        /// Its position.
        index: u64,
        /// The height of its block.
        height: u64,
        /// Its type.
        event_type: &'static str,
        /// The rule it breaks.
        refusal: Box<Refusal>,
    },
    /// A statement carries an event id that its issuer had used before.
    #[error("the statement at index {index} (block {height}): its event id is that of index {first}")]
    Repeated {
        /// Its position.
        index: u64,
        /// The height of its block.
        height: u64,
        /// Where the id was used first.
        first: u64,
    },
    /// From a statement on, rules hold that this version does not know.
    #[error("the statement at index {index} (block {height}): rule set {found} is not known to this version: upgrade")]
    UnknownRuleSet {
        /// The position of the statement.
        index: u64,
        /// The height of its block.
        height: u64,
        /// The rule set.
        found: u32,
    },
    /// A checkpoint cannot be read; blocks were given that no chain has checked.
    #[error("the checkpoint of block {height} is not readable")]
    Checkpoint {
        /// The height of the block.
        height: u64,
    },
    /// The index could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index could not be written.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Whether the signatures of statements are verified again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signatures {
    /// They are, with the keys known at each position.
    Verify,
    /// They were when the blocks were written, and the bytes are those that were written.
    AlreadyVerified,
}

/// What the first block of a log founds.
#[derive(Debug)]
pub struct Genesis {
    statement: SignedStatement,
    keys: LedgerKeys,
}

impl Genesis {
    /// Reads the first block of a log.
    ///
    /// # Errors
    /// It does not begin with a statement that founds a ledger.
    pub fn read(block: &Block) -> Result<Self, ReplayError> {
        let Some(bytes) = block.statement(0) else {
            return Err(ReplayError::NotFromTheStart { index: block.first_index() });
        };
        let statement = SignedStatement::parse(bytes::Bytes::copy_from_slice(bytes)).map_err(GenesisError::from)?;
        let keys = LedgerKeys::from_founding(&statement).map_err(GenesisError::from)?;
        Ok(Self { statement, keys })
    }

    /// The public keys that the ledger was founded with.
    pub fn keys(&self) -> &LedgerKeys {
        &self.keys
    }

    /// The leaf hash of the founding statement, which clients pin.
    pub fn leaf_hash(&self) -> Hash {
        self.statement.leaf_hash()
    }

    /// The admission state after the founding statement.
    ///
    /// # Errors
    /// The statement names rules that this version does not know, or administrators that cannot be.
    pub fn state(&self) -> Result<State, ReplayError> {
        Ok(State::found(&self.statement)?)
    }
}

/// What came of judging blocks.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// How many are good.
    pub(crate) good: usize,
    /// What they add to the index.
    pub(crate) entries: Entries,
    /// The end of the last good one.
    pub(crate) cursor: Option<Cursor>,
    /// What is wrong with the one after them.
    pub(crate) fault: Option<ReplayError>,
}

/// The replay of a log into an admission state and an index.
#[derive(Debug)]
pub struct Replay<'a> {
    state: &'a mut State,
    index: &'a mut Index,
    signatures: Signatures,
}

impl<'a> Replay<'a> {
    /// Goes on after the statements that `state` has seen. `index` may know more by now.
    pub fn new(state: &'a mut State, index: &'a mut Index, signatures: Signatures) -> Self {
        Self { state, index, signatures }
    }

    /// Judges blocks and takes them into the index. `from` is the first height that the index has
    /// not seen; blocks below it are folded for the state's sake only.
    ///
    /// # Errors
    /// The first thing that is wrong, or the index could not be read or written.
    pub fn take_in(&mut self, blocks: &[Block], from: u64) -> Result<(), ReplayError> {
        let known = blocks.iter().take_while(|block| block.height() < from).count();
        let (known, new) = blocks.split_at(known);
        for (blocks, is_new) in [(known, false), (new, true)] {
            let Judged { entries, cursor, fault, .. } = self.judge(blocks);
            if let Some(fault) = fault {
                return Err(fault);
            }
            if let Some(cursor) = cursor.filter(|_| is_new) {
                let state = &*self.state;
                self.index.commit(Commit { entries, cursor, changes: state.changes() }, || state.clone())?;
            }
        }
        Ok(())
    }

    /// Judges blocks, as far as they are good, and leaves the index as it is. The state is that
    /// after the last statement that was admitted.
    pub(crate) fn judge(&mut self, blocks: &[Block]) -> Judged {
        let mut judged = Judged::default();
        let mut rest = blocks;
        while !rest.is_empty() {
            let (some, later) = rest.split_at(together(rest));
            let mut read = self.read(some).into_iter();
            for block in some {
                match self.block(block, &mut read, &mut judged.entries) {
                    Ok(cursor) => judged.cursor = Some(cursor),
                    Err(fault) => {
                        judged.fault = Some(fault);
                        return judged;
                    }
                }
                judged.good += 1;
            }
            rest = later;
        }
        judged
    }

    /// Reads the statements of blocks, and verifies signatures by the keys known ahead of them.
    fn read(&self, blocks: &[Block]) -> Vec<Result<Statement, StatementError>> {
        let keyring = match self.signatures {
            Signatures::Verify => Some(&**self.state.keyring()),
            Signatures::AlreadyVerified => None,
        };
        let all: Vec<&[u8]> = blocks.iter().flat_map(Block::statements).collect();
        all.par_iter().map(|bytes| Statement::read(bytes, keyring)).collect()
    }

    fn block(
        &mut self,
        block: &Block,
        read: &mut impl Iterator<Item = Result<Statement, StatementError>>,
        entries: &mut Entries,
    ) -> Result<Cursor, ReplayError> {
        let height = block.height();
        for (index, statement) in (block.first_index()..block.tree_size()).zip(read) {
            let statement = statement.map_err(|source| ReplayError::Unreadable { index, height, source })?;
            // Statement 0 is what the state was founded on, and has verified itself.
            if index > 0 {
                self.statement(&statement, index, block, entries)?;
            }
        }
        cursor_after(block)
    }

    fn statement(
        &mut self,
        Statement { statement, event, is_verified }: &Statement,
        index: u64,
        block: &Block,
        entries: &mut Entries,
    ) -> Result<(), ReplayError> {
        let height = block.height();
        if !is_verified {
            // By a key that a statement just ahead of this one enrolled, if at all.
            let verified = self.state.keyring().verify(statement);
            verified.map_err(|source| ReplayError::Signature { index, height, source })?;
        }
        let submitted = Submitted { statement, event, expected_revision: None };
        let position = Position { index, block_time: block.time() };
        let past = Past { index: self.index, pending: std::iter::once(&*entries) };
        match self.state.admit(submitted, position, &Before { history: &past, index }) {
            Ok(Verdict::Admitted(admitted)) => {
                self.index.note(&admitted);
                entries.insert(&admitted, statement.subject(), index);
                Ok(())
            }
            Ok(Verdict::AlreadyRecorded { index: first }) => Err(ReplayError::Repeated { index, height, first }),
            Err(AdmitError::Refused(refusal)) => {
                let event_type = event.event_type();
                Err(ReplayError::Inadmissible { index, height, event_type, refusal: Box::new(refusal) })
            }
            Err(AdmitError::UnknownRuleSet { found, .. }) => Err(ReplayError::UnknownRuleSet { index, height, found }),
            Err(AdmitError::History(error)) => Err(error.into()),
        }
    }
}

/// Blocks that are replayed together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    blocks: Vec<Block>,
    statements: usize,
}

impl Batch {
    pub(crate) fn push(&mut self, block: Block) {
        self.statements += block.statements().len();
        self.blocks.push(block);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.statements >= TOGETHER
    }

    pub(crate) fn take(&mut self) -> Vec<Block> {
        self.statements = 0;
        std::mem::take(&mut self.blocks)
    }
}

/// How many of the blocks to read at once.
fn together(blocks: &[Block]) -> usize {
    let mut statements = 0;
    let before = blocks.iter().take_while(|block| {
        let before = statements;
        statements += block.statements().len();
        before < TOGETHER
    });
    before.count()
}

/// A statement that was read.
#[derive(Debug)]
struct Statement {
    statement: SignedStatement,
    event: Event,
    /// Whether its signature is known to verify.
    is_verified: bool,
}

impl Statement {
    /// Without a keyring its signature has been verified before.
    fn read(bytes: &[u8], keyring: Option<&Keyring>) -> Result<Self, StatementError> {
        let statement = SignedStatement::parse(bytes::Bytes::copy_from_slice(bytes))?;
        let event = statement.event()?;
        let is_verified = keyring.is_none_or(|keyring| keyring.verify(&statement).is_ok());
        Ok(Self { statement, event, is_verified })
    }
}

/// The past as it was before a position, although the index may know more by now.
struct Before<'a, H> {
    history: &'a H,
    index: u64,
}

impl<H: History> History for Before<'_, H> {
    type Error = H::Error;

    fn event_index(&self, issuer: u32, id: &EventId) -> Result<Option<u64>, H::Error> {
        Ok(self.history.event_index(issuer, id)?.filter(|index| *index < self.index))
    }

    /// May be later than the position. All that is asked of it is whether it has been reached.
    fn revision(&self, subject: &str) -> Result<u64, H::Error> {
        self.history.revision(subject)
    }
}

/// How far the log is folded after a block.
pub(crate) fn cursor_after(block: &Block) -> Result<Cursor, ReplayError> {
    let height = block.height();
    let checkpoint = Note::parse(block.checkpoint()).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
    let Checkpoint { size, root, .. } = checkpoint.ok_or(ReplayError::Checkpoint { height })?;
    Ok(Cursor { next_height: height + 1, tree_size: size, root })
}

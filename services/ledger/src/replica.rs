//! From what is on disk to a replica that can be read and written to.
//!
//! The admission state and the index of event ids and revisions are kept on disk, bound to a size and a root. If they
//! belong to this log, only its tail is folded; if not, they are thrown away and folded from the first block.

use std::io;
use std::sync::Arc;

use probity_admission::{AdmitError, GenesisError, History, Position, State, Submitted, Verdict};
use probity_log::{Backend, Block, Head, ReadError, Reader};
use probity_projection::{Cursor, StoreError, View};
use probity_schemas::{Event, EventId};
use probity_statement::{LedgerKeys, LedgerKeysError, LedgerSecrets, SignedStatement, StatementError};
use probity_tlog::{Frontier, Hash};

use crate::error::with_causes;
use crate::index::{Commit, Entries, Index, IndexError, Past};
use crate::ledger::Ledger;

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
    /// The first block does not found a ledger.
    #[error("block 0 does not found a ledger: {0}")]
    Genesis(#[from] GenesisError),
    /// The keys in the key directory are not the ledger's.
    #[error("the private keys given are not those of the ledger: its {which} key is another one")]
    WrongKeys {
        /// Which key.
        which: &'static str,
    },
    /// The founding statement is not readable.
    #[error(transparent)]
    Founding(#[from] LedgerKeysError),
    /// The index could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A statement in the log is not readable. Only a newer version, or a fault, can have written it.
    #[error("the statement at index {index} is not readable by this version: {source}")]
    Statement {
        /// Its position.
        index: u64,
        /// What is wrong with it.
        source: StatementError,
    },
    /// A statement in the log breaks the rules in force at its position.
    #[error("the statement at index {index} should not have been admitted: {reason}")]
    Inadmissible {
        /// Its position.
        index: u64,
        /// The rule it breaks.
        reason: String,
    },
    /// The index could not be written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[source] io::Error),
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
    /// Brings the admission state and the index in `view` up to the head of the log. Takes as long
    /// as folding what the log has beyond the index.
    ///
    /// `secrets` are the ledger's private keys, in a process that has them.
    ///
    /// # Errors
    /// The log has no block, cannot be read or is not of the ledger with these keys; the index
    /// cannot be read or written; or a statement is not readable or should not have been admitted.
    pub fn open(backend: Arc<dyn Backend>, view: View, secrets: Option<&LedgerSecrets>) -> Result<Self, ReplicaError> {
        let reader = backend.reader().clone();
        let head = reader.head().ok_or(ReplicaError::Empty)?;
        let genesis = reader.block(0)?;
        let first = parse(&genesis, 0)?.0;
        let keys = LedgerKeys::from_founding(&first)?;
        if let Some(secrets) = secrets {
            own_keys(&keys, secrets)?;
        }

        let Resumed { mut state, state_height, next_height } = match resume(&reader, &view, &first)? {
            Some(resumed) => resumed,
            None => {
                view.clear()?;
                Resumed { state: State::found(&first)?, state_height: 0, next_height: 0 }
            }
        };
        let mut index = Index::start(view).map_err(ReplicaError::Thread)?;
        if state_height <= head.height {
            tracing::info!(from = state_height, to = head.height, "folding the log into the admission state");
        }
        for height in state_height..=head.height {
            let mut entries = Entries::default();
            let cursor = fold(&reader.block(height)?, &mut state, &index, &mut entries, |_| true)?;
            // What the index has already was only folded for the state's sake.
            if height >= next_height {
                index.commit(Commit { entries, cursor, changes: state.changes() }, || state.clone())?;
            }
        }
        let frontier = reader.tiles().frontier(head.tree_size)?;
        let receipt_key = secrets.map(|secrets| secrets.receipt.clone());
        let ledger = Arc::new(Ledger::new(backend, keys, receipt_key, head, state.rights()));
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
fn resume(log: &Reader, view: &View, founding: &SignedStatement) -> Result<Option<Resumed>, ReplicaError> {
    let cursor = match Index::cursor(view) {
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
    if let Some((taken_at, bytes)) = Index::state(view)?
        && taken_at.next_height <= next_height
        && belongs(log, &taken_at)?
    {
        match State::from_snapshot(&bytes) {
            Ok(state) => return Ok(Some(Resumed { state, state_height: taken_at.next_height, next_height })),
            Err(error) => tracing::warn!(%error, "the admission state is folded anew"),
        }
    }
    Ok(Some(Resumed { state: State::found(founding)?, state_height: 0, next_height }))
}

fn belongs(log: &Reader, cursor: &Cursor) -> Result<bool, ReplicaError> {
    let Some(last) = cursor.next_height.checked_sub(1) else { return Ok(false) };
    match log.block(last) {
        Ok(block) => Ok(root_of(&block) == Some((cursor.tree_size, cursor.root))),
        Err(ReadError::NoSuchBlock { .. }) => Ok(false),
        Err(error) => Err(error.into()),
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

    /// May be later than the position. What is asked of it is only whether it has been reached.
    fn revision(&self, subject: &str) -> Result<u64, H::Error> {
        self.history.revision(subject)
    }
}

/// Size and root of a block's checkpoint.
pub(crate) fn root_of(block: &Block) -> Option<(u64, Hash)> {
    let text = probity_tlog::Note::parse(block.checkpoint()).ok()?.text().to_owned();
    let checkpoint = probity_tlog::Checkpoint::parse(&text).ok()?;
    Some((checkpoint.size, checkpoint.root))
}

/// Judges the statements of a block again; they must be admitted as they were. `entries` are those of blocks that the
/// index has not seen, and become those up to this block. `is_verified` says of an index whether the signature of its
/// statement is known to verify; it is verified here if not.
pub(crate) fn fold(
    block: &Block,
    state: &mut State,
    index: &Index,
    entries: &mut Entries,
    is_verified: impl Fn(u64) -> bool,
) -> Result<Cursor, ReplicaError> {
    for at in block.first_index()..block.tree_size() {
        let (statement, event) = parse(block, at)?;
        // Statement 0 is what the state was founded on.
        if at == 0 {
            continue;
        }
        let submitted = Submitted { statement: &statement, event: &event, expected_revision: None };
        let position = Position { index: at, block_time: block.time() };
        if !is_verified(at) {
            let verified = state.keyring().verify(&statement);
            verified.map_err(|error| ReplicaError::Inadmissible { index: at, reason: error.to_string() })?;
        }
        let past = Past { index, pending: std::iter::once(&*entries) };
        let verdict = state.admit(submitted, position, &Before { history: &past, index: at });
        let reason = match verdict {
            Ok(Verdict::Admitted(admitted)) => {
                index.note(&admitted);
                entries.insert(&admitted, statement.subject(), at);
                continue;
            }
            Ok(Verdict::AlreadyRecorded { index }) => format!("its event id is that of index {index}"),
            Err(AdmitError::History(error)) => return Err(error.into()),
            Err(error) => format!("{}: {error}", event.event_type()),
        };
        return Err(ReplicaError::Inadmissible { index: at, reason });
    }
    let (tree_size, root) = root_of(block).unwrap_or((block.tree_size(), Hash::EMPTY_ROOT));
    Ok(Cursor { next_height: block.height() + 1, tree_size, root })
}

fn parse(block: &Block, index: u64) -> Result<(SignedStatement, Event), ReplicaError> {
    let bytes = block.statement(index).ok_or(ReadError::NoSuchStatement { index })?;
    let readable = || {
        let statement = SignedStatement::parse(bytes::Bytes::copy_from_slice(bytes))?;
        let event = statement.event()?;
        Ok((statement, event))
    };
    readable().map_err(|source| ReplicaError::Statement { index, source })
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

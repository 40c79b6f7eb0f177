//! The offline verifier of a whole ledger: from its files alone, everything that was claimed is
//! checked again.
//!
//! Every frame, checkpoint, clock signature and root; every statement's signature; every admission,
//! by the same rules that judged at the door. Nothing is locked or changed, and no key but the ones
//! in the log is needed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

use anyhow::{Context, Result};
use bytes::Bytes;
use probity_admission::{History, Position, State, Submitted, Verdict};
use probity_ledger::with_causes;
use probity_log::{Block, Chain, FileLogOptions, Head, Progress, ScrubError, first_block, scrub};
use probity_schemas::{Event, EventId, Origin};
use probity_statement::{LedgerKeys, SignedStatement};
use rayon::prelude::*;

/// Statements whose signatures are verified together, on all cores.
const BATCH: usize = 2_048;

/// What a ledger was found to be.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) origin: Origin,
    pub(crate) founding_leaf_hash: String,
    pub(crate) head: Option<Head>,
    pub(crate) checkpoint: String,
    /// Whether there was an anchor, and so a proof that nothing at the end is missing.
    pub(crate) anchored: bool,
}

/// What of a ledger does not verify.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsound {
    #[error("{}", with_causes(.0))]
    Log(ScrubError),
    #[error("the first block does not found a ledger: {reason}")]
    Genesis { reason: String },
    #[error("the ledger was founded by another statement: leaf hash {found}, expected {expected}")]
    OtherLedger { expected: String, found: String },
    #[error("the statement at index {index} (block {height}): {reason}")]
    Statement { index: u64, height: u64, reason: String },
}

// Not derived: the message says the causes already, so there is no source to print after it.
impl From<ScrubError> for Unsound {
    fn from(error: ScrubError) -> Self {
        Self::Log(error)
    }
}

impl Unsound {
    /// Whether the files could not be read at all, which says nothing about the ledger.
    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Log(ScrubError::Storage(_)))
    }
}

/// The public keys of the ledger in these files.
pub(crate) fn ledger_keys(options: &FileLogOptions) -> Result<LedgerKeys, Unsound> {
    let genesis = first_block(options)?;
    let (keys, _, _) = founding(&genesis).map_err(|reason| Unsound::Genesis { reason })?;
    Ok(keys)
}

/// Verifies the ledger in these files. `pinned` is the leaf hash of the founding statement, if the
/// caller knows it.
pub(crate) fn verify(
    options: &FileLogOptions,
    pinned: Option<&str>,
    mut progress: impl FnMut(Progress),
) -> Result<Result<Sound, Unsound>> {
    let genesis = match first_block(options) {
        Ok(block) => block,
        Err(error) => return Ok(Err(error.into())),
    };
    let (keys, state, leaf) = match founding(&genesis) {
        Ok(founding) => founding,
        Err(reason) => return Ok(Err(Unsound::Genesis { reason })),
    };
    if let Some(expected) = pinned.filter(|pinned| *pinned != leaf) {
        return Ok(Err(Unsound::OtherLedger { expected: expected.to_owned(), found: leaf }));
    }
    let chain = Chain::new(keys.checkpoint_verifier().context("the ledger's origin")?);
    let mut replay = Replay { state, seen: Seen::default(), unverified: Vec::new(), checkpoint: String::new() };
    let mut fault = None;
    let scrubbed = scrub(options, chain, |block, at, _| {
        progress(at);
        match replay.block(block) {
            Ok(()) => ControlFlow::Continue(()),
            Err(found) => {
                fault = Some(found);
                ControlFlow::Break(())
            }
        }
    });
    // A statement's fault comes before whatever stands behind it.
    if let Some(fault) = fault.or_else(|| replay.verify_signatures().err()) {
        return Ok(Err(fault));
    }
    Ok(match scrubbed {
        Err(error) => Err(error.into()),
        Ok(scrubbed) => Ok(Sound {
            origin: keys.origin,
            founding_leaf_hash: leaf,
            head: scrubbed.head,
            checkpoint: replay.checkpoint,
            anchored: scrubbed.anchored.is_some(),
        }),
    })
}

fn founding(genesis: &Block) -> Result<(LedgerKeys, State, String), String> {
    let bytes = genesis.statement(0).ok_or("it holds no statement")?;
    let statement = SignedStatement::parse(Bytes::copy_from_slice(bytes)).map_err(|error| error.to_string())?;
    let keys = LedgerKeys::from_founding(&statement).map_err(|error| error.to_string())?;
    let state = State::found(&statement).map_err(|error| error.to_string())?;
    Ok((keys, state, statement.leaf_hash().to_string()))
}

struct Replay {
    state: State,
    seen: Seen,
    /// Statements that were admitted but whose signatures are still to be verified: index, height,
    /// statement.
    unverified: Vec<(u64, u64, SignedStatement)>,
    checkpoint: String,
}

impl Replay {
    fn block(&mut self, block: &Block) -> Result<(), Unsound> {
        let height = block.height();
        for (index, bytes) in (block.first_index()..).zip(block.statements()) {
            let fault = |reason: String| Unsound::Statement { index, height, reason };
            let statement = SignedStatement::parse(Bytes::copy_from_slice(bytes));
            let statement = statement.map_err(|error| fault(error.to_string()))?;
            let event = statement.event().map_err(|error| fault(error.to_string()))?;
            if index > 0 {
                self.judge(&statement, &event, Position { index, block_time: block.time() }).map_err(fault)?;
            }
            self.unverified.push((index, height, statement));
        }
        block.checkpoint().clone_into(&mut self.checkpoint);
        if self.unverified.len() >= BATCH { self.verify_signatures() } else { Ok(()) }
    }

    fn judge(&mut self, statement: &SignedStatement, event: &Event, position: Position) -> Result<(), String> {
        let submitted = Submitted { statement, event, expected_revision: None };
        match self.state.admit(submitted, position, &self.seen) {
            Ok(Verdict::Admitted(admitted)) => {
                self.seen.events.insert((admitted.issuer, admitted.id), position.index);
                self.seen.revisions.insert(statement.subject().to_owned(), admitted.revision);
                Ok(())
            }
            Ok(Verdict::AlreadyRecorded { index }) => Err(format!("its event id is that of index {index}")),
            Err(error) => Err(format!("{} should not have been admitted: {error}", event.event_type())),
        }
    }

    fn verify_signatures(&mut self) -> Result<(), Unsound> {
        let keyring = self.state.keyring();
        let bad = self.unverified.par_iter().find_map_first(|(index, height, statement)| {
            let error = keyring.verify(statement).err()?;
            Some(Unsound::Statement { index: *index, height: *height, reason: error.to_string() })
        });
        self.unverified.clear();
        bad.map_or(Ok(()), Err)
    }
}

/// Everything recorded so far, in memory.
#[derive(Default)]
struct Seen {
    events: HashMap<(u32, EventId), u64>,
    revisions: HashMap<String, u64>,
}

impl History for Seen {
    type Error = Infallible;

    fn event_index(&self, issuer: u32, id: &EventId) -> Result<Option<u64>, Infallible> {
        Ok(self.events.get(&(issuer, *id)).copied())
    }

    fn revision(&self, subject: &str) -> Result<u64, Infallible> {
        Ok(self.revisions.get(subject).copied().unwrap_or(0))
    }
}

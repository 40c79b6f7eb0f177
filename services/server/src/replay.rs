//! The offline verifier of a whole ledger: from its files alone, everything that was claimed is
//! checked again.
//!
//! Every frame, checkpoint, clock signature and root; every statement's signature; every admission,
//! by the same rules that judged at the door. Nothing is locked or changed, and no key but the ones
//! in the log is needed. What does not fit into memory goes into a temporary directory.

use std::ops::ControlFlow;

use anyhow::{Context, Result};
use probity_ledger::{Genesis, ReplayError, Verifier, with_causes};
use probity_log::{Block, Chain, FileLogOptions, Head, Progress, ScrubError, first_block, scrub};
use probity_projection::Store;
use probity_schemas::Origin;
use probity_statement::LedgerKeys;
use probity_tlog::Hash;

/// The page cache of the temporary store, in bytes.
const SCRATCH_CACHE: usize = 64 << 20;

/// What a ledger was found to be.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) origin: Origin,
    pub(crate) founding_leaf_hash: Hash,
    pub(crate) head: Option<Head>,
    pub(crate) checkpoint: String,
    /// Whether there was an anchor, and so a proof that nothing at the end is missing.
    pub(crate) anchored: bool,
}

/// What of a ledger does not verify.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsound {
    // The messages say the causes already, so there is no source to print after them.
    #[error("{}", with_causes(.0))]
    Log(ScrubError),
    #[error("{}", with_causes(.0))]
    Replay(ReplayError),
    #[error("the ledger was founded by another statement: leaf hash {found}, expected {expected}")]
    OtherLedger { expected: String, found: Hash },
}

impl From<ScrubError> for Unsound {
    fn from(error: ScrubError) -> Self {
        Self::Log(error)
    }
}

impl From<ReplayError> for Unsound {
    fn from(error: ReplayError) -> Self {
        Self::Replay(error)
    }
}

impl Unsound {
    /// Whether files could not be read or written, which says nothing about the ledger.
    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Log(ScrubError::Storage(_)) | Self::Replay(ReplayError::Store(_) | ReplayError::Index(_)))
    }
}

/// The public keys of the ledger in these files.
pub(crate) fn ledger_keys(options: &FileLogOptions) -> Result<LedgerKeys, Unsound> {
    Ok(Genesis::read(&first_block(options)?)?.keys().clone())
}

/// Verifies the ledger in these files. `pinned` is the leaf hash of the founding statement, if the
/// caller knows it.
pub(crate) fn verify(
    options: &FileLogOptions,
    pinned: Option<&str>,
    progress: impl FnMut(Progress),
) -> Result<Result<Sound, Unsound>> {
    let scratch = tempfile::Builder::new().prefix("probity-verify-").tempdir();
    let scratch = scratch.context("cannot make a temporary directory")?;
    let store = Store::open(scratch.path(), SCRATCH_CACHE)?;
    let genesis = match founding(options, pinned) {
        Ok(genesis) => genesis,
        Err(unsound) => return Ok(Err(unsound)),
    };
    let chain = Chain::new(genesis.keys().checkpoint_verifier().context("the ledger's origin")?);
    let verifier = Verifier::new(&genesis, store.view("verify")?);
    Ok(verifier.map_err(Unsound::from).and_then(|verifier| replay(options, &genesis, chain, verifier, progress)))
}

fn founding(options: &FileLogOptions, pinned: Option<&str>) -> Result<Genesis, Unsound> {
    let genesis = Genesis::read(&first_block(options)?)?;
    let found = genesis.leaf_hash();
    match pinned.filter(|pinned| *pinned != found.to_string()) {
        Some(expected) => Err(Unsound::OtherLedger { expected: expected.to_owned(), found }),
        None => Ok(genesis),
    }
}

fn replay(
    options: &FileLogOptions,
    genesis: &Genesis,
    chain: Chain,
    mut verifier: Verifier,
    mut progress: impl FnMut(Progress),
) -> Result<Sound, Unsound> {
    let mut checkpoint = String::new();
    let mut fault = None;
    let scrubbed = scrub(options, chain, |block: &Block, at, _| {
        progress(at);
        block.checkpoint().clone_into(&mut checkpoint);
        match verifier.push(block.clone()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(found) => {
                fault = Some(found);
                ControlFlow::Break(())
            }
        }
    });
    // A statement's fault comes before all that stands behind it.
    match fault {
        Some(fault) => return Err(fault.into()),
        None => verifier.finish()?,
    }
    let scrubbed = scrubbed?;
    Ok(Sound {
        origin: genesis.keys().origin.clone(),
        founding_leaf_hash: genesis.leaf_hash(),
        head: scrubbed.head,
        checkpoint,
        anchored: scrubbed.anchored.is_some(),
    })
}

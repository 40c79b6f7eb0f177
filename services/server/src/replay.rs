//! The offline verifier of a whole ledger: from its files alone, everything that was claimed is
//! checked again.
//!
//! Every frame, checkpoint, clock signature and root; every statement's signature; every admission,
//! by the same rules that judged at the door. Nothing is locked or changed, and no key but the ones
//! in the log is needed. What does not fit into memory goes into a temporary directory.

use std::ops::ControlFlow;

use anyhow::{Context, Result};
use probity_ledger::{Genesis, IndexStore, ReplayError, Verifier, with_causes};
use probity_log::{Block, Chain, FileLogOptions, Head, Progress, ScrubError, first_block, scrub};
use probity_schemas::Origin;
use probity_statement::LedgerKeys;
use probity_tlog::{BlockTree, Checkpoint, CheckpointError, Frontier, Hash, leaf_hash};

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
    #[error("the checkpoint to hold it against is not one of this ledger: {0}")]
    OtherCheckpoint(CheckpointError),
    #[error("statements are missing: the checkpoint covers {expected}, the log ends with {found}")]
    Shorter { expected: u64, found: u64 },
    #[error(
        "the first {size} statements are not those of the checkpoint: their root is {found}, the checkpoint's is \
         {expected}"
    )]
    Rewritten { size: u64, expected: Hash, found: Hash },
}

/// What is known of a ledger ahead of verifying it, to hold it against.
#[derive(Debug, Default)]
pub(crate) struct Known<'a> {
    /// The leaf hash of the founding statement.
    pub(crate) founding_leaf_hash: Option<&'a str>,
    /// An earlier checkpoint, as a signed note.
    pub(crate) checkpoint: Option<&'a str>,
}

impl Known<'_> {
    /// Whether it says anything.
    pub(crate) fn is_anything(&self) -> bool {
        self.founding_leaf_hash.is_some() || self.checkpoint.is_some()
    }
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

/// Verifies the ledger in these files, and holds it against what is known of it.
pub(crate) fn verify(
    options: &FileLogOptions,
    known: &Known<'_>,
    progress: impl FnMut(Progress),
) -> Result<Result<Sound, Unsound>> {
    let scratch = tempfile::Builder::new().prefix("probity-verify-").tempdir();
    let scratch = scratch.context("cannot make a temporary directory")?;
    let store = IndexStore::open(scratch.path(), SCRATCH_CACHE)?;
    let genesis = match founding(options, known.founding_leaf_hash) {
        Ok(genesis) => genesis,
        Err(unsound) => return Ok(Err(unsound)),
    };
    let keys = genesis.keys().checkpoint_verifier().context("the ledger's origin")?;
    let mut against = match known.checkpoint.map(|note| keys.open(note)).transpose() {
        Ok(signed) => signed.map(|signed| Against::new(signed.checkpoint)),
        Err(error) => return Ok(Err(Unsound::OtherCheckpoint(error))),
    };
    let chain = Chain::new(keys);
    let verifier = Verifier::new(&genesis, store.tree("verify")?);
    Ok(verifier
        .map_err(Unsound::from)
        .and_then(|verifier| replay(options, &genesis, chain, verifier, against.as_mut(), progress)))
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
    mut against: Option<&mut Against>,
    mut progress: impl FnMut(Progress),
) -> Result<Sound, Unsound> {
    let mut checkpoint = String::new();
    let mut fault = None;
    let scrubbed = scrub(options, chain, |block: &Block, at, chain| {
        progress(at);
        if let Some(against) = &mut against {
            against.block(block, chain.frontier());
        }
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
    let size = scrubbed.head.map_or(0, |head| head.tree_size);
    against.map_or(Ok(()), |against| against.agrees(size))?;
    Ok(Sound {
        origin: genesis.keys().origin.clone(),
        founding_leaf_hash: genesis.leaf_hash(),
        head: scrubbed.head,
        checkpoint,
        anchored: scrubbed.anchored.is_some(),
    })
}

/// An earlier checkpoint, held against a log while it is read.
struct Against {
    checkpoint: Checkpoint,
    /// The right edge before the next block.
    frontier: Frontier,
    /// The root of the log at the checkpoint's size, once it is read that far.
    found: Option<Hash>,
}

impl Against {
    fn new(checkpoint: Checkpoint) -> Self {
        // What every tree extends.
        let found = (checkpoint.size == 0).then_some(Hash::EMPTY_ROOT);
        Self { checkpoint, frontier: Frontier::new(), found }
    }

    /// Takes note of the next block, after which the right edge is `after`.
    fn block(&mut self, block: &Block, after: &Frontier) {
        let size = self.checkpoint.size;
        if self.found.is_none() && size <= block.tree_size() {
            // A checkpoint of this ledger ends with a block; that of a rewritten one need not.
            let leaves = block.statements().take((size - block.first_index()) as usize).map(leaf_hash);
            self.found = Some(BlockTree::new(&self.frontier, &leaves.collect::<Vec<_>>()).root());
        }
        self.frontier = after.clone();
    }

    /// Whether the log of this size extends the checkpoint.
    fn agrees(&self, size: u64) -> Result<(), Unsound> {
        let expected = self.checkpoint.root;
        match self.found {
            None => Err(Unsound::Shorter { expected: self.checkpoint.size, found: size }),
            Some(found) if found != expected => Err(Unsound::Rewritten { size: self.checkpoint.size, expected, found }),
            Some(_) => Ok(()),
        }
    }
}

//! The local side of a log on a stream: blocks are written here first, and released once the stream
//! has them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use probity_tlog::Hash;

use crate::file_log::ends::{Refusal, Released, Written};
use crate::file_log::opening::Opened;
use crate::log::{AppendError, FatalError};
use crate::storage::{Operation, Storage, StorageError, StoredFile};
use crate::{Block, BlockFault, Chain};

/// Where blocks are kept that were written here and never released, because the stream went on from
/// another.
pub(super) fn abandoned_dir(log: &Path) -> PathBuf {
    log.join("abandoned")
}

/// The local files, for the one task that writes them.
#[derive(Debug)]
pub(super) struct Local {
    storage: Arc<dyn Storage>,
    abandoned: PathBuf,
    written: Written,
    released: Released,
    /// The end of what is released.
    chain: Chain,
    unreleased: VecDeque<Unreleased>,
    /// Held for as long as anything may be written.
    _lock: Arc<dyn StoredFile>,
}

/// A block that is durable here, and not known to be in the stream.
#[derive(Debug)]
struct Unreleased {
    block: Block,
    leaves: Vec<Hash>,
    /// The log with this block.
    chain: Chain,
}

impl Local {
    pub(super) fn new(storage: Arc<dyn Storage>, log: &Path, opened: Opened) -> Result<Self, BlockFault> {
        let Opened { lock, written, released, chain, unreleased, .. } = opened;
        let mut after = chain.clone();
        let unreleased = unreleased.into_iter().map(|block| {
            let leaves = after.extend(&block)?.leaves().to_vec();
            Ok(Unreleased { block, leaves, chain: after.clone() })
        });
        let unreleased = unreleased.collect::<Result<_, BlockFault>>()?;
        let abandoned = abandoned_dir(log);
        Ok(Self { storage, abandoned, written, released, chain, unreleased, _lock: lock })
    }

    /// The blocks that are durable here and not known to be in the stream, in order.
    pub(super) fn unreleased(&self) -> Vec<Block> {
        self.unreleased.iter().map(|unreleased| unreleased.block.clone()).collect()
    }

    /// The end of what is released.
    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Writes blocks after everything else and makes them durable; one answer for each.
    ///
    /// # Errors
    /// The log has failed: what is on storage is unknown.
    pub(super) fn write(&mut self, blocks: &[Block]) -> Result<Vec<Result<(), AppendError>>, FatalError> {
        let mut answers = Vec::with_capacity(blocks.len());
        for block in blocks {
            answers.push(match self.written.append(block) {
                Ok(tree) => {
                    let (leaves, chain) = (tree.leaves().to_vec(), self.written.chain().clone());
                    self.unreleased.push_back(Unreleased { block: block.clone(), leaves, chain });
                    Ok(())
                }
                Err(Refusal::Block(error)) => Err(error),
                Err(Refusal::Fatal(fatal)) => return Err(fatal),
            });
        }
        self.written.sync()?;
        Ok(answers)
    }

    /// Releases the first `count` blocks that are not: the stream has them.
    ///
    /// # Errors
    /// The anchor could not be advanced.
    pub(super) fn release(&mut self, count: usize) -> Result<(), FatalError> {
        let mut leaves = Vec::new();
        for unreleased in self.unreleased.drain(..count.min(self.unreleased.len())) {
            leaves.extend(unreleased.leaves);
            self.chain = unreleased.chain;
        }
        match self.chain.head() {
            Some(head) if !leaves.is_empty() => Ok(self.released.advance(head, leaves)?),
            _ => Ok(()),
        }
    }

    /// Takes in blocks that the stream has, in order. What was written here and is not what the
    /// stream has is moved to `abandoned/` first: nobody was told of it.
    ///
    /// # Errors
    /// A block does not continue what is released, or the log has failed.
    pub(super) fn adopt(&mut self, blocks: &[Block]) -> Result<Result<(), AppendError>, FatalError> {
        // What was sent again from here comes back as the stream's; it is released already.
        let old = blocks.iter().take_while(|block| block.height() < self.chain.next_height()).count();
        let blocks = &blocks[old..];
        let known = self.unreleased.iter().zip(blocks).take_while(|(ours, theirs)| ours.block == **theirs).count();
        self.release(known)?;
        let rest = &blocks[known..];
        let Some(first) = rest.first() else { return Ok(Ok(())) };
        if !self.unreleased.is_empty() {
            // Before anything is given up, what it gives way to must be right.
            if let Err(fault) = self.chain.clone().extend(first) {
                return Ok(Err(AppendError::Invalid(fault)));
            }
            self.abandon()?;
        }
        for answer in self.write(rest)? {
            if let Err(error) = answer {
                // What was written before it is in the stream, and is found there again.
                return Ok(Err(error));
            }
        }
        self.release(rest.len())?;
        Ok(Ok(()))
    }

    /// Moves everything that is not released out of the log.
    fn abandon(&mut self) -> Result<(), FatalError> {
        let (storage, dir) = (&*self.storage, &self.abandoned);
        storage.create_dir_all(dir).map_err(StorageError::of(Operation::Create, dir))?;
        for Unreleased { block, chain, .. } in &self.unreleased {
            let root = chain.head().map_or(Hash::EMPTY_ROOT, |head| head.root);
            let root: String = root.as_bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let path = dir.join(format!("{:010}-{root}.block", block.height()));
            let file = storage.create(&path).map_err(StorageError::of(Operation::Create, &path))?;
            file.write_all_at(block.bytes(), 0).map_err(StorageError::of(Operation::Write, &path))?;
            file.sync_data().map_err(StorageError::of(Operation::Sync, &path))?;
            tracing::warn!(
                height = block.height(), kept = %path.display(),
                "a block that nobody was told of is abandoned: the stream goes on from another"
            );
        }
        storage.sync_dir(dir).map_err(StorageError::of(Operation::Sync, dir))?;
        if let Some(log) = dir.parent() {
            storage.sync_dir(log).map_err(StorageError::of(Operation::Sync, log))?;
        }
        self.written.retreat(self.chain.clone()).map_err(|error| FatalError::Retreat(Box::new(error)))?;
        self.unreleased.clear();
        Ok(())
    }
}

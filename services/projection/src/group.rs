//! Blocks on their way into views: checked against the chain, statements decoded, once for all views.

use std::sync::Arc;

use bytes::Bytes;
use probity_log::{Block, BlockFault};
use probity_schemas::ledger::{KeyPurpose, LedgerEvent};
use probity_schemas::{Data, Event};
use probity_statement::{PublicKey, SignedStatement, StatementError};
use rayon::prelude::*;

use crate::log_end::LogEnd;
use crate::recorded::Recorded;

/// Consecutive blocks, verified and decoded.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) recorded: Vec<Recorded>,
    /// The log after the last of them.
    pub(crate) end: LogEnd,
    /// Whether a span of the log ends with them, or within the next block.
    pub(crate) span_ends: bool,
}

/// Why blocks are not taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupError {
    #[error("block {height} does not continue the log: {fault}")]
    Block { height: u64, fault: BlockFault },
    #[error("the statement at index {index} is not readable by this version, which may be too old for it: {source}")]
    Statement { index: u64, source: StatementError },
    #[error("index {index} adopts rule set {found}, which this version does not know: upgrade")]
    RuleSet { index: u64, found: u32 },
    #[error("index {index} rotates to a key that cannot be used")]
    Key { index: u64 },
}

impl Group {
    /// Checks that `blocks` continue the log after `end`, and decodes what they hold on all cores. Of blocks that are not
    /// all good, it gives those before the first that is not, if there are any, and what is wrong with that one.
    pub(crate) fn of(end: LogEnd, blocks: &[Block], rule_sets: &[u32]) -> (Option<Self>, Option<GroupError>) {
        let places = blocks.iter().flat_map(|block| {
            (block.first_index()..).zip(block.statements()).map(|(index, bytes)| (index, block.time(), bytes))
        });
        let places: Vec<(u64, u64, &[u8])> = places.collect();
        let decoded: Vec<Result<Recorded, GroupError>> = places.into_par_iter().map(decode).collect();
        let mut decoded = decoded.into_iter();
        let mut group = Self { recorded: Vec::with_capacity(decoded.len()), end, span_ends: false };
        for (number, block) in blocks.iter().enumerate() {
            let statements = decoded.by_ref().take(block.statements().len());
            if let Err(error) = group.extend(block, statements, rule_sets) {
                return ((number > 0).then_some(group), Some(error));
            }
        }
        (Some(group), None)
    }

    /// Takes in a block, or leaves the group as it was.
    fn extend(
        &mut self,
        block: &Block,
        statements: impl Iterator<Item = Result<Recorded, GroupError>>,
        rule_sets: &[u32],
    ) -> Result<(), GroupError> {
        let height = block.height();
        let mut end = self.end.clone();
        end.chain.extend(block).map_err(|fault| GroupError::Block { height, fault })?;
        end.last_keys = end.keys.clone();
        let statements = statements.collect::<Result<Vec<_>, _>>()?;
        for statement in &statements {
            end.heed(statement, rule_sets)?;
        }
        self.recorded.extend(statements);
        self.end = end;
        Ok(())
    }
}

fn decode((index, recorded_at, bytes): (u64, u64, &[u8])) -> Result<Recorded, GroupError> {
    let readable = |bytes: &[u8]| -> Result<(SignedStatement, Event), StatementError> {
        let statement = SignedStatement::parse(Bytes::copy_from_slice(bytes))?;
        let event = statement.event()?;
        Ok((statement, event))
    };
    let (statement, event) = readable(bytes).map_err(|source| GroupError::Statement { index, source })?;
    Ok(Recorded::new(index, recorded_at, statement, event))
}

impl LogEnd {
    /// What the ledger says of itself that changes how the next block is read.
    fn heed(&mut self, recorded: &Recorded, rule_sets: &[u32]) -> Result<(), GroupError> {
        let index = recorded.index;
        let Data::Ledger(event) = &recorded.event.data else { return Ok(()) };
        let adopted = match event {
            LedgerEvent::Founded(founded) => Some(founded.rule_set),
            LedgerEvent::RulesAdopted(adopted) => Some(adopted.rule_set),
            _ => None,
        };
        if let Some(found) = adopted.filter(|found| !rule_sets.contains(found)) {
            return Err(GroupError::RuleSet { index, found });
        }
        if let LedgerEvent::KeyRotated(rotated) = event {
            let unusable = |_| GroupError::Key { index };
            let new = PublicKey::from_bytes(rotated.new.as_bytes()).map_err(unusable)?;
            match rotated.purpose {
                KeyPurpose::Checkpoint => self.keys.checkpoint = new,
                KeyPurpose::Clock => self.keys.clock = new,
                KeyPurpose::Receipt => self.keys.receipt = new,
            }
            self.chain.rotate(self.keys.checkpoint_verifier().map_err(|_| GroupError::Key { index })?);
        }
        Ok(())
    }
}

/// A group that several views take in.
pub(crate) type SharedGroup = Arc<Group>;

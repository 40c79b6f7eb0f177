//! Taking in what another process appended: nothing is believed that was not checked and judged here.

use std::collections::HashSet;

use bytes::Bytes;
use futures::executor::block_on;
use probity_log::{AppendError, Block, Chain, Disagreement};
use probity_projection::Cursor;
use probity_statement::{Keyring, SignedStatement};
use rayon::prelude::*;

use crate::error::{Unavailable, with_causes};
use crate::index::{Commit, Entries};
use crate::open::fold;
use crate::sequencer::Sequencer;

impl Sequencer {
    /// Takes in blocks that continue what is committed. Those before the first bad one are taken in; the bad one halts.
    pub(crate) fn adopt(&mut self, blocks: &[Block]) -> Result<(), Unavailable> {
        // What came twice is known.
        let known = blocks.iter().take_while(|block| block.height() <= self.head.height).count();
        let blocks = &blocks[known..];
        let before = self.state.mark();
        let judged = self.judge(blocks);
        let Judged { good, fault, entries, cursor, chain } = judged;
        if let Some(reason) = fault {
            self.state.go_back(&before);
            self.state.forget(None);
            if good > 0 {
                self.adopt(&blocks[..good])?;
            }
            return Err(self.halt(reason));
        }
        let (Some(chain), Some(cursor)) = (chain, cursor) else { return Ok(()) };
        let Some(durability) = self.ledger.adopt(blocks.to_vec()) else { return Ok(()) };
        if let Err(error) = block_on(durability) {
            self.state.go_back(&before);
            self.state.forget(None);
            return Err(match error {
                AppendError::Unavailable(reason) => Unavailable::NoRoom { reason: reason.to_string() },
                error => self.halt(with_causes(&error)),
            });
        }
        self.state.forget(None);
        let changes = self.state.changes();
        let commit = Commit { entries, cursor, changes };
        let state = &self.state;
        if let Err(error) = self.index.commit(commit, || state.clone()) {
            return Err(self.halt(error.to_string()));
        }
        if let Some(head) = chain.head() {
            self.frontier = chain.frontier().clone();
            self.head = head;
            self.shared.publish_keyring(self.state.keyring());
            self.shared.publish_rights(self.state.rights());
            self.shared.publish_head(head);
        }
        Ok(())
    }

    /// Verifies blocks and judges their statements, as far as they are good.
    fn judge(&mut self, blocks: &[Block]) -> Judged {
        let mut judged = Judged { good: 0, fault: None, entries: Entries::default(), cursor: None, chain: None };
        let verifier = self.ledger.keys().checkpoint_verifier();
        let chain = verifier.map_err(|error| error.to_string()).and_then(|verifier| {
            Chain::resume(verifier, self.frontier.clone(), Some(self.head)).map_err(|error| error.to_string())
        });
        let mut chain = match chain {
            Ok(chain) => chain,
            Err(reason) => {
                judged.fault = Some(reason);
                return judged;
            }
        };
        let mut whole = 0;
        for block in blocks {
            let (height, index) = (chain.next_height(), chain.size());
            if let Err(fault) = chain.extend(block) {
                judged.fault = Some(Disagreement::Unverified { height, index, fault }.to_string());
                break;
            }
            whole += 1;
        }
        // Indices are what they say only in blocks that continue the chain.
        let verified = verified_ahead(&blocks[..whole], self.state.keyring());
        for block in &blocks[..whole] {
            let is_verified = |at| verified.contains(&at);
            match fold(block, &mut self.state, &self.index, &mut judged.entries, is_verified) {
                Ok(cursor) => judged.cursor = Some(cursor),
                Err(error) => {
                    judged.fault = Some(format!("block {} of the stream: {}", block.height(), with_causes(&error)));
                    return judged;
                }
            }
            judged.good += 1;
        }
        judged.chain = Some(chain);
        judged
    }
}

/// The indices of the statements whose signatures verify by keys that are known ahead of them; found out on all cores.
fn verified_ahead(blocks: &[Block], keyring: &Keyring) -> HashSet<u64> {
    let verified = blocks.par_iter().flat_map_iter(|block| {
        (block.first_index()..).zip(block.statements()).filter_map(|(index, bytes)| {
            let statement = SignedStatement::parse(Bytes::copy_from_slice(bytes)).ok()?;
            keyring.verify(&statement).is_ok().then_some(index)
        })
    });
    verified.collect()
}

/// What came of judging blocks.
struct Judged {
    /// How many are good.
    good: usize,
    /// What is wrong with the one after them.
    fault: Option<String>,
    entries: Entries,
    cursor: Option<Cursor>,
    chain: Option<Chain>,
}

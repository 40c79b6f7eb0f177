//! A log that is not what was signed, or that this version cannot read, halts the views where they are.

use ed25519_dalek::SigningKey;
use probity_log::Block;
use probity_tlog::{BlockTree, CheckpointSigner, Frontier, leaf_hash};

use crate::world::ORIGIN;

/// A block that is signed with other keys than the ledger of these tests has, and the tree after it.
pub(crate) fn signed_by(
    [checkpoint, clock]: [u8; 2],
    height: usize,
    frontier: &Frontier,
    statements: &[Vec<u8>],
) -> (Block, Frontier) {
    let key = |seed| SigningKey::from_bytes(&[seed; 32]);
    let signer = CheckpointSigner::new(ORIGIN, key(checkpoint), key(clock)).unwrap();
    let leaves: Vec<_> = statements.iter().map(|statement| leaf_hash(statement)).collect();
    let tree = BlockTree::new(frontier, &leaves);
    let time = 1_700_000_000 + height as u64;
    let checkpoint = signer.sign(tree.size(), tree.root(), time);
    let block = Block::new(height as u64, frontier.size(), time, statements, &checkpoint).unwrap();
    (block, tree.frontier_after())
}

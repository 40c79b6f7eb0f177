//! A block with what makes receipts for its statements.

use probity_log::{Block, Head};
use probity_schemas::Origin;
use probity_statement::{RootSignature, SecretKey};
use probity_tlog::{BlockTree, Frontier, Hash};

/// A block, its tree, and the signature that all its receipts share.
#[derive(Debug)]
pub struct CommittedBlock {
    block: Block,
    tree: BlockTree,
    signature: RootSignature,
}

impl CommittedBlock {
    /// Signs the root of `block`, whose tree is `tree`. The same key gives the same receipts every
    /// time.
    #[must_use]
    pub fn new(block: Block, tree: BlockTree, origin: &Origin, receipt_key: &SecretKey) -> Self {
        let signature =
            RootSignature::sign(receipt_key, origin.as_str(), block.tree_size(), &tree.root(), block.time());
        Self { block, tree, signature }
    }

    /// The block.
    #[must_use]
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// The root of the tree that ends with this block.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The RFC 9942 receipt of the statement at `index`, if it is in this block.
    #[must_use]
    pub fn receipt(&self, index: u64) -> Option<Vec<u8>> {
        self.signature.inclusion_receipt(&self.tree.inclusion_proof(index)?)
    }

    /// The end of the log after this block.
    #[must_use]
    pub fn head(&self) -> Head {
        let block = &self.block;
        Head { height: block.height(), tree_size: block.tree_size(), root: self.root(), time: block.time() }
    }

    /// The right edge of the tree after this block.
    #[must_use]
    pub fn frontier_after(&self) -> Frontier {
        self.tree.frontier_after()
    }
}

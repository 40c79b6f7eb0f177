//! The tree over one new block, from which every leaf of the block is proved without a single read.

use crate::{Frontier, Hash, InclusionProof, node_hash};

/// A tree that ends with one block: the frontier before it and all nodes its leaves brought.
///
/// Building it costs one hash per leaf and proving a leaf costs none, so that a block of thousands
/// of statements gets its receipts from one pass.
#[derive(Debug, Clone)]
pub struct BlockTree {
    first: u64,
    size: u64,
    levels: Vec<Level>,
    frontier: Frontier,
    /// For each frontier node the root over it and everything to its right.
    right_of: Vec<Hash>,
}

/// The nodes of one level from `start` on: those that cover a leaf of the block, and before them
/// the frontier's node of that level where it is a left sibling.
#[derive(Debug, Clone)]
struct Level {
    start: u64,
    nodes: Vec<Hash>,
}

impl BlockTree {
    /// Appends `leaves` (leaf hashes, in order) to the tree whose right edge is `before`.
    #[must_use]
    pub fn new(before: &Frontier, leaves: &[Hash]) -> Self {
        let first = before.size();
        let size = first + leaves.len() as u64;
        let levels = levels(before, leaves);
        let frontier = frontier_after(before, size, &levels);
        let mut right_of = frontier.nodes().to_vec();
        for i in (1..right_of.len()).rev() {
            right_of[i - 1] = node_hash(&right_of[i - 1], &right_of[i]);
        }
        Self { first, size, levels, frontier, right_of }
    }

    /// The number of leaves of the tree, the block's included.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The leaf hashes of the block, in order.
    #[must_use]
    pub fn leaves(&self) -> &[Hash] {
        let Some(level) = self.levels.first() else { return &[] };
        // A left sibling from before the block may stand first.
        &level.nodes[level.nodes.len() - (self.size - self.first) as usize..]
    }

    /// The root of the tree at [`BlockTree::size`].
    #[must_use]
    pub fn root(&self) -> Hash {
        self.right_of.first().copied().unwrap_or(Hash::EMPTY_ROOT)
    }

    /// The frontier at [`BlockTree::size`]: what the next block is appended to.
    #[must_use]
    pub fn frontier_after(&self) -> Frontier {
        self.frontier.clone()
    }

    /// Proves a leaf of this block at [`BlockTree::size`]; `None` for a leaf of another block.
    ///
    /// `leaf_index` is the position in the whole log.
    #[must_use]
    pub fn inclusion_proof(&self, leaf_index: u64) -> Option<InclusionProof> {
        if leaf_index < self.first || leaf_index >= self.size {
            return None;
        }
        // The highest bit in which index and size differ is the level of the complete subtree the
        // leaf is in; the higher bits of the size are the frontier nodes to the left of it.
        let height = (leaf_index ^ self.size).ilog2();
        let nodes_left = (self.size >> height >> 1).count_ones() as usize;
        let mut path = Vec::with_capacity(height as usize + nodes_left + 1);
        for (level, nodes) in self.levels.iter().enumerate().take(height as usize) {
            path.push(nodes.get((leaf_index >> level) ^ 1)?);
        }
        path.extend(self.right_of.get(nodes_left + 1));
        path.extend(self.frontier.nodes().iter().take(nodes_left).rev());
        Some(InclusionProof { tree_size: self.size, leaf_index, path })
    }
}

impl Level {
    fn get(&self, index: u64) -> Option<Hash> {
        let offset = usize::try_from(index.checked_sub(self.start)?).ok()?;
        self.nodes.get(offset).copied()
    }
}

/// All complete nodes over the new leaves, level by level, until a level brings none.
fn levels(before: &Frontier, leaves: &[Hash]) -> Vec<Level> {
    let mut old = before.nodes().iter().rev();
    let mut start = before.size();
    let mut fresh = leaves.to_vec();
    let mut levels = Vec::new();
    while !fresh.is_empty() {
        if start & 1 == 1 {
            fresh.splice(0..0, old.next().copied());
            start -= 1;
        }
        let above = fresh.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        levels.push(Level { start, nodes: std::mem::replace(&mut fresh, above) });
        start >>= 1;
    }
    levels
}

/// The complete subtrees at `size`: on the left the untouched ones, then those the block completed.
fn frontier_after(before: &Frontier, size: u64, levels: &[Level]) -> Frontier {
    let Some(highest_change) = (before.size() ^ size).checked_ilog2() else {
        return before.clone();
    };
    let untouched = (size >> highest_change >> 1).count_ones() as usize;
    let completed = levels.iter().enumerate().rev().filter_map(|(bit, level)| {
        let count = size >> bit;
        (count & 1 == 1).then(|| level.get(count - 1)).flatten()
    });
    let nodes = before.nodes().iter().take(untouched).copied();
    Frontier::of_complete_subtrees(size, nodes.chain(completed).collect())
}

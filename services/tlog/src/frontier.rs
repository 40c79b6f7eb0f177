//! The right edge of a tree: all that must be remembered to append to it.

use crate::{Hash, node_hash};

/// The roots of a tree's maximal complete subtrees, left to right (largest first).
///
/// A tree of `size` leaves has one such subtree for every bit set in `size`, so a frontier holds at
/// most 64 hashes however large the log is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, nodes: Vec::new() }
    }

    /// Puts together again what [`Frontier::size`] and [`Frontier::nodes`] gave.
    ///
    /// The nodes are not checked against anything: compare [`Frontier::root`] with a signed root.
    ///
    /// # Errors
    /// The number of nodes is not the number of bits set in `size`.
    pub fn from_nodes(size: u64, nodes: Vec<Hash>) -> Result<Self, FrontierError> {
        let expected = size.count_ones() as usize;
        if nodes.len() == expected {
            Ok(Self { size, nodes })
        } else {
            Err(FrontierError { size, expected, found: nodes.len() })
        }
    }

    /// For callers inside this crate, which read one node for every bit of `size`.
    pub(crate) fn of_complete_subtrees(size: u64, nodes: Vec<Hash>) -> Self {
        debug_assert_eq!(nodes.len(), size.count_ones() as usize);
        Self { size, nodes }
    }

    /// Appends the hash of one leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Every trailing one bit of the size is a complete subtree the new leaf fills up.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.nodes.push(node);
        self.size += 1;
    }

    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree (RFC 9162 §2.1.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut right_to_left = self.nodes.iter().rev();
        match right_to_left.next() {
            None => Hash::EMPTY_ROOT,
            Some(last) => right_to_left.fold(*last, |right, left| node_hash(left, &right)),
        }
    }

    /// The subtree roots, left to right.
    #[must_use]
    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }
}

/// A frontier with a number of nodes its size does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves has {expected} frontier nodes, not {found}")]
pub struct FrontierError {
    /// The tree size in leaves.
    pub size: u64,
    /// How many nodes a tree of that size has.
    pub expected: usize,
    /// How many were given.
    pub found: usize,
}

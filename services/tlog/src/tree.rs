//! Proofs from stored nodes (RFC 9162 §2.1.3.1 and §2.1.4.1), in O(log n) reads.
//!
//! Only complete subtrees are ever read: they never change once their leaves are there, so they can
//! be stored for good. What is incomplete at the right edge is computed from them each time.

use crate::{ConsistencyProof, Frontier, Hash, InclusionProof, node_hash};

/// Access to the stored nodes of a tree.
pub trait NodeReader {
    /// Why a node could not be read.
    type Error;

    /// The root of the complete subtree over the leaves `index << level .. (index + 1) << level`.
    ///
    /// Level 0 are the leaf hashes. Only subtrees that lie wholly inside the tree are asked for.
    ///
    /// # Errors
    /// The node is not there or cannot be read.
    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

impl<R: NodeReader + ?Sized> NodeReader for &R {
    type Error = R::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        (**self).node(level, index)
    }
}

/// Why a proof could not be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    /// The leaf is not in the tree of that size.
    #[error("leaf {leaf_index} is not in a tree of {tree_size} leaves")]
    NoSuchLeaf {
        /// The leaf asked for, from 0.
        leaf_index: u64,
        /// The tree size in leaves.
        tree_size: u64,
    },
    /// A consistency proof needs `0 < first <= second`.
    #[error("there is no consistency proof from size {first} to size {second}")]
    NotAPrefix {
        /// The smaller tree size in leaves.
        first: u64,
        /// The larger tree size in leaves.
        second: u64,
    },
    /// A stored node could not be read.
    #[error("a stored tree node could not be read")]
    Read(#[source] E),
}

/// Proves that leaf `leaf_index` is in the tree of the first `tree_size` leaves.
///
/// # Errors
/// The leaf is not in that tree, or a node could not be read.
pub fn inclusion_proof<R: NodeReader>(
    reader: &R,
    leaf_index: u64,
    tree_size: u64,
) -> Result<InclusionProof, TreeError<R::Error>> {
    if leaf_index >= tree_size {
        return Err(TreeError::NoSuchLeaf { leaf_index, tree_size });
    }
    let (mut low, mut high) = (0, tree_size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if leaf_index < middle {
            path.push(range_root(reader, middle, high)?);
            high = middle;
        } else {
            path.push(range_root(reader, low, middle)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(InclusionProof { tree_size, leaf_index, path })
}

/// Proves that the tree of the first `first` leaves is a prefix of that of the first `second`.
///
/// # Errors
/// Not `0 < first <= second`, or a node could not be read.
pub fn consistency_proof<R: NodeReader>(
    reader: &R,
    first: u64,
    second: u64,
) -> Result<ConsistencyProof, TreeError<R::Error>> {
    if first == 0 || first > second {
        return Err(TreeError::NotAPrefix { first, second });
    }
    let (mut low, mut high) = (0, second);
    let mut path = Vec::new();
    while first < high {
        let middle = low + split(high - low);
        if first <= middle {
            path.push(range_root(reader, middle, high)?);
            high = middle;
        } else {
            path.push(range_root(reader, low, middle)?);
            low = middle;
        }
    }
    // The verifier knows the old root; only a proper part of the old tree has to be told.
    if low > 0 {
        path.push(range_root(reader, low, high)?);
    }
    path.reverse();
    Ok(ConsistencyProof { first, second, path })
}

/// The frontier of the tree of the first `size` leaves.
///
/// # Errors
/// A node could not be read.
pub fn frontier<R: NodeReader>(reader: &R, size: u64) -> Result<Frontier, R::Error> {
    let nodes =
        complete_subtrees(0, size).map(|(level, index)| reader.node(level, index)).collect::<Result<Vec<_>, _>>()?;
    Ok(Frontier::of_complete_subtrees(size, nodes))
}

/// The root of the tree of the first `size` leaves.
///
/// # Errors
/// A node could not be read.
pub fn tree_root<R: NodeReader>(reader: &R, size: u64) -> Result<Hash, R::Error> {
    Ok(frontier(reader, size)?.root())
}

/// The largest power of two smaller than `count` (`count` > 1): where RFC 9162 splits a tree.
const fn split(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// The root over the leaves `low..high`, where `low` is a multiple of the first subtree's size.
fn range_root<R: NodeReader>(reader: &R, low: u64, high: u64) -> Result<Hash, TreeError<R::Error>> {
    let mut nodes = Vec::new();
    for (level, index) in complete_subtrees(low, high) {
        nodes.push(reader.node(level, index).map_err(TreeError::Read)?);
    }
    let mut right_to_left = nodes.into_iter().rev();
    Ok(match right_to_left.next() {
        None => Hash::EMPTY_ROOT,
        Some(last) => right_to_left.fold(last, |right, left| node_hash(&left, &right)),
    })
}

/// The maximal complete subtrees `(level, index)` that make up the leaves `low..high`.
fn complete_subtrees(mut low: u64, high: u64) -> impl Iterator<Item = (u8, u64)> {
    std::iter::from_fn(move || {
        let level = u8::try_from((high - low).checked_ilog2()?).ok()?;
        let index = low >> level;
        low += 1 << level;
        Some((level, index))
    })
}

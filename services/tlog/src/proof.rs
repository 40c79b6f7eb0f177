//! Inclusion and consistency proofs and their verification (RFC 9162 §2.1.3.2 and §2.1.4.2).

use crate::{Hash, node_hash};

/// Proof that one leaf is at one place in the tree of one size (RFC 9162 §2.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The size in leaves of the tree the proof leads to.
    pub tree_size: u64,
    /// The position of the leaf, from 0.
    pub leaf_index: u64,
    /// Sibling hashes from the leaf up to the root.
    pub path: Vec<Hash>,
}

/// Proof that one tree is a prefix of another (RFC 9162 §2.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The size in leaves of the older tree.
    pub first: u64,
    /// The size in leaves of the newer tree.
    pub second: u64,
    /// The hashes from which both roots are recomputed.
    pub path: Vec<Hash>,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not in a tree of that size.
    #[error("leaf {leaf_index} is not in a tree of {tree_size} leaves")]
    NoSuchLeaf {
        /// The claimed position of the leaf.
        leaf_index: u64,
        /// The claimed size of the tree.
        tree_size: u64,
    },
    /// The sizes are not `0 < first <= second`.
    #[error("no proof leads from size {first} to size {second}")]
    NotAPrefix {
        /// The claimed size of the older tree.
        first: u64,
        /// The claimed size of the newer tree.
        second: u64,
    },
    /// The path is longer or shorter than the sizes demand.
    #[error("the path has {found} hashes, which is not what its sizes demand")]
    PathLength {
        /// The number of hashes in the path.
        found: usize,
    },
    /// The path leads to another root than the given one (of the newer tree, for consistency).
    #[error("the proof leads to root {computed}, not {expected}")]
    RootMismatch {
        /// The root the proof leads to.
        computed: Hash,
        /// The root it should lead to.
        expected: Hash,
    },
    /// The path leads to another root of the older tree than the given one.
    #[error("the proof leads to the older root {computed}, not {expected}")]
    OlderRootMismatch {
        /// The root the proof leads to.
        computed: Hash,
        /// The root it should lead to.
        expected: Hash,
    },
}

impl InclusionProof {
    /// Checks that `leaf` is at this position of the tree with this size and the given `root`.
    ///
    /// `tree_size` must be the size that was signed together with `root`: for some positions one
    /// path leads to the same root under several sizes.
    ///
    /// # Errors
    /// The proof does not show it.
    pub fn verify(&self, leaf: &Hash, root: &Hash) -> Result<(), ProofError> {
        same_root(self.root(leaf)?, *root)
    }

    /// The root this proof leads to from `leaf`; it proves nothing until compared with a signed
    /// one.
    ///
    /// # Errors
    /// No proof has this index, size and path length.
    pub fn root(&self, leaf: &Hash) -> Result<Hash, ProofError> {
        if self.leaf_index >= self.tree_size {
            return Err(ProofError::NoSuchLeaf { leaf_index: self.leaf_index, tree_size: self.tree_size });
        }
        let (mut node, mut last) = (self.leaf_index, self.tree_size - 1);
        let mut computed = *leaf;
        for sibling in &self.path {
            if last == 0 {
                return Err(self.path_length());
            }
            if node & 1 == 1 || node == last {
                computed = node_hash(sibling, &computed);
                climb_to_right_child(&mut node, &mut last);
            } else {
                computed = node_hash(&computed, sibling);
            }
            node >>= 1;
            last >>= 1;
        }
        if last == 0 { Ok(computed) } else { Err(self.path_length()) }
    }

    fn path_length(&self) -> ProofError {
        ProofError::PathLength { found: self.path.len() }
    }
}

impl ConsistencyProof {
    /// Checks that the tree with root `older` and size `first` is a prefix of that with root
    /// `newer` and size `second`; both sizes must be those that were signed with the roots.
    ///
    /// # Errors
    /// The proof does not show it. `first` = 0 is refused: every tree has the empty prefix, so there
    /// is nothing to show.
    pub fn verify(&self, older: &Hash, newer: &Hash) -> Result<(), ProofError> {
        let path_length = ProofError::PathLength { found: self.path.len() };
        if self.first == 0 || self.first > self.second {
            return Err(ProofError::NotAPrefix { first: self.first, second: self.second });
        }
        if self.first == self.second {
            if !self.path.is_empty() {
                return Err(path_length);
            }
            return same_root(*older, *newer);
        }
        let mut path = self.path.iter();
        // An older tree that is itself complete is its own first node.
        let start = if self.first.is_power_of_two() { older } else { path.next().ok_or(path_length)? };
        let (mut node, mut last) = (self.first - 1, self.second - 1);
        let up = node.trailing_ones();
        node >>= up;
        last >>= up;
        let (mut older_computed, mut newer_computed) = (*start, *start);
        for hash in path {
            if last == 0 {
                return Err(path_length);
            }
            if node & 1 == 1 || node == last {
                older_computed = node_hash(hash, &older_computed);
                newer_computed = node_hash(hash, &newer_computed);
                climb_to_right_child(&mut node, &mut last);
            } else {
                newer_computed = node_hash(&newer_computed, hash);
            }
            node >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return Err(path_length);
        }
        if older_computed != *older {
            return Err(ProofError::OlderRootMismatch { computed: older_computed, expected: *older });
        }
        same_root(newer_computed, *newer)
    }
}

/// A last node without a sibling moves up unchanged until it is a right child (or the root).
const fn climb_to_right_child(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
    }
}

fn same_root(computed: Hash, expected: Hash) -> Result<(), ProofError> {
    if computed == expected { Ok(()) } else { Err(ProofError::RootMismatch { computed, expected }) }
}

//! What holds for every tree: all ways to a proof agree, every proof verifies, and nothing about a
//! proof can be changed without its being refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod naive;

use std::cell::Cell;
use std::convert::Infallible;

use naive::NaiveTree;
use probity_tlog::{
    BlockTree, ConsistencyProof, Frontier, Hash, InclusionProof, NodeReader, ProofError, TreeError, consistency_proof,
    frontier, inclusion_proof,
};
use proptest::prelude::*;

fn frontier_by_pushing(leaves: &[Hash]) -> Frontier {
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier
}

fn flipped(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = hash.0;
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash(bytes)
}

/// Every path that differs from `path` in one bit, by one hash missing or by one hash too many.
fn changed_paths(path: &[Hash], bit: usize) -> Vec<Vec<Hash>> {
    let mut changed = Vec::new();
    for i in 0..path.len() {
        let mut flip = path.to_vec();
        flip[i] = flipped(&path[i], bit);
        let mut removed = path.to_vec();
        removed.remove(i);
        let mut doubled = path.to_vec();
        doubled.insert(i, path[i]);
        changed.extend([flip, removed, doubled]);
    }
    let mut longer = path.to_vec();
    longer.push(Hash::EMPTY_ROOT);
    changed.push(longer);
    changed
}

#[test]
fn all_inclusion_proofs_of_small_trees_follow_the_definition_and_verify() {
    let tree = NaiveTree::of_size(70);
    for size in 1..=70_usize {
        let root = tree.root(size);
        for leaf in 0..size {
            let proof = inclusion_proof(&tree, leaf as u64, size as u64).unwrap();
            assert_eq!(proof.path, tree.inclusion_path(leaf, size), "leaf {leaf} of {size}");
            proof.verify(&tree.0[leaf], &root).unwrap();
        }
    }
}

#[test]
fn all_consistency_proofs_of_small_trees_follow_the_definition_and_verify() {
    let tree = NaiveTree::of_size(70);
    for second in 1..=70_usize {
        for first in 1..=second {
            let proof = consistency_proof(&tree, first as u64, second as u64).unwrap();
            assert_eq!(proof.path, tree.consistency_path(first, second), "{first} to {second}");
            proof.verify(&tree.root(first), &tree.root(second)).unwrap();
        }
    }
}

#[test]
fn every_block_proves_its_leaves_as_the_stored_nodes_do() {
    let tree = NaiveTree::of_size(70);
    for before in 0..=70_usize {
        for size in before..=70_usize {
            let frontier_before = frontier_by_pushing(&tree.0[..before]);
            let block = BlockTree::new(&frontier_before, &tree.0[before..size]);
            assert_eq!(block.size(), size as u64);
            assert_eq!(block.root(), tree.root(size), "{before} to {size}");
            assert_eq!(block.leaves(), &tree.0[before..size]);
            assert_eq!(block.frontier_after(), frontier_by_pushing(&tree.0[..size]));
            for leaf in before..size {
                let proof = block.inclusion_proof(leaf as u64).unwrap();
                assert_eq!(proof.path, tree.inclusion_path(leaf, size), "{before}, {leaf}, {size}");
            }
        }
    }
}

#[test]
fn a_block_proves_no_leaf_of_another_block() {
    let tree = NaiveTree::of_size(9);
    let block = BlockTree::new(&frontier_by_pushing(&tree.0[..5]), &tree.0[5..]);
    assert_eq!(block.inclusion_proof(4), None);
    assert_eq!(block.inclusion_proof(9), None);
}

#[test]
fn the_largest_trees_do_not_overflow() {
    struct Constant;
    impl NodeReader for Constant {
        type Error = Infallible;
        fn node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
            assert!(u128::from(index + 1) << level <= u128::from(u64::MAX));
            Ok(Hash([level; 32]))
        }
    }
    let size = u64::MAX;
    for leaf in [0, 1, size / 2, size - 1] {
        let proof = inclusion_proof(&Constant, leaf, size).unwrap();
        assert!(proof.root(&Hash([0; 32])).is_ok(), "leaf {leaf}");
        let first = leaf.max(1);
        let proof = consistency_proof(&Constant, first, size).unwrap();
        let refused = proof.verify(&Hash([9; 32]), &Hash([9; 32])).unwrap_err();
        assert!(!matches!(refused, ProofError::PathLength { .. }), "from {first}: {refused}");
    }
    let edge = frontier(&Constant, size - 1).unwrap();
    let block = BlockTree::new(&edge, &[Hash([0; 32])]);
    assert!(block.inclusion_proof(size - 1).unwrap().root(&Hash([0; 32])).is_ok());
}

#[test]
fn proofs_that_cannot_exist_are_refused() {
    let tree = NaiveTree::of_size(4);
    let no_leaf = TreeError::NoSuchLeaf { leaf_index: 4, tree_size: 4 };
    assert_eq!(inclusion_proof(&tree, 4, 4), Err(no_leaf));
    for (first, second) in [(0, 4), (0, 0), (4, 3)] {
        let not_a_prefix = TreeError::NotAPrefix { first, second };
        assert_eq!(consistency_proof(&tree, first, second), Err(not_a_prefix));
        let claimed = ConsistencyProof { first, second, path: Vec::new() };
        let refused = claimed.verify(&Hash::EMPTY_ROOT, &tree.root(4));
        assert_eq!(refused, Err(ProofError::NotAPrefix { first, second }));
    }
    let claimed = InclusionProof { tree_size: 0, leaf_index: 0, path: Vec::new() };
    assert!(claimed.verify(&tree.0[0], &tree.0[0]).is_err());
}

#[test]
fn a_path_of_the_wrong_length_is_told_from_a_wrong_hash() {
    let tree = NaiveTree::of_size(13);
    let (older, newer) = (tree.root(5), tree.root(13));
    let inclusion = inclusion_proof(&tree, 6, 13).unwrap();
    let consistency = consistency_proof(&tree, 5, 13).unwrap();
    let lengthened = |path: &[Hash]| [path, &[Hash::EMPTY_ROOT]].concat();
    let shortened = |path: &[Hash]| path[..path.len() - 1].to_vec();
    for path in [lengthened(&inclusion.path), shortened(&inclusion.path)] {
        let found = path.len();
        let refused = InclusionProof { path, ..inclusion.clone() }.verify(&tree.0[6], &newer);
        assert_eq!(refused, Err(ProofError::PathLength { found }));
    }
    for path in [lengthened(&consistency.path), shortened(&consistency.path), Vec::new()] {
        let found = path.len();
        let refused = ConsistencyProof { path, ..consistency.clone() }.verify(&older, &newer);
        assert_eq!(refused, Err(ProofError::PathLength { found }));
    }
    assert!(matches!(inclusion.verify(&tree.0[5], &newer), Err(ProofError::RootMismatch { .. })));
    assert!(matches!(consistency.verify(&newer, &newer), Err(ProofError::OlderRootMismatch { .. })));
}

#[test]
fn a_frontier_with_too_many_or_too_few_nodes_is_refused() {
    let edge = frontier_by_pushing(&NaiveTree::of_size(6).0);
    assert_eq!(Frontier::from_nodes(6, edge.nodes().to_vec()), Ok(edge.clone()));
    assert!(Frontier::from_nodes(7, edge.nodes().to_vec()).is_err());
    assert!(Frontier::from_nodes(4, edge.nodes().to_vec()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_inclusion_proof_is_refused(
        size in 1_usize..300, leaf in any::<prop::sample::Index>(), bit in 0_usize..256,
    ) {
        let tree = NaiveTree::of_size(size);
        let leaf = leaf.index(size);
        let (hash, root) = (tree.0[leaf], tree.root(size));
        let proof = inclusion_proof(&tree, leaf as u64, size as u64).unwrap();
        prop_assert!(proof.verify(&hash, &root).is_ok());
        prop_assert!(proof.verify(&flipped(&hash, bit), &root).is_err());
        prop_assert!(proof.verify(&hash, &flipped(&root, bit)).is_err());
        for path in changed_paths(&proof.path, bit) {
            let changed = InclusionProof { path, ..proof.clone() };
            prop_assert!(changed.verify(&hash, &root).is_err());
        }
        for other in (0..2 * size as u64).filter(|other| *other != leaf as u64) {
            let moved = InclusionProof { leaf_index: other, ..proof.clone() };
            prop_assert!(moved.verify(&hash, &root).is_err(), "index {}", other);
        }
    }

    #[test]
    fn an_inclusion_proof_leads_to_no_other_size_of_the_same_log(
        size in 1_usize..200, leaf in any::<prop::sample::Index>(),
    ) {
        let tree = NaiveTree::of_size(220);
        let leaf = leaf.index(size);
        let proof = inclusion_proof(&tree, leaf as u64, size as u64).unwrap();
        for other in (1..=220).filter(|other| *other != size) {
            let moved = InclusionProof { tree_size: other as u64, ..proof.clone() };
            prop_assert!(moved.verify(&tree.0[leaf], &tree.root(other)).is_err());
        }
    }

    #[test]
    fn a_changed_consistency_proof_is_refused(
        second in 1_usize..300, first in any::<prop::sample::Index>(), bit in 0_usize..256,
    ) {
        let tree = NaiveTree::of_size(second);
        let first = first.index(second) + 1;
        let (older, newer) = (tree.root(first), tree.root(second));
        let proof = consistency_proof(&tree, first as u64, second as u64).unwrap();
        prop_assert!(proof.verify(&older, &newer).is_ok());
        prop_assert!(proof.verify(&flipped(&older, bit), &newer).is_err());
        prop_assert!(proof.verify(&older, &flipped(&newer, bit)).is_err());
        for path in changed_paths(&proof.path, bit) {
            let changed = ConsistencyProof { path, ..proof.clone() };
            prop_assert!(changed.verify(&older, &newer).is_err());
        }
        for other in (1..=second).filter(|other| *other != first) {
            let moved = ConsistencyProof { first: other as u64, ..proof.clone() };
            prop_assert!(moved.verify(&tree.root(other), &newer).is_err());
        }
    }

    #[test]
    fn blocks_of_any_length_prove_every_leaf(lengths in prop::collection::vec(1_usize..400, 1..8)) {
        let tree = NaiveTree::of_size(lengths.iter().sum());
        let mut edge = Frontier::new();
        let mut start = 0;
        for length in lengths {
            let end = start + length;
            let block = BlockTree::new(&edge, &tree.0[start..end]);
            prop_assert_eq!(block.root(), tree.root(end));
            for leaf in start..end {
                let proof = block.inclusion_proof(leaf as u64).unwrap();
                prop_assert!(proof.verify(&tree.0[leaf], &block.root()).is_ok());
            }
            edge = block.frontier_after();
            prop_assert_eq!(&edge, &frontier(&tree, end as u64).unwrap());
            start = end;
        }
    }

    #[test]
    fn a_proof_reads_no_more_nodes_than_a_tree_is_high(
        size in 2_u64..u64::MAX, leaf in any::<u64>(),
    ) {
        struct Counting(Cell<u32>);
        impl NodeReader for Counting {
            type Error = Infallible;
            fn node(&self, level: u8, _: u64) -> Result<Hash, Infallible> {
                self.0.set(self.0.get() + 1);
                Ok(Hash([level; 32]))
            }
        }
        let reader = Counting(Cell::new(0));
        inclusion_proof(&reader, leaf % size, size).unwrap();
        prop_assert!(reader.0.take() <= 2 * size.ilog2() + 2);
        consistency_proof(&reader, leaf % size + 1, size).unwrap();
        prop_assert!(reader.0.take() <= 2 * size.ilog2() + 2);
    }
}

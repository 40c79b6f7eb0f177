//! The tree of RFC 9162 §2.1 written down exactly as it is defined there, slow and obvious.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::convert::Infallible;

use probity_tlog::{Hash, NodeReader, leaf_hash, node_hash};

/// The leaf hashes of a log.
pub(crate) struct NaiveTree(pub(crate) Vec<Hash>);

impl NaiveTree {
    /// A log of `size` entries that all differ.
    pub(crate) fn of_size(size: usize) -> Self {
        Self((0..size).map(|i| leaf_hash(format!("entry {i}").as_bytes())).collect())
    }

    pub(crate) fn root(&self, size: usize) -> Hash {
        mth(&self.0[..size])
    }

    pub(crate) fn inclusion_path(&self, leaf: usize, size: usize) -> Vec<Hash> {
        path(leaf, &self.0[..size])
    }

    pub(crate) fn consistency_path(&self, first: usize, second: usize) -> Vec<Hash> {
        subproof(first, &self.0[..second], true)
    }
}

impl NodeReader for NaiveTree {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        let (start, end) = (index << level, (index + 1) << level);
        Ok(mth(&self.0[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()]))
    }
}

fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&mth(left), &mth(right))
        }
    }
}

fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut hashes, sibling) = if m < k { (path(m, left), mth(right)) } else { (path(m - k, right), mth(left)) };
    hashes.push(sibling);
    hashes
}

fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut hashes, other) =
        if m <= k { (subproof(m, left, whole), mth(right)) } else { (subproof(m - k, right, false), mth(left)) };
    hashes.push(other);
    hashes
}

/// The largest power of two smaller than `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

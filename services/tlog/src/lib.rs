//! The transparency-log formats of Probity: what a third party needs to check our log without us.
//!
//! Everything here is a published format used as it stands: the Merkle tree and its proofs of
//! RFC 9162 §2.1, and of C2SP the tiles (`tlog-tiles`), signed notes (`signed-note`), checkpoints
//! (`tlog-checkpoint`), timestamped cosignatures (`tlog-cosignature`) and proofs (`tlog-proof`).
//!
//! This crate is pure. It never reads a file, a clock or a source of randomness: stored nodes come
//! through [`NodeReader`], times and keys are arguments, and the caller decides where bytes go.
//!
//! * [`Frontier`] is all of a tree that must be kept to append to it; [`BlockTree`] adds a block of
//!   leaves to a frontier and proves every one of them without reading anything back.
//! * [`inclusion_proof`] and [`consistency_proof`] build proofs from stored nodes in O(log n).
//! * [`CheckpointSigner`] and [`CheckpointVerifier`] write and read the one form of signed
//!   checkpoint a ledger stores.

mod block_tree;
mod bundle;
mod checkpoint;
mod frontier;
mod hash;
mod key;
mod log_proof;
mod note;
mod proof;
mod stored;
mod tile;
mod tree;

pub use block_tree::BlockTree;
pub use bundle::{BundleError, BundleId, append_entry, decode_bundle};
pub use checkpoint::{Checkpoint, CheckpointTextError};
pub use frontier::{Frontier, FrontierError};
pub use hash::{Hash, HashTextError, leaf_hash, node_hash};
pub use key::{KeyId, KeyKind, KeyName, KeyNameError, VerifierKey, VerifierKeyError};
pub use log_proof::{LogProof, LogProofError};
pub use note::{MAX_SIGNATURES, Note, NoteError, NoteSigner, NoteVerifyError, Signature, Verified};
pub use proof::{ConsistencyProof, InclusionProof, ProofError};
pub use stored::{CheckpointError, CheckpointSigner, CheckpointVerifier, Line, SignedCheckpoint};
pub use tile::{TILE_HEIGHT, TILE_WIDTH, TileError, TileId, TilePathError, subtree_root};
pub use tree::{NodeReader, TreeError, consistency_proof, frontier, inclusion_proof, tree_root};

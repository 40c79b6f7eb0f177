//! Conversions between messages and our own types.

use bytes::Bytes;
use probity_tlog::{ConsistencyProof, Hash, InclusionProof};

use crate::v1;

/// A message whose fields do not have the shape that the interface promises.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a malformed message: field {field} is not {expected}")]
pub struct MalformedMessage {
    /// The field.
    pub field: &'static str,
    /// What it should be.
    pub expected: &'static str,
}

fn hash(bytes: &Bytes, field: &'static str) -> Result<Hash, MalformedMessage> {
    let bytes = bytes.as_ref().try_into().map_err(|_| MalformedMessage { field, expected: "32 bytes" })?;
    Ok(Hash(bytes))
}

fn path_from(path: &[Bytes]) -> Result<Vec<Hash>, MalformedMessage> {
    path.iter().map(|bytes| hash(bytes, "path")).collect()
}

fn path_to(path: &[Hash]) -> Vec<Bytes> {
    path.iter().map(|hash| Bytes::copy_from_slice(hash.as_bytes())).collect()
}

impl v1::InclusionProof {
    /// The message for the proof of the leaf `leaf`.
    pub fn of(proof: &InclusionProof, leaf: &Hash) -> Self {
        let leaf_hash = Bytes::copy_from_slice(leaf.as_bytes());
        Self { index: proof.leaf_index, tree_size: proof.tree_size, leaf_hash, path: path_to(&proof.path) }
    }
}

impl TryFrom<&v1::InclusionProof> for (InclusionProof, Hash) {
    type Error = MalformedMessage;

    fn try_from(message: &v1::InclusionProof) -> Result<Self, MalformedMessage> {
        let path = path_from(&message.path)?;
        let proof = InclusionProof { tree_size: message.tree_size, leaf_index: message.index, path };
        Ok((proof, hash(&message.leaf_hash, "leaf_hash")?))
    }
}

impl From<&ConsistencyProof> for v1::ConsistencyProof {
    fn from(proof: &ConsistencyProof) -> Self {
        Self { first: proof.first, second: proof.second, path: path_to(&proof.path) }
    }
}

impl TryFrom<&v1::ConsistencyProof> for ConsistencyProof {
    type Error = MalformedMessage;

    fn try_from(message: &v1::ConsistencyProof) -> Result<Self, MalformedMessage> {
        Ok(Self { first: message.first, second: message.second, path: path_from(&message.path)? })
    }
}

impl TryFrom<&v1::GetCheckpointResponse> for Hash {
    type Error = MalformedMessage;

    fn try_from(message: &v1::GetCheckpointResponse) -> Result<Self, MalformedMessage> {
        hash(&message.root, "root")
    }
}

//! Proofs that travel by themselves (C2SP tlog-proof): a checkpoint and the way from one entry to its
//! root, in one text.

use std::fmt;
use std::str::FromStr;

use crate::{CheckpointError, CheckpointVerifier, Hash, HashTextError, InclusionProof, ProofError, SignedCheckpoint};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// No tree of 64-bit size has a longer path.
const LONGEST_PATH: usize = 64;

/// That an entry is in the tree of a checkpoint. Displayed in the format's one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    index: u64,
    path: Vec<Hash>,
    checkpoint: String,
}

impl LogProof {
    /// Puts a proof in front of the checkpoint, a signed note, of the tree that it leads to.
    #[must_use]
    pub fn new(proof: InclusionProof, checkpoint: impl Into<String>) -> Self {
        Self { index: proof.leaf_index, path: proof.path, checkpoint: checkpoint.into() }
    }

    /// The index of the entry that it is about.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Checks the checkpoint, and that the leaf with this hash is at the index in its tree.
    ///
    /// # Errors
    /// The checkpoint is not one of the verifier's log, or the path does not lead to its root.
    pub fn verify(&self, verifier: &CheckpointVerifier, leaf: &Hash) -> Result<SignedCheckpoint, LogProofError> {
        let signed = verifier.open(&self.checkpoint)?;
        let (tree_size, path) = (signed.checkpoint.size, self.path.clone());
        InclusionProof { tree_size, leaf_index: self.index, path }.verify(leaf, &signed.checkpoint.root)?;
        Ok(signed)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nindex {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for LogProof {
    type Err = LogProofError;

    /// Reads a proof. Extra data, which nobody vouches for, is passed over.
    fn from_str(text: &str) -> Result<Self, LogProofError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(LogProofError::Form)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(LogProofError::Form);
        }
        let _extra = lines.next_if(|line| line.starts_with("extra "));
        let written = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or(LogProofError::Index)?;
        let index: u64 = written.parse().map_err(|_| LogProofError::Index)?;
        if index.to_string() != written {
            return Err(LogProofError::Index);
        }
        let path = lines.take(LONGEST_PATH + 1).map(Hash::from_base64).collect::<Result<Vec<_>, _>>()?;
        if path.len() > LONGEST_PATH {
            return Err(LogProofError::Form);
        }
        Ok(Self { index, path, checkpoint: checkpoint.to_owned() })
    }
}

/// Why a text is no [`LogProof`], or why it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogProofError {
    /// Not a first line, lines, an empty line and a checkpoint.
    #[error("not a proof as c2sp.org/tlog-proof@v1 has it")]
    Form,
    /// The line of the index is missing, or holds no plain decimal number of 64 bits.
    #[error("the proof names no index")]
    Index,
    /// A line of the path is no hash.
    #[error(transparent)]
    Hash(#[from] HashTextError),
    /// The checkpoint is not one of this log.
    #[error("the proof's checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The path does not lead from the entry to the checkpoint's root.
    #[error(transparent)]
    Path(#[from] ProofError),
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::{BlockTree, CheckpointSigner, Frontier, leaf_hash};

    fn signer(origin: &str) -> CheckpointSigner {
        CheckpointSigner::new(origin, SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32])).unwrap()
    }

    #[test]
    fn a_proof_is_read_as_it_was_written_and_holds_for_its_entry_and_log_only() {
        let leaves: Vec<Hash> = (0..7_u8).map(|number| leaf_hash(&[number])).collect();
        let tree = BlockTree::new(&Frontier::default(), &leaves);
        let checkpoint = signer("log.example").sign(7, tree.root(), 1_700_000_000);
        let proof = LogProof::new(tree.inclusion_proof(5).unwrap(), checkpoint);
        let text = proof.to_string();
        assert!(
            text.starts_with("c2sp.org/tlog-proof@v1\nindex 5\n") && text.contains("\n\nlog.example\n7\n"),
            "{text}"
        );
        let read: LogProof = text.parse().unwrap();
        assert_eq!((read.to_string(), read.index()), (text.clone(), 5));
        let verifier = signer("log.example").verifier();
        assert_eq!(read.verify(&verifier, &leaves[5]).unwrap().checkpoint.size, 7);
        assert!(matches!(read.verify(&verifier, &leaves[4]), Err(LogProofError::Path(_))));
        assert!(matches!(
            read.verify(&signer("other.example").verifier(), &leaves[5]),
            Err(LogProofError::Checkpoint(_))
        ));
        // Extra data says nothing.
        let extra: LogProof = text.replace("\nindex", "\nextra eA==\nindex").parse().unwrap();
        assert_eq!(extra, read);
        for (from, to) in [("@v1", "@v2"), ("index 5", "index 05"), ("index 5", "place 5"), ("\n\n", "\n")] {
            assert!(text.replacen(from, to, 9).parse::<LogProof>().is_err(), "{to}");
        }
        let other: LogProof = text.replace("index 5", "index 4").parse().unwrap();
        assert!(other.verify(&verifier, &leaves[5]).is_err());
    }
}

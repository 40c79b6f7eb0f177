//! The one form in which a ledger stores its checkpoints: signed by the log's key, and by its clock
//! key together with the time.
//!
//! Strict on purpose. Other readers of notes ignore lines they don't know; a stored checkpoint has
//! exactly these two lines in this order, so that no byte of it can change without being noticed.

use std::fmt;

use ed25519_dalek::{SigningKey, VerifyingKey};

use crate::{
    Checkpoint, CheckpointTextError, Hash, KeyId, KeyKind, KeyName, KeyNameError, Note, NoteError, NoteSigner,
    VerifierKey,
};

/// What is appended to the origin to name the clock key.
const CLOCK_SUFFIX: &str = "/clock";

/// One of the two signature lines of a stored checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// The first: the log's key, over the checkpoint.
    Checkpoint,
    /// The second: the clock's key, over the time and the checkpoint.
    Clock,
}

impl Line {
    const fn kind(self) -> KeyKind {
        match self {
            Self::Checkpoint => KeyKind::Ed25519,
            Self::Clock => KeyKind::CosignatureV1,
        }
    }

    fn name(self, origin: &KeyName) -> Result<KeyName, KeyNameError> {
        match self {
            Self::Checkpoint => Ok(origin.clone()),
            Self::Clock => KeyName::new(format!("{origin}{CLOCK_SUFFIX}")),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checkpoint => "checkpoint",
            Self::Clock => "clock",
        })
    }
}

/// A checkpoint whose two signatures verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What both keys signed.
    pub checkpoint: Checkpoint,
    /// When the clock key signed it, in Unix seconds.
    pub time: u64,
}

/// Holds a ledger's two private keys and signs its checkpoints.
#[derive(Debug)]
pub struct CheckpointSigner {
    origin: KeyName,
    checkpoint: NoteSigner,
    clock: NoteSigner,
}

impl CheckpointSigner {
    /// Signs for the log named `origin`.
    ///
    /// # Errors
    /// The origin cannot name a key.
    pub fn new(origin: impl Into<String>, checkpoint: SigningKey, clock: SigningKey) -> Result<Self, KeyNameError> {
        let origin = KeyName::new(origin)?;
        let signer = |line: Line, private| {
            let name = line.name(&origin)?;
            Ok(NoteSigner::new(name, line.kind(), private))
        };
        Ok(Self { checkpoint: signer(Line::Checkpoint, checkpoint)?, clock: signer(Line::Clock, clock)?, origin })
    }

    /// Signs the tree of `size` leaves with the given `root`, at `time` in Unix seconds, and returns
    /// the note as it is stored.
    #[must_use]
    pub fn sign(&self, size: u64, root: Hash, time: u64) -> String {
        let text = Checkpoint { origin: self.origin.to_string(), size, root }.to_text();
        let checkpoint = self.checkpoint.sign(&text, time);
        let clock = self.clock.sign(&text, time);
        format!("{text}\n{checkpoint}\n{clock}\n")
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> CheckpointVerifier {
        CheckpointVerifier {
            origin: self.origin.clone(),
            checkpoint: self.checkpoint.verifier_key().clone(),
            clock: self.clock.verifier_key().clone(),
        }
    }
}

/// Holds a ledger's two public keys and opens its stored checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointVerifier {
    origin: KeyName,
    checkpoint: VerifierKey,
    clock: VerifierKey,
}

impl CheckpointVerifier {
    /// Verifies checkpoints of the log named `origin`.
    ///
    /// # Errors
    /// The origin cannot name a key.
    pub fn new(origin: impl Into<String>, checkpoint: VerifyingKey, clock: VerifyingKey) -> Result<Self, KeyNameError> {
        let origin = KeyName::new(origin)?;
        let key = |line: Line, public| {
            let name = line.name(&origin)?;
            Ok(VerifierKey::new(name, line.kind(), public))
        };
        Ok(Self { checkpoint: key(Line::Checkpoint, checkpoint)?, clock: key(Line::Clock, clock)?, origin })
    }

    /// The name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.origin.as_str()
    }

    /// The key of the first line, whose text form configures third-party verifiers.
    #[must_use]
    pub const fn checkpoint_key(&self) -> &VerifierKey {
        &self.checkpoint
    }

    /// The key of the second line.
    #[must_use]
    pub const fn clock_key(&self) -> &VerifierKey {
        &self.clock
    }

    /// Opens a stored checkpoint. Accepts exactly what [`CheckpointSigner::sign`] writes with these
    /// keys and refuses every other sequence of bytes: notes and checkpoint texts have one spelling
    /// each, and the signatures cover everything else.
    ///
    /// # Errors
    /// Anything about the note is not as this ledger writes it.
    pub fn open(&self, note: &str) -> Result<SignedCheckpoint, CheckpointError> {
        let parsed = Note::parse(note)?;
        let [checkpoint, clock] = parsed.signatures() else {
            return Err(CheckpointError::SignatureCount { found: parsed.signatures().len() });
        };
        let verify = |line, key: &VerifierKey, signature: &crate::Signature| {
            if !signature.is_by(key) {
                return Err(CheckpointError::Key { line, name: signature.name.clone(), id: signature.id });
            }
            signature.verify(key, parsed.text()).ok_or(CheckpointError::Signature { line })
        };
        verify(Line::Checkpoint, &self.checkpoint, checkpoint)?;
        let time = verify(Line::Clock, &self.clock, clock)?.ok_or(CheckpointError::Signature { line: Line::Clock })?;
        let checkpoint = Checkpoint::parse(parsed.text())?;
        if checkpoint.origin != self.origin.as_str() {
            return Err(CheckpointError::Origin { found: checkpoint.origin });
        }
        Ok(SignedCheckpoint { checkpoint, time })
    }
}

/// Why bytes are no stored checkpoint of this ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A stored checkpoint has two signature lines.
    #[error("a stored checkpoint has two signature lines, not {found}")]
    SignatureCount {
        /// The number of lines found.
        found: usize,
    },
    /// A line is by another key than the ledger's.
    #[error("the {line} line is by {name} (key {id}), which is not this ledger's {line} key")]
    Key {
        /// Which line.
        line: Line,
        /// The key name found.
        name: KeyName,
        /// The key id found.
        id: KeyId,
    },
    /// A line's signature does not verify.
    #[error("the {line} signature does not verify")]
    Signature {
        /// Which line.
        line: Line,
    },
    /// The signed text is no checkpoint.
    #[error(transparent)]
    Text(#[from] CheckpointTextError),
    /// The checkpoint is another log's.
    #[error("the checkpoint is of the log {found:?}")]
    Origin {
        /// The origin found.
        found: String,
    },
}

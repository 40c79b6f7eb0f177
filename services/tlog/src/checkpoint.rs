//! The text of a checkpoint (C2SP tlog-checkpoint): which tree, how large, with which root.

use std::fmt;
use std::str::FromStr;

use crate::{Hash, HashTextError};

/// What a signed checkpoint says. Displayed as the text that is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// The size of the tree in leaves.
    pub size: u64,
    /// The root of the tree at that size.
    pub root: Hash,
}

impl Checkpoint {
    /// The signed text: `origin\nsize\nbase64(root)\n`.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    /// Reads exactly what [`Checkpoint::to_text`] writes.
    ///
    /// The format allows further lines; we write none, so a text that has some is refused rather
    /// than half understood.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, CheckpointTextError> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), Some("")) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointTextError::Lines);
        };
        if lines.next().is_some() {
            return Err(CheckpointTextError::Lines);
        }
        if origin.is_empty() {
            return Err(CheckpointTextError::Origin);
        }
        let number: u64 = size.parse().map_err(|_| CheckpointTextError::Size)?;
        if number.to_string() != size {
            return Err(CheckpointTextError::Size);
        }
        Ok(Self { origin: origin.to_owned(), size: number, root: Hash::from_base64(root)? })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.root.to_base64();
        write!(f, "{}\n{}\n{root}\n", self.origin, self.size)
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why text is no [`Checkpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointTextError {
    /// Not exactly three lines.
    #[error("a checkpoint has the three lines origin, size and root")]
    Lines,
    /// The first line is empty.
    #[error("the checkpoint names no origin")]
    Origin,
    /// Not a decimal number of 64 bits without sign or leading zeros.
    #[error("the checkpoint's size is not a plain decimal number")]
    Size,
    /// The third line is no root.
    #[error("the checkpoint's root is malformed")]
    Root(#[from] HashTextError),
}

//! Where in the files of a log something is, for whoever must look at it.

use std::fmt;
use std::path::PathBuf;

/// A place in a segment file, and which block and statement belong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The segment file.
    pub file: PathBuf,
    /// The offset in bytes of the block's frame.
    pub offset: u64,
    /// The height of the block.
    pub height: u64,
    /// The log index of the block's first statement.
    pub index: u64,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, height, index } = self;
        write!(f, "{} offset {offset} (block {height}, from index {index})", file.display())
    }
}

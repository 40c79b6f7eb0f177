//! A block: the statements admitted together, and the signed checkpoint of the tree that covers
//! them (FORMATS, "Block"). It is the unit of commit: all of it becomes durable in one append, or
//! none.
//!
//! A block is kept as the bytes it was made of or read from; it is never encoded again.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use probity_statement::MAX_STATEMENT_LENGTH;
use probity_statement::cbor::{CborError, Reader, Writer};

/// The length in bytes at which a block is full: whoever fills one stops before it grows beyond.
pub const TARGET_BLOCK_LENGTH: usize = 768 * 1024;
/// The longest block in bytes that is read or written: what one NATS message may carry by default.
pub const MAX_BLOCK_LENGTH: usize = 1024 * 1024;
/// The most statements in a block.
pub const MAX_BLOCK_STATEMENTS: usize = 4096;
/// What a statement adds to a block besides its own bytes, at most.
pub const STATEMENT_OVERHEAD: usize = 3;

/// One block, with the bytes it is stored and sent as. Cloning is cheap.
#[derive(Clone)]
pub struct Block {
    height: u64,
    first_index: u64,
    time: u64,
    encoded: Arc<Encoded>,
}

struct Encoded {
    bytes: Vec<u8>,
    statements: Vec<Range<usize>>,
    checkpoint: String,
}

impl Block {
    /// Makes a block.
    ///
    /// `height` is its position among the blocks, `first_index` that of its first statement in the
    /// log, `time` is in Unix seconds and `checkpoint` the signed note for the tree size after it.
    /// Nothing but the limits is checked: whether a block continues a log is for
    /// [`Chain`](crate::Chain) to say.
    ///
    /// # Errors
    /// There is no statement or too many, one is too long, or all of them together are.
    pub fn new<S: AsRef<[u8]>>(
        height: u64,
        first_index: u64,
        time: u64,
        statements: &[S],
        checkpoint: &str,
    ) -> Result<Self, BlockError> {
        let payload: usize = statements.iter().map(|statement| statement.as_ref().len() + STATEMENT_OVERHEAD).sum();
        let mut writer = Writer::with_capacity(payload + checkpoint.len() + 64);
        writer.map(5);
        writer.uint(1).uint(height);
        writer.uint(2).uint(first_index);
        writer.uint(3).uint(time);
        writer.uint(4).array(statements.len());
        for statement in statements {
            writer.bytes(statement.as_ref());
        }
        writer.uint(5).text(checkpoint);
        Self::decode(writer.into_bytes())
    }

    /// Reads a block from exactly the bytes [`Block::new`] would have written.
    ///
    /// # Errors
    /// Any other bytes, or more of them than a block may have.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, BlockError> {
        if bytes.len() > MAX_BLOCK_LENGTH {
            return Err(BlockError::TooLong { length: bytes.len() });
        }
        let mut reader = Reader::new(&bytes);
        reader.map_of(5, "a block of five fields")?;
        reader.label(1, "the height")?;
        let height = reader.uint()?;
        reader.label(2, "the first index")?;
        let first_index = reader.uint()?;
        reader.label(3, "the time")?;
        let time = reader.uint()?;
        reader.label(4, "the statements")?;
        let statements = statements(&mut reader)?;
        reader.label(5, "the checkpoint")?;
        let checkpoint = reader.text()?.to_owned();
        reader.end()?;
        // A tree has at most 2^64 - 1 leaves.
        first_index.checked_add(statements.len() as u64).ok_or(BlockError::IndexOverflow { first_index })?;
        let encoded = Arc::new(Encoded { statements, checkpoint, bytes });
        Ok(Self { height, first_index, time, encoded })
    }

    /// The position of this block among the blocks, from 0.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.height
    }

    /// The position in the log of the first statement.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.first_index
    }

    /// The number of statements in the log up to and including this block.
    #[must_use]
    pub fn tree_size(&self) -> u64 {
        self.first_index + self.encoded.statements.len() as u64
    }

    /// When the statements were recorded, in Unix seconds.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The statements in log order, as their signers made them.
    pub fn statements(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.encoded.statements.iter().map(|range| &self.encoded.bytes[range.clone()])
    }

    /// The statement at `index` of the log, if it is in this block.
    #[must_use]
    pub fn statement(&self, index: u64) -> Option<&[u8]> {
        let position = usize::try_from(index.checked_sub(self.first_index)?).ok()?;
        let range = self.encoded.statements.get(position)?;
        Some(&self.encoded.bytes[range.clone()])
    }

    /// The signed checkpoint of the tree at [`Block::tree_size`].
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.encoded.checkpoint
    }

    /// The block as it is stored and sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.encoded.bytes
    }
}

fn statements(reader: &mut Reader<'_>) -> Result<Vec<Range<usize>>, BlockError> {
    let count = reader.array()?;
    if !(1..=MAX_BLOCK_STATEMENTS).contains(&count) {
        return Err(BlockError::StatementCount { found: count });
    }
    (0..count)
        .map(|position| {
            let length = reader.bytes()?.len();
            if length > MAX_STATEMENT_LENGTH {
                return Err(BlockError::StatementTooLong { position, length });
            }
            Ok(reader.position() - length..reader.position())
        })
        .collect()
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Block {}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("height", &self.height)
            .field("first_index", &self.first_index)
            .field("time", &self.time)
            .field("statements", &self.encoded.statements.len())
            .field("checkpoint", &self.checkpoint())
            .finish()
    }
}

/// Why bytes are no block, or a block cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Not the deterministic CBOR of a block.
    #[error("the block is malformed")]
    Cbor(#[from] CborError),
    /// Longer than [`MAX_BLOCK_LENGTH`].
    #[error("the block has {length} bytes, more than {MAX_BLOCK_LENGTH}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// No statement, or more than [`MAX_BLOCK_STATEMENTS`].
    #[error("the block has {found} statements, not 1 to {MAX_BLOCK_STATEMENTS}")]
    StatementCount {
        /// How many it has.
        found: usize,
    },
    /// A statement longer than any.
    #[error("statement {position} of the block has {length} bytes, more than {MAX_STATEMENT_LENGTH}")]
    StatementTooLong {
        /// Its position in the block, from 0.
        position: usize,
        /// Its length in bytes.
        length: usize,
    },
    /// The statements would have indices beyond the largest tree.
    #[error("the block starts at index {first_index}, beyond the largest tree")]
    IndexOverflow {
        /// The claimed index of the first statement.
        first_index: u64,
    },
}

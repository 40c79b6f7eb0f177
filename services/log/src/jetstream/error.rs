//! What can be wrong with a stream: that it cannot be asked, or that it disagrees with what was
//! signed.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::configuration::Drift;
use crate::{BlockError, BlockFault, OpenError, StorageError};

/// Why NATS could not be asked, or did not answer. Says nothing about the ledger.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StreamError {
    /// Credentials or certificates could not be read.
    #[error("cannot read {}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// NATS could not be reached, or refused. The message says the causes already.
    #[error("NATS: {0}")]
    Nats(Arc<dyn Error + Send + Sync>),
    /// A message is gone from between others.
    #[error("the message at height {height} is gone from the stream")]
    Missing {
        /// Where.
        height: u64,
    },
    /// There is no connection at present; it is made again.
    #[error("there is no connection to NATS")]
    Disconnected,
    /// A stream is to be made where there is one.
    #[error("there is a stream {name} already")]
    Exists {
        /// Its name.
        name: String,
    },
    /// The stream is not there.
    #[error("there is no stream {name}")]
    Gone {
        /// Its name.
        name: String,
    },
    /// Reading ended; it is taken up again.
    #[error("the reading of the stream ended")]
    Ended,
    /// A message was not delivered in its turn.
    #[error("the stream delivered sequence {found} where block {height} follows")]
    Gap {
        /// The height that follows.
        height: u64,
        /// The sequence that came.
        found: u64,
    },
}

impl StreamError {
    pub(super) fn nats(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Nats(Arc::new(error))
    }

    pub(super) fn boxed(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::Nats(error.into())
    }
}

/// How a stream disagrees with what this process knows to be signed. Writes stop until a person has
/// looked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// There is no such stream.
    #[error("there is no stream {name}, which held the ledger's blocks")]
    NoStream {
        /// Its name.
        name: String,
    },
    /// It is another stream of the same name.
    #[error("stream {name} was created anew: it is not the one that this ledger was recorded in")]
    Recreated {
        /// Its name.
        name: String,
    },
    /// Its settings do not keep what it is given.
    #[error("the settings of stream {name} were changed: {}", Listed(.drift))]
    Settings {
        /// Its name.
        name: String,
        /// What differs.
        drift: Vec<Drift>,
    },
    /// Messages at its start are gone.
    #[error("the stream starts with sequence {found}, not with 1: the first blocks are gone from it")]
    First {
        /// The first sequence.
        found: u64,
    },
    /// Messages between its ends are gone.
    #[error("the stream holds {found} messages up to sequence {last}: {} were deleted from it", last - found)]
    Deleted {
        /// The last sequence.
        last: u64,
        /// How many messages there are.
        found: u64,
    },
    /// A message between its ends is gone or cannot be read.
    #[error("block {height} (from index {index}) cannot be read from the stream any more")]
    Missing {
        /// The block's height.
        height: u64,
        /// The index of its first statement.
        index: u64,
    },
    /// It lost what it had acknowledged.
    #[error(
        "the stream ends with block {}, but blocks up to {} (index {index} and on) were acknowledged and released; \
         `probity repair` puts them back", Ordinal(*found), anchored - 1
    )]
    Shorter {
        /// How many blocks were released.
        anchored: u64,
        /// How many blocks the stream has.
        found: u64,
        /// The index of the first statement that is not in the stream.
        index: u64,
    },
    /// It holds another block than the one that was released.
    #[error("block {height} (from index {index}) of the stream is not the one that was released")]
    Differs {
        /// The first height at which it differs, as far as was looked.
        height: u64,
        /// The index of the block's first statement, or of the first statement that differs.
        index: u64,
    },
    /// A message is no block.
    #[error("the message at height {height} (from index {index}) of the stream is no block: {fault}")]
    Malformed {
        /// Where.
        height: u64,
        /// The index that follows.
        index: u64,
        /// What is wrong with it.
        fault: BlockError,
    },
    /// A block of the stream does not continue the ledger.
    #[error("block {height} (from index {index}) of the stream does not verify: {fault}")]
    Unverified {
        /// Its height.
        height: u64,
        /// The index that follows.
        index: u64,
        /// What is wrong with it.
        fault: BlockFault,
    },
    /// An acknowledgement named another place.
    #[error("block {height} was acknowledged by stream {stream} at sequence {sequence}")]
    Elsewhere {
        /// The block's height.
        height: u64,
        /// The stream that the acknowledgement names.
        stream: String,
        /// The sequence that it names.
        sequence: u64,
    },
}

/// Drifts, one after another.
struct Listed<'a>(&'a [Drift]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, drift) in self.0.iter().enumerate() {
            write!(f, "{}{drift}", if position == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// The last of so many blocks.
struct Ordinal(u64);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.checked_sub(1) {
            Some(last) => write!(f, "{last}"),
            None => write!(f, "none at all"),
        }
    }
}

/// Why a log on a stream does not open.
#[derive(Debug, thiserror::Error)]
pub enum JetStreamError {
    /// The local files do not open.
    #[error(transparent)]
    Local(#[from] OpenError),
    /// The local files cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// NATS cannot be asked.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The stream is not what it should be.
    #[error(transparent)]
    Disagrees(#[from] Disagreement),
}

//! Where blocks live: the append-only log of a ledger, its anchor, and the nodes of its tree.
//!
//! A [`Block`] is what is committed at once. A [`Log`] keeps blocks in order for one writer and
//! many readers; [`FileLog`] keeps them in local files, [`JetStreamLog`] in local files and in a
//! stream of NATS JetStream. [`ReadOnlyLog`] reads local files and leaves them as they are. A
//! [`Chain`] says whether a block continues the blocks before it, and is run wherever blocks come
//! from outside. [`Tiles`] gives the nodes proofs are made of, and [`scrub`] reads everything again.
//!
//! Nothing here reads a clock, signs anything or judges a statement. What was released is never
//! changed: where stored bytes and signatures disagree, this crate stops and names the place.

mod anchor;
mod backend;
mod block;
mod chain;
#[cfg(feature = "conformance")]
pub mod conformance;
mod file_log;
mod frame;
mod jetstream;
mod location;
mod log;
mod read_only;
mod scrub;
mod segments;
#[cfg(feature = "simulated-disk")]
pub mod simulated_disk;
pub mod storage;
mod tiles;

pub use anchor::{Anchor, AnchorError};
pub use backend::Backend;
pub use block::{Block, BlockError, MAX_BLOCK_LENGTH, MAX_BLOCK_STATEMENTS, STATEMENT_OVERHEAD, TARGET_BLOCK_LENGTH};
pub use chain::{BlockFault, Chain, FrontierMismatch};
pub use file_log::{BlockReader, DEFAULT_SEGMENT_LENGTH, FileLog, FileLogOptions, JoinError, OpenError, Opening, join};
pub use frame::FrameFault;
pub use jetstream::{
    ArrivalError, Disagreement, Drift, Heard, Heartbeat, Heartbeats, JetStreamError, JetStreamLog, JoinStreamError,
    NatsOptions, Prepared, Question, RegistrarState, Repair, Shortfall, Status, StreamError, StreamName, StreamStatus,
    abandoned, credentials, first_stream_block,
};
pub use location::Location;
pub use log::{AppendError, Durability, FatalError, Head, Log, ReadError, Resolver, Unavailable};
pub use read_only::{ReadOnlyError, ReadOnlyLog};
pub use scrub::{Progress, ScrubError, Scrubbed, first_block, scrub};
pub use segments::SegmentFault;
pub use storage::StorageError;
pub use tiles::{MirrorError, Tiles, TilesError, mirror};

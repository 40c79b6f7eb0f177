//! A process's copy of a ledger: opened from its log, checked, indexed, and read.
//!
//! A [`Replica`] is what is folded from the log at one position: the admission state, the index of
//! event ids and revisions, the right edge of the tree. It takes in blocks that another process
//! appended once they are verified and judged. A [`Ledger`] reads what is committed: entries,
//! receipts, checkpoints and proofs, also over gRPC by [`LogHandler`].
//!
//! Nothing here orders statements, makes a block or decides who appends, and nothing here reads a
//! clock.

mod adoption;
mod committed;
mod error;
mod index;
mod index_store;
mod ledger;
mod log_service;
mod replay;
mod replica;
mod status;
mod verifier;

pub use adoption::AdoptionError;
pub use committed::CommittedBlock;
pub use error::with_causes;
pub use index::{Commit, Entries, Index, IndexError, Past};
pub use index_store::{IndexStore, IndexTree, StoreError};
pub use ledger::{Ledger, ReadFault};
pub use log_service::LogHandler;
pub use replay::{Genesis, Replay, ReplayError, Signatures};
pub use replica::{Replica, ReplicaError};
pub use verifier::Verifier;

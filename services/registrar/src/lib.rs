//! The write side: verify, admit, commit, receipt.
//!
//! Statements are verified on all cores by whoever brings them; one thread admits them in order and fills blocks; the
//! log makes blocks durable; every statement of a durable block gets its receipt. Nothing leaves before it is durable.
//!
//! The registrar never re-serialises a statement, never reads a clock of its own, and keeps no state that does not come
//! back from the log.

mod adopting;
mod block;
mod carrier;
mod duty;
mod error;
mod found;
mod index;
mod limit;
mod open;
mod read;
mod registrar;
mod sequencer;
mod service;
mod settling;
mod shared;
mod status;
mod verify;

pub use block::SealError;
pub use carrier::Carrier;
pub use duty::{Duty, Participant, Participation};
pub use error::{RegisterError, Rejection, Unavailable, with_causes};
pub use found::{FoundError, Founding, founding_block};
pub use index::IndexError;
pub use open::{OpenError, Opening};
pub use read::{Ledger, ReadFault};
pub use registrar::{MAX_REQUEST_STATEMENTS, Recorded, Registrar};
pub use service::{LogHandler, RandomBytes, RegistrationHandler};
pub use verify::Submission;

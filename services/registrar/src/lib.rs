//! The write side of a replica: verify, admit, commit, receipt, and which registrar leads.
//!
//! Statements are verified on all cores; one thread admits them in order and fills blocks; the log
//! makes blocks durable; every statement of a durable block gets its receipt. Nothing leaves before
//! it is durable.
//!
//! The registrar never re-serialises a statement, never reads a clock of its own, and keeps no
//! state that does not come back from the log.

mod block;
mod checking;
mod clock_guard;
mod election;
mod error;
mod found;
mod leadership;
mod limit;
mod registrar;
mod registration_service;
mod sequencer;
mod settling;
mod shared;
mod status;
mod verify;

pub use block::SealError;
pub use election::{ANNOUNCE, Attempt, Election, ElectionAction, ElectionEvent, MAX_JITTER, SILENCE};
pub use error::{HaltReason, RegisterError, Rejection, Unavailable};
pub use found::{FoundError, Founding, founding_block};
pub use leadership::{Leadership, Participant, Participation};
pub use registrar::{MAX_REQUEST_STATEMENTS, Registered, Registrar, RegistrarOptions, StartError};
pub use registration_service::{RandomBytes, Refusals, RegistrationHandler};
pub use verify::Submission;

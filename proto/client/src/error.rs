//! Why statements were not all answered.

use std::error::Error as _;
use std::fmt;

use tonic::Status;

use crate::address::AddressError;
use probity_proto::v1::RegisterResult;

/// Why statements were not all answered, and the answers that there are.
///
/// Nothing is known of a statement without an answer: it may have been recorded. Sending it again
/// is safe.
#[derive(Debug)]
pub struct RegisterError {
    /// What went wrong.
    pub failure: Failure,
    /// For each submission, in order, the answer if there was one.
    pub answered: Vec<Option<RegisterResult>>,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The deadline came, or was nearer than the next attempt.
    #[error("no server took the statements in time; tried {} ({attempts} attempts); last, {address}: {}",
        tried.join(", "), cause(last))]
    Exhausted {
        /// The servers, each once, in the order in which they were tried.
        tried: Vec<String>,
        /// How often one was tried.
        attempts: u32,
        /// The server that was tried last.
        address: String,
        /// What came of that.
        last: Status,
    },
    /// A server answered, and asking again or elsewhere would not change the answer.
    #[error("{address} answered {:?}: {}", status.code(), status.message())]
    Status {
        /// The server.
        address: String,
        /// Its answer; [`Reason::of`](probity_proto::Reason::of) reads what it says to programs.
        status: Status,
    },
    /// A standby named an active server on a host that was not configured, or one that is to be
    /// spoken to without TLS while the configured ones are not.
    #[error(
        "{from} stands by and names {to} as the active server; {to} is not followed, because {}. \
         Give its address to this client as well", if *.downgrade { "it is without TLS" } else { "its host is none that was configured" }
    )]
    Redirect {
        /// The standby.
        from: String,
        /// The server that it named.
        to: String,
        /// Whether the way there is less safe than the configured ones.
        downgrade: bool,
    },
    /// A server answered that a statement is recorded, and the receipt does not prove it under the
    /// keys of the ledger that was pinned.
    #[error(
        "{address} says that a statement is recorded at index {index}, but its receipt does not prove it: {reason}"
    )]
    Unproven {
        /// The server.
        address: String,
        /// The index that it gave.
        index: u64,
        /// What is wrong with the receipt.
        reason: String,
    },
    /// The caller's configuration does not suit the address that a standby named.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The server broke the interface.
    #[error("{address} answered {found} of {expected} statements")]
    Miscounted {
        /// The server.
        address: String,
        /// The number of statements sent.
        expected: usize,
        /// The number of results.
        found: usize,
    },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answered = self.answered.iter().flatten().count();
        match answered {
            0 => self.failure.fmt(f),
            _ => write!(f, "{}; {answered} of {} statements were answered", self.failure, self.answered.len()),
        }
    }
}

impl std::error::Error for RegisterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failure.source()
    }
}

/// The deepest cause: of a failed connection, the status itself says little.
fn cause(status: &Status) -> String {
    let Some(mut cause) = status.source() else { return status.message().to_owned() };
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

//! What a status means for where to go next. Pure: no connection, no clock.

use std::error::Error as _;
use std::time::Duration;

use tonic::{Code, Status};

use crate::address::Address;
use probity_proto::{Reason, retry_after};

/// The server follows and does not write.
pub(crate) const STANDBY: &str = "STANDBY";
/// The server ends.
const SHUTTING_DOWN: &str = "SHUTTING_DOWN";
/// The server does not know yet whether what it wrote is durable.
const NOT_SETTLED: &str = "NOT_SETTLED";
/// The server found its records to disagree and waits for a person.
const HALTED: &str = "HALTED";

/// What to make of a status.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Another server is active: that one, if the standby knows it.
    Standby { active: Option<Address>, wait: Option<Duration> },
    /// No answer, or none now. Any server may have one soon.
    Passing { wait: Option<Duration> },
    /// Too much is waiting at this server; it said for how long.
    Overloaded { wait: Duration },
    /// A person has to see to this server.
    Halted,
    /// An answer that another attempt would not change.
    Final,
}

impl Fault {
    pub(crate) fn of(status: &Status) -> Self {
        let wait = retry_after(status);
        let reason = Reason::of(status);
        match (status.code(), &reason) {
            // Statuses with a source were made on this side: nothing was answered.
            _ if status.source().is_some() => Self::Passing { wait: None },
            (Code::Unavailable | Code::DeadlineExceeded, None) => Self::Passing { wait },
            (Code::Unavailable, Some(Reason { reason, metadata })) => match reason.as_str() {
                STANDBY => Self::Standby { active: metadata.get("active").and_then(|text| text.parse().ok()), wait },
                SHUTTING_DOWN | NOT_SETTLED => Self::Passing { wait },
                HALTED => Self::Halted,
                _ => Self::Final,
            },
            (Code::ResourceExhausted, _) => wait.map_or(Self::Final, |wait| Self::Overloaded { wait }),
            _ => Self::Final,
        }
    }
}

/// Whether a statement that was refused like this may be taken if it is sent again as it is.
pub(crate) fn is_for_now(code: i32, reason: &str) -> bool {
    code == Code::Unavailable as i32 && [STANDBY, SHUTTING_DOWN, NOT_SETTLED].contains(&reason)
}

//! Reading a refusal: the other end of [`Verdict`](crate::Verdict).

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::v1;
use crate::verdict::DOMAIN;

/// Why the ledger refused, for programs: `google.rpc.ErrorInfo` with domain `probity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub reason: String,
    /// Facts about the refusal.
    pub metadata: HashMap<String, String>,
}

impl Reason {
    /// The reason that a status carries; none if the status is not the ledger's own, but a proxy's
    /// or the connection's.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN)?;
        Some(Self { reason: info.reason, metadata: info.metadata })
    }
}

/// When the server says to try again (`google.rpc.RetryInfo`).
#[must_use]
pub fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

impl From<&v1::Refused> for Status {
    /// What the call would have failed with, had the statement been the only one.
    fn from(refused: &v1::Refused) -> Self {
        let details = ErrorDetails::with_error_info(&refused.reason, DOMAIN, refused.metadata.clone());
        Status::with_error_details(Code::from_i32(refused.code), &refused.message, details)
    }
}

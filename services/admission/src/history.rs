//! What has been recorded, as far as admission asks.

use std::convert::Infallible;

use probity_schemas::EventId;

/// The event ids and revisions of everything before the position that is judged.
pub trait History {
    /// Why the history could not be asked.
    type Error;

    /// The index of the event `id` of the issuer with this number (see [`Admitted::issuer`](crate::Admitted::issuer)).
    fn event_index(&self, issuer: u32, id: &EventId) -> Result<Option<u64>, Self::Error>;

    /// How many statements there are about `subject`.
    fn revision(&self, subject: &str) -> Result<u64, Self::Error>;
}

/// The history before the first statement.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmptyHistory;

impl History for EmptyHistory {
    type Error = Infallible;

    fn event_index(&self, _: u32, _: &EventId) -> Result<Option<u64>, Infallible> {
        Ok(None)
    }

    fn revision(&self, _: &str) -> Result<u64, Infallible> {
        Ok(0)
    }
}

//! What an event id stands for: so that an event can be answered, closed or taken back by another that regards it.

use probity_schemas::{EventId, Subject};
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::record::{Key, Table};
use crate::recorded::Recorded;
use crate::store::StoreError;

/// An event, as others refer to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identified {
    /// Its position in the log.
    pub index: u64,
    /// Who signed it.
    pub signer: String,
    /// What it is about, or what it says something of.
    pub subject: String,
    /// Its type, such as `issue.opened`.
    pub event_type: String,
    /// The moment to sort it by, in Unix milliseconds.
    pub at_ms: u64,
}

/// A table of events by their ids. Ids are unique for each signer only: the first event of an id keeps it.
#[derive(Debug)]
pub struct Ids(Table<Identified>);

impl Ids {
    /// The table whose keys begin with `byte`.
    pub const fn new(byte: u8) -> Self {
        Self(Table::new(byte))
    }

    /// The key of an id.
    pub fn key(&self, id: &EventId) -> Key {
        self.0.key().fixed(id.as_uuid().as_bytes())
    }

    /// Remembers an event, as saying something of its own subject.
    ///
    /// # Errors
    /// The view could not be read.
    pub fn remember(&self, batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), StoreError> {
        self.remember_of(batch, recorded, &recorded.event.subject)
    }

    /// Remembers an event that says something of another subject than its own.
    ///
    /// # Errors
    /// The view could not be read.
    pub fn remember_of(&self, batch: &mut Batch<'_>, recorded: &Recorded, subject: &Subject) -> Result<(), StoreError> {
        let key = self.key(&recorded.event.id);
        if !batch.contains(&key)? {
            let identified = Identified {
                index: recorded.index,
                signer: recorded.signer(),
                subject: subject.to_string(),
                event_type: recorded.event.event_type().to_owned(),
                at_ms: recorded.sorted_at_ms(),
            };
            batch.put(&self.0, key, identified);
        }
        Ok(())
    }

    /// The event that `recorded` continues, answers or closes, if it was remembered.
    ///
    /// # Errors
    /// The view could not be read.
    pub fn regarded(&self, batch: &Batch<'_>, recorded: &Recorded) -> Result<Option<Identified>, StoreError> {
        match &recorded.event.regarding {
            Some(id) => self.find(batch, id),
            None => Ok(None),
        }
    }

    /// The event of an id, if it was remembered.
    ///
    /// # Errors
    /// The view could not be read.
    pub fn find(&self, batch: &Batch<'_>, id: &EventId) -> Result<Option<Identified>, StoreError> {
        batch.read(&self.0, &self.key(id))
    }
}

//! Writes that belong together and see each other before they are applied.

use std::collections::BTreeMap;

use crate::store::{StoreError, View};

/// Pending writes to one view. Reads see them first, then the view.
#[derive(Debug)]
pub struct Batch<'a> {
    view: &'a View,
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(view: &'a View) -> Self {
        Self { view, writes: BTreeMap::new() }
    }

    /// The value of `key` as it will be once the batch is applied.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.writes.get(key) {
            Some(pending) => Ok(pending.clone()),
            None => self.view.get(key),
        }
    }

    /// Sets `key` to `value`.
    pub fn insert(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.insert(key.into(), Some(value.into()));
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.writes.insert(key.into(), None);
    }

    pub(crate) fn into_writes(self) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        self.writes
    }
}

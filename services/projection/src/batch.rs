//! Writes that belong together and see each other before they are applied.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::record::{Key, Record, Table, decode};
use crate::store::{StoreError, View, Write};

/// Pending writes to one view. Reads see them first, then the view.
///
/// Records stay decoded until the batch is applied, so that one that changes with every statement is encoded once.
#[derive(Debug)]
pub struct Batch<'a> {
    view: &'a View,
    writes: BTreeMap<Vec<u8>, Write>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(view: &'a View) -> Self {
        Self { view, writes: BTreeMap::new() }
    }

    /// What became of `key` in this batch or shortly before, if anything did.
    fn recent(&self, key: &[u8]) -> Option<&Write> {
        self.writes.get(key).or_else(|| self.view.recent(key))
    }

    /// The value of `key` as it will be once the batch is applied.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.recent(key) {
            Some(write) => Ok(write.value(key)?),
            None => match self.view.known(key) {
                Some(known) => Ok(known.map(|write| write.value(key)).transpose()?.flatten()),
                None => Ok(self.view.stored(key)?.map(|value| value.to_vec())),
            },
        }
    }

    /// Whether there will be a value of `key`.
    pub fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        match self.recent(key.as_bytes()) {
            Some(write) => Ok(!matches!(write, Write::Removed)),
            None => match self.view.known(key.as_bytes()) {
                Some(known) => Ok(known.is_some()),
                None => Ok(self.view.stored(key.as_bytes())?.is_some()),
            },
        }
    }

    /// The record of `key` as it will be.
    pub fn read<V: Record>(&self, table: &Table<V>, key: &Key) -> Result<Option<V>, StoreError> {
        let known;
        let write = match self.recent(key.as_bytes()) {
            Some(write) => write,
            None => match self.view.known(key.as_bytes()) {
                Some(None) => return Ok(None),
                Some(Some(write)) => {
                    known = write;
                    &*known
                }
                None => return self.read_stored(table, key.as_bytes()),
            },
        };
        if let Write::Record(record) = write
            && let Some(record) = record.as_any().downcast_ref::<V>()
        {
            return Ok(Some(record.clone()));
        }
        Ok(write.value(key.as_bytes())?.map(|bytes| table.decode(&bytes)).transpose()?)
    }

    /// The record of a key in the files, which is known from then on.
    fn read_stored<V: Record>(&self, table: &Table<V>, key: &[u8]) -> Result<Option<V>, StoreError> {
        let found = self.view.stored(key)?.map(|bytes| table.decode(&bytes)).transpose()?;
        self.view.remember(key, found.clone().map(|record| Write::Record(Box::new(record))));
        Ok(found)
    }

    /// The record of `key`, to be changed; made where there is none. Nothing before the statement `since` has to do with it,
    /// so that it is not looked for in files that end before that one.
    pub fn record_since<V: Record>(&mut self, table: &Table<V>, key: Key, since: u64) -> Result<&mut V, StoreError> {
        if since >= self.view.in_files() && self.recent(key.as_bytes()).is_none() {
            self.put(table, key.clone(), V::default());
        }
        self.record(table, key)
    }

    /// The record of `key`, to be changed; made where there is none.
    pub fn record<V: Record>(&mut self, table: &Table<V>, key: Key) -> Result<&mut V, StoreError> {
        let held = match self.writes.get(key.as_bytes()) {
            Some(Write::Record(record)) => record.as_any().is::<V>(),
            _ => false,
        };
        if !held {
            let found = self.read(table, &key)?.unwrap_or_default();
            self.writes.insert(key.as_bytes().to_vec(), Write::Record(Box::new(found)));
        }
        match self.writes.get_mut(key.as_bytes()) {
            Some(Write::Record(record)) => match record.as_mut().as_any_mut().downcast_mut::<V>() {
                Some(record) => Ok(record),
                None => Err(StoreError::WrongTable { table: key.as_bytes()[0] }),
            },
            _ => Err(StoreError::WrongTable { table: key.as_bytes()[0] }),
        }
    }

    /// Sets the record of `key`.
    pub fn put<V: Record>(&mut self, _table: &Table<V>, key: Key, record: V) {
        self.writes.insert(key.into(), Write::Record(Box::new(record)));
    }

    /// Sets `key`, which has no value of its own, unless that was done shortly before.
    pub fn mark(&mut self, _table: &Table<()>, key: Key) {
        let is_there = match self.recent(key.as_bytes()) {
            Some(write) => !matches!(write, Write::Removed),
            None => self.view.is_marked(key.as_bytes()),
        };
        if !is_there {
            self.writes.insert(key.into(), Write::Marked);
        }
    }

    /// Sets `key` to `value`.
    pub fn insert(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.insert(key.into(), Write::Bytes(value.into()));
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.writes.insert(key.into(), Write::Removed);
    }

    /// The keys that will be there and begin with `prefix`, in order. For prefixes under which there is little.
    pub fn keys(&self, prefix: &Key) -> Result<Vec<Vec<u8>>, StoreError> {
        let prefix = prefix.as_bytes();
        let stored = self.view.scan(prefix).map(|pair| pair.map(|(key, _)| key));
        let mut keys = stored.collect::<Result<std::collections::BTreeSet<_>, _>>()?;
        let pending = self.writes.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        for (key, write) in pending.take_while(|(key, _)| key.starts_with(prefix)) {
            match write {
                Write::Removed => keys.remove(key),
                Write::Marked | Write::Bytes(_) | Write::Record(_) => keys.insert(key.clone()),
            };
        }
        Ok(keys.into_iter().collect())
    }

    /// The records that will be there under keys that begin with `prefix`, in key order. For prefixes under which there
    /// is little.
    pub fn records<V: Record>(&self, table_of: &Table<V>, prefix: &Key) -> Result<Vec<(Vec<u8>, V)>, StoreError> {
        let mut found = Vec::new();
        for key in self.keys(prefix)? {
            let record = match self.recent(&key) {
                Some(Write::Record(record)) => record.as_any().downcast_ref::<V>().cloned(),
                _ => None,
            };
            let record = match record {
                Some(record) => Some(record),
                None => self.get(&key)?.map(|bytes| decode(table_of.byte(), &bytes)).transpose()?,
            };
            found.extend(record.map(|record| (key, record)));
        }
        debug_assert!(found.iter().all(|(key, _)| key.first() == Some(&table_of.byte())));
        Ok(found)
    }

    /// Every key with what becomes of it, in key order.
    pub(crate) fn into_writes(self) -> impl Iterator<Item = (Vec<u8>, Write)> {
        self.writes.into_iter()
    }
}

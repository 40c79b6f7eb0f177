//! One view in a store: what lies in its files, and on top of that what was folded last.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fjall::{Keyspace, Readable as _, Snapshot};
use probity_log::ReadError;
use probity_statement::SignedStatement;
use sha2::{Digest as _, Sha256};

use super::known::Known;
use super::recent::{Merged, Pairs, Recent, Value, Write};
use super::{Cursor, Store, StoreError};
use crate::batch::Batch;
use crate::record::{Key, Record, Table};
use crate::statements::Statements;

/// The key of the cursor. Tables begin with a non-zero byte, so it sorts before all of them.
const CURSOR_KEY: [u8; 1] = [0];

/// One view: ordered keys, their values, and the cursor they belong to.
///
/// Every key begins with a non-zero table byte.
pub struct View {
    keyspace: Keyspace,
    store: Store,
    /// What is folded and not in the store yet.
    recent: Recent,
    /// Up to how many statements the files go.
    in_files: u64,
    /// What is known of the files: for whoever folds.
    known: Mutex<Known>,
    /// Keys that were marked, and are in the files.
    marked: Mutex<Known>,
    /// The moment at which it is read; `None` for whatever was written last.
    snapshot: Option<Snapshot>,
    /// Where statements are quoted from.
    statements: Option<Arc<dyn Statements>>,
    /// Set once nobody waits for the answer: then reads fail.
    given_up: Option<Arc<AtomicBool>>,
    work: Arc<Counters>,
}

/// What was done with the files of a view, by all who have it open together.
#[derive(Debug, Default)]
struct Counters {
    written: Mutex<BTreeMap<u8, (u64, u64)>>,
    looked_up: Mutex<BTreeMap<u8, (u64, u64)>>,
}

impl Counters {
    fn count_lookup(&self, key: &[u8], found: bool) {
        let mut looked_up = lock(&self.looked_up);
        let (there, not_there) = looked_up.entry(table_of(key)).or_default();
        *(if found { there } else { not_there }) += 1;
    }

    fn count_written(&self, written: &BTreeMap<u8, (u64, u64)>) {
        let mut all = lock(&self.written);
        for (table, (keys, bytes)) in written {
            let of_table = all.entry(*table).or_default();
            *of_table = (of_table.0 + keys, of_table.1 + bytes);
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn table_of(key: &[u8]) -> u8 {
    key.first().copied().unwrap_or_default()
}

/// What was done with the files of a view since it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Keys that were written to them, and the bytes of these keys and their values, by table.
    pub written: BTreeMap<u8, (u64, u64)>,
    /// Single keys that were looked up in them, by table: that were there, and that were not.
    pub looked_up: BTreeMap<u8, (u64, u64)>,
}

/// A batch and its cursor, ready to be written.
#[derive(Debug)]
pub struct Writes(Vec<(Vec<u8>, Write)>);

impl Writes {
    /// What `batch` gathered, and how far the log is folded with it.
    #[must_use]
    pub fn of(batch: Batch<'_>, cursor: Cursor) -> Self {
        let cursor = (CURSOR_KEY.to_vec(), Write::Bytes(cursor.to_bytes().to_vec()));
        // It sorts before all others.
        Self([cursor].into_iter().chain(batch.into_writes()).collect())
    }
}

/// The first key after all that begin with `prefix`. Tables' bytes are below 255, so there is one.
fn after_all(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; 9]
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("name", &self.name()).field("store", &self.store).finish_non_exhaustive()
    }
}

/// The same view for another reader: as it is now, without what is folded into the original from now on and not yet kept.
impl Clone for View {
    fn clone(&self) -> Self {
        Self {
            keyspace: self.keyspace.clone(),
            store: self.store.clone(),
            recent: self.recent.frozen(),
            in_files: self.in_files,
            known: Mutex::default(),
            marked: Mutex::default(),
            snapshot: self.snapshot.clone(),
            statements: self.statements.clone(),
            work: self.work.clone(),
            given_up: self.given_up.clone(),
        }
    }
}

impl View {
    pub(super) fn new(keyspace: Keyspace, store: Store) -> Result<Self, StoreError> {
        let cursor = keyspace.get(CURSOR_KEY).map_err(|error| store.error(error))?;
        // One that is damaged ends nowhere.
        let in_files = cursor.map_or(0, |bytes| Cursor::from_bytes(&bytes).map_or(u64::MAX, |cursor| cursor.tree_size));
        let (recent, work, snapshot, statements, given_up) = (Recent::default(), Arc::default(), None, None, None);
        let (known, marked) = (Mutex::default(), Mutex::default());
        Ok(Self { keyspace, store, recent, in_files, known, marked, snapshot, statements, given_up, work })
    }

    /// What was done with its files since it was opened.
    #[must_use]
    pub fn work(&self) -> Work {
        let of = |by_table: &Mutex<BTreeMap<_, _>>| lock(by_table).clone();
        Work { written: of(&self.work.written), looked_up: of(&self.work.looked_up) }
    }

    /// The same view, which quotes statements from there.
    pub(crate) fn quoting(self, statements: Arc<dyn Statements>) -> Self {
        Self { statements: Some(statements), ..self }
    }

    pub(super) fn into_keyspace(self) -> Keyspace {
        self.keyspace
    }

    /// Its name in the store.
    pub fn name(&self) -> &str {
        self.keyspace.name()
    }

    /// The same view as it is now, whatever is written to it from now on.
    #[must_use]
    pub fn frozen(&self) -> Self {
        Self { snapshot: Some(self.store.db.snapshot()), ..self.clone() }
    }

    /// The same view, of a store to which nothing of it is written any more: it keeps nothing alive there.
    pub(crate) fn unfrozen(&self) -> Self {
        Self { snapshot: None, ..self.clone() }
    }

    /// The same view for one question: once `given_up` is set, its reads fail with [`StoreError::GivenUp`].
    pub(crate) fn until(self, given_up: Option<Arc<AtomicBool>>) -> Self {
        Self { given_up, ..self }
    }

    fn still_wanted(&self) -> Result<(), StoreError> {
        match &self.given_up {
            Some(given_up) if given_up.load(Ordering::Relaxed) => Err(StoreError::GivenUp),
            _ => Ok(()),
        }
    }

    /// What became of `key` since the last time that anything went to the files, if anything did.
    pub(crate) fn recent(&self, key: &[u8]) -> Option<&Write> {
        self.recent.get(key).map(AsRef::as_ref)
    }

    /// The value of `key` in the files.
    pub(crate) fn stored(&self, key: &[u8]) -> Result<Option<fjall::UserValue>, StoreError> {
        self.still_wanted()?;
        let value = match &self.snapshot {
            Some(snapshot) => snapshot.get(&self.keyspace, key),
            None => self.keyspace.get(key),
        };
        let value = value.map_err(|error| self.store.error(error))?;
        self.work.count_lookup(key, value.is_some());
        Ok(value)
    }

    /// What is known of `key` in the files, for a view that is folded and not changed in the meantime.
    pub(crate) fn known(&self, key: &[u8]) -> Option<Option<Arc<Write>>> {
        lock(&self.known).get(key)
    }

    /// Remembers what `key` has in the files.
    pub(crate) fn remember(&self, key: &[u8], value: Option<Write>) {
        lock(&self.known).remember(key.into(), value.map(Arc::new));
    }

    /// Whether `key` is known to be in the files, and to have no value of its own.
    pub(crate) fn is_marked(&self, key: &[u8]) -> bool {
        lock(&self.marked).get(key).is_some_and(|known| known.is_some())
    }

    fn range(&self, from: Bound<Vec<u8>>, to: Bound<Vec<u8>>, backwards: bool) -> Merged<'_> {
        let recent = self.recent.runs.within(&from, &to).into_iter().map(|run| -> Pairs<'_> {
            match backwards {
                false => Box::new(run.iter().map(|(key, write)| Ok((key.clone(), Value::Recent(write))))),
                true => Box::new(run.iter().rev().map(|(key, write)| Ok((key.clone(), Value::Recent(write))))),
            }
        });
        let stored = match &self.snapshot {
            Some(snapshot) => snapshot.range(&self.keyspace, (from, to)),
            None => self.keyspace.range((from, to)),
        };
        let pair = |pair: fjall::Guard| {
            self.still_wanted()?;
            let (key, value) = pair.into_inner().map_err(|error| self.store.error(error))?;
            Ok((key, Value::Stored(value)))
        };
        let stored: Pairs<'_> = match backwards {
            false => Box::new(stored.map(pair)),
            true => Box::new(stored.rev().map(pair)),
        };
        Merged::of(recent.chain([stored]), backwards)
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// The store's files could not be read, or the question was given up.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.recent(key) {
            Some(write) => Ok(write.value(key)?),
            None => Ok(self.stored(key)?.map(|value| value.to_vec())),
        }
    }

    /// The statement at `index`, of which this is the SHA-256: from the log, since a view does not hold it again.
    ///
    /// # Errors
    /// The log could not be read, holds another one there, or the question was given up.
    pub fn statement(&self, index: u64, digest: &[u8; 32]) -> Result<SignedStatement, StoreError> {
        self.still_wanted()?;
        let none = Err(ReadError::NoSuchStatement { index });
        let found = self.statements.as_ref().map_or(none, |statements| statements.statement(index));
        let bytes = found.map_err(|reason| StoreError::Log { index, reason })?;
        match Sha256::digest(&bytes).as_slice() == digest {
            true => SignedStatement::parse(bytes).map_err(|_| StoreError::Changed { index }),
            false => Err(StoreError::Changed { index }),
        }
    }

    /// The pairs whose keys begin with `prefix`, in key order.
    pub fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'a> {
        self.range(Bound::Included(prefix.to_vec()), Bound::Excluded(after_all(prefix)), false)
    }

    /// The record of `key`.
    ///
    /// # Errors
    /// The store's files could not be read, the question was given up, or it is no record of the table.
    pub fn record<V: Record>(&self, table: &Table<V>, key: &Key) -> Result<Option<V>, StoreError> {
        if let Some(Write::Record(record)) = self.recent(key.as_bytes())
            && let Some(record) = record.as_any().downcast_ref::<V>()
        {
            self.still_wanted()?;
            return Ok(Some(record.clone()));
        }
        Ok(self.get(key.as_bytes())?.map(|bytes| table.decode(&bytes)).transpose()?)
    }

    /// Whether there is a value of `key`.
    ///
    /// # Errors
    /// The store's files could not be read, or the question was given up.
    pub fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        match self.recent(key.as_bytes()) {
            Some(write) => Ok(!matches!(write, Write::Removed)),
            None => Ok(self.stored(key.as_bytes())?.is_some()),
        }
    }

    /// The pairs whose keys begin with `prefix` and come after the key `after` (all of them for `None`), in key order.
    pub fn scan_after(
        &self,
        prefix: &Key,
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'_> {
        let end = after_all(prefix.as_bytes());
        let from = match after {
            Some(after) if after >= prefix.as_bytes() => Bound::Excluded(after.to_vec()),
            _ => Bound::Included(prefix.as_bytes().to_vec()),
        };
        let behind = matches!(&from, Bound::Excluded(after) if *after >= end);
        let pairs = (!behind).then(|| self.range(from, Bound::Excluded(end), false));
        pairs.into_iter().flatten()
    }

    /// The pairs whose keys begin with `prefix` and come before the key `before` (all of them for `None`), last key first.
    pub fn scan_before(
        &self,
        prefix: &Key,
        before: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + use<'_> {
        let end = after_all(prefix.as_bytes());
        let until = match before {
            Some(before) if before <= end.as_slice() => before.to_vec(),
            _ => end,
        };
        let from = prefix.as_bytes().to_vec();
        // A range that ends before it begins is none.
        let pairs = (from < until).then(|| self.range(Bound::Included(from), Bound::Excluded(until), true));
        pairs.into_iter().flatten()
    }

    /// SHA-256 over all keys and values in order, each with its length before it (8 bytes, big endian): two views with
    /// the same digest hold the same. Reads everything.
    ///
    /// # Errors
    /// The store's files could not be read, or the question was given up.
    pub fn digest(&self) -> Result<[u8; 32], StoreError> {
        let mut hasher = Sha256::new();
        for pair in self.range(Bound::Unbounded, Bound::Unbounded, false) {
            let (key, value) = pair?;
            for part in [&key, &value] {
                hasher.update((part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
        }
        Ok(hasher.finalize().into())
    }

    /// How far the log is folded into this view; `None` for a new one.
    ///
    /// # Errors
    /// The store's files could not be read, or it is not one that this version wrote.
    pub fn cursor(&self) -> Result<Option<Cursor>, StoreError> {
        let Some(bytes) = self.get(&CURSOR_KEY)? else { return Ok(None) };
        let damaged = || StoreError::Cursor { path: self.store.path.clone(), view: self.name().to_owned() };
        Cursor::from_bytes(&bytes).map(Some).ok_or_else(damaged)
    }

    /// A batch on top of what the view holds.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Takes in a batch and the cursor it leads to. They go to the files together, with [`Self::keep`].
    pub fn write(&mut self, writes: Writes) {
        self.recent.push(writes.0.into_iter());
    }

    /// Up to how many statements its files go: there is nothing in them of those from there on.
    pub(crate) fn in_files(&self) -> u64 {
        self.in_files
    }

    /// How many keys wait for [`Self::keep`].
    pub(crate) fn unkept(&self) -> usize {
        self.recent.keys()
    }

    /// Writes what was taken in to the store's files, atomically.
    ///
    /// # Errors
    /// A record could not be encoded, or the store's files could not be written.
    pub fn keep(&mut self) -> Result<(), StoreError> {
        // A run of nothing would leave an empty file behind.
        if self.unkept() == 0 {
            return Ok(());
        }
        let in_files = self.cursor()?.map_or(0, |cursor| cursor.tree_size);
        let failed = |error| self.store.error(error);
        let mut run = self.keyspace.start_ingestion().map_err(failed)?;
        let mut written = BTreeMap::<u8, (u64, u64)>::new();
        // Whatever comes of it, nothing is asked of this view any more where it fails.
        let (mut known, mut marked) = (lock(&self.known), lock(&self.marked));
        for (key, write) in self.recent.take() {
            let value = write.value(&key)?;
            let (keys, bytes) = written.entry(table_of(&key)).or_default();
            *keys += 1;
            *bytes += (key.len() + value.as_ref().map_or(0, Vec::len)) as u64;
            known.correct(&key, || value.is_some().then(|| write.clone()));
            match *write {
                Write::Marked => marked.remember(key.clone(), Some(write)),
                _ => marked.correct(&key, || None),
            }
            match value {
                Some(value) => run.write(key, value).map_err(failed)?,
                None => run.write_tombstone(key).map_err(failed)?,
            }
        }
        run.finish().map_err(failed)?;
        self.in_files = in_files;
        self.work.count_written(&written);
        Ok(())
    }

    /// Forgets everything, so that the view is folded from the first block again.
    ///
    /// # Errors
    /// The store's files could not be written.
    pub fn clear(&mut self) -> Result<(), StoreError> {
        (self.recent, self.in_files) = (Recent::default(), 0);
        (self.known, self.marked) = (Mutex::default(), Mutex::default());
        self.keyspace.clear().map_err(|error| self.store.error(error))
    }
}

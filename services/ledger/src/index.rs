//! The index of event ids and revisions: what admission asks of the past.
//!
//! It lives on disk, is written behind the log by a thread of its own, and can be deleted: it comes
//! back from the log. What is committed but not yet written is kept in memory, so that a lookup
//! always sees every committed statement.
//!
//! Two shortcuts keep most lookups off the disk: ids that are newer than any other of their issuer
//! cannot be there (clients make them in order of time), and the revisions of subjects that were
//! written lately are remembered.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{Builder, JoinHandle};

use probity_admission::{Admitted, History, SnapshotError, State};
use probity_projection::Cursor;
use probity_schemas::EventId;
use uuid::Uuid;

use crate::index_store::{IndexTree, IndexWrites, StoreError};

/// Table of event ids: issuer number (4 bytes) and UUID (16 bytes) → index (8 bytes).
const EVENTS: u8 = 1;
/// Table of revisions: subject → number of statements (8 bytes).
const REVISIONS: u8 = 2;
/// The snapshot of the admission state.
const STATE: [u8; 1] = [3];
/// Where the snapshot was taken: next height (8 bytes), size (8 bytes), root.
const STATE_CURSOR: [u8; 1] = [4];

/// Statements between two snapshots of the admission state. A snapshot takes time in proportion to
/// the state (one to two seconds for 100,000 versions), a restart after a crash in proportion to
/// the statements since the last one (three seconds or so for these). One is also taken when the
/// ledger is closed.
const SNAPSHOT_EVERY: u64 = 400_000;

/// Committed entries that are written together: more make writing cheaper, fewer make the tail that
/// a restart folds shorter. A restart folds some hundred thousand a second.
const WRITE_TOGETHER: usize = 8_192;

/// Subjects whose revisions are remembered, in each of two generations.
const REMEMBERED: usize = 16_384;

/// Committed entries that may wait in memory for the writer; beyond that, commits wait for it.
/// About 30 MiB.
const MAX_UNWRITTEN: usize = 100_000;

/// The entries of one or more blocks.
#[derive(Debug, Default)]
pub struct Entries {
    events: HashMap<(u32, EventId), u64>,
    revisions: HashMap<String, u64>,
}

impl Entries {
    /// Adds an admitted statement.
    pub fn insert(&mut self, admitted: &Admitted, subject: &str, index: u64) {
        self.events.insert((admitted.issuer, admitted.id), index);
        match self.revisions.get_mut(subject) {
            Some(revision) => *revision = admitted.revision,
            None => drop(self.revisions.insert(subject.to_owned(), admitted.revision)),
        }
    }

    fn extend(&mut self, later: Entries) {
        self.events.extend(later.events);
        self.revisions.extend(later.revisions);
    }

    fn event_index(&self, issuer: u32, id: &EventId) -> Option<u64> {
        self.events.get(&(issuer, *id)).copied()
    }
}

/// A committed position of the index.
#[derive(Debug)]
pub struct Commit {
    /// What the blocks add.
    pub entries: Entries,
    /// The end of the last of them.
    pub cursor: Cursor,
    /// How often the admission state has changed by then.
    pub changes: u64,
}

#[derive(Debug)]
struct Write {
    entries: Arc<Entries>,
    cursor: Cursor,
    /// The admission state at the cursor, where it is time to write it down.
    state: Option<Snapshot>,
}

/// What is to be written of the admission state.
#[derive(Debug)]
enum Snapshot {
    Whole(Box<State>),
    /// It is the one that is there; only the place is another.
    Unchanged,
}

/// Why the index could not be written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The admission state could not be encoded.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The thread that writes it could not be started.
    #[error("the thread that writes the index could not be started")]
    Thread(#[source] io::Error),
}

/// The index, ahead of which nothing is ever forgotten.
#[derive(Debug)]
pub struct Index {
    tree: IndexTree,
    fresh: Entries,
    fresh_end: Option<(Cursor, u64)>,
    writing: Option<Arc<Entries>>,
    writes: Option<SyncSender<Write>>,
    written: Receiver<Result<(), IndexError>>,
    /// The size of the tree and the changes of the state at the last snapshot of this run.
    last_snapshot: Option<(u64, u64)>,
    thread: Option<JoinHandle<()>>,
    /// The newest id of each issuer that was asked for, of all there are on disk and in memory.
    newest: RefCell<HashMap<u32, Option<EventId>>>,
    remembered: RefCell<Remembered>,
}

/// Revisions by subject, of the subjects that were asked for or written last; forgets the older
/// half when it is full.
#[derive(Debug, Default)]
struct Remembered {
    young: HashMap<String, u64>,
    old: HashMap<String, u64>,
}

impl Remembered {
    fn get(&self, subject: &str) -> Option<u64> {
        self.young.get(subject).or_else(|| self.old.get(subject)).copied()
    }

    fn insert(&mut self, subject: &str, revision: u64) {
        if let Some(known) = self.young.get_mut(subject) {
            *known = revision;
            return;
        }
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(subject.to_owned(), revision);
    }
}

impl Index {
    /// Starts the writer of an index.
    pub(crate) fn start(tree: IndexTree) -> Result<Self, IndexError> {
        let (writes, jobs) = sync_channel::<Write>(1);
        let (done, written) = sync_channel(1);
        let target = tree.clone();
        let thread = Builder::new().name("probity-index".to_owned()).spawn(move || {
            for job in jobs {
                if done.send(write(&target, &job)).is_err() {
                    break;
                }
            }
        });
        let thread = thread.map_err(IndexError::Thread)?;
        Ok(Self {
            tree,
            fresh: Entries::default(),
            fresh_end: None,
            writing: None,
            writes: Some(writes),
            written,
            last_snapshot: None,
            thread: Some(thread),
            newest: RefCell::default(),
            remembered: RefCell::default(),
        })
    }

    /// Takes note of an admitted statement, which the history was asked about just before.
    pub fn note(&self, admitted: &Admitted) {
        let mut newest = self.newest.borrow_mut();
        let newest = newest.entry(admitted.issuer).or_default();
        *newest = (*newest).max(Some(admitted.id));
    }

    /// Whether the id is newer than all others of its issuer, and so not recorded.
    fn is_newest(&self, issuer: u32, id: &EventId) -> Result<bool, StoreError> {
        let mut newest = self.newest.borrow_mut();
        let newest = match newest.entry(issuer) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(newest_on_disk(&self.tree, issuer)?),
        };
        Ok(newest.is_none_or(|newest| newest < *id))
    }

    /// How far the index is on disk.
    pub(crate) fn cursor(tree: &IndexTree) -> Result<Option<Cursor>, StoreError> {
        tree.cursor()
    }

    /// The admission state on disk and where it was taken.
    pub(crate) fn state(tree: &IndexTree) -> Result<Option<(Cursor, Vec<u8>)>, StoreError> {
        let place = tree.get(&STATE_CURSOR)?.and_then(|bytes| Cursor::from_bytes(&bytes));
        Ok(place.zip(tree.get(&STATE)?))
    }

    /// Takes in what has been committed. Waits for the writer only if far too much is unwritten.
    /// `state` makes a copy of the admission state at the cursor, where it is time to write it
    /// down.
    ///
    /// # Errors
    /// The index could not be written, now or earlier: it comes back from the log.
    pub fn commit(&mut self, commit: Commit, state: impl Fn() -> State) -> Result<(), IndexError> {
        self.fresh.extend(commit.entries);
        self.fresh_end = Some((commit.cursor, commit.changes));
        match self.fresh.events.len() {
            unwritten if unwritten < WRITE_TOGETHER => Ok(()),
            unwritten => self.hand_over(unwritten >= MAX_UNWRITTEN, false, state),
        }
    }

    /// Waits until everything committed is written, the state at its end too.
    ///
    /// # Errors
    /// As [`Index::commit`].
    pub fn drain(&mut self, state: &State) -> Result<(), IndexError> {
        while self.fresh_end.is_some() || self.writing.is_some() {
            self.hand_over(true, true, || state.clone())?;
        }
        Ok(())
    }

    /// What is to be written of the state now, if anything.
    fn snapshot(
        &mut self,
        cursor: &Cursor,
        changes: u64,
        at_once: bool,
        state: impl Fn() -> State,
    ) -> Option<Snapshot> {
        let (taken_at, taken_changes) = self.last_snapshot.unzip();
        let due = at_once || cursor.tree_size.saturating_sub(taken_at.unwrap_or(0)) >= SNAPSHOT_EVERY;
        if !due {
            return None;
        }
        self.last_snapshot = Some((cursor.tree_size, changes));
        let unchanged = taken_changes == Some(changes);
        Some(if unchanged { Snapshot::Unchanged } else { Snapshot::Whole(Box::new(state())) })
    }

    fn hand_over(&mut self, wait: bool, at_once: bool, state: impl Fn() -> State) -> Result<(), IndexError> {
        if self.writing.is_some() {
            let outcome = match wait {
                true => self.written.recv().ok(),
                false => match self.written.try_recv() {
                    Ok(outcome) => Some(outcome),
                    Err(TryRecvError::Empty) => return Ok(()),
                    Err(TryRecvError::Disconnected) => None,
                },
            };
            outcome.transpose()?;
            if let Some(written) = self.writing.take() {
                let mut remembered = self.remembered.borrow_mut();
                written.revisions.iter().for_each(|(subject, revision)| remembered.insert(subject, *revision));
            }
        }
        if let Some((cursor, changes)) = self.fresh_end.take() {
            let state = self.snapshot(&cursor, changes, at_once, state);
            let entries = Arc::new(std::mem::take(&mut self.fresh));
            self.writing = Some(entries.clone());
            if let Some(writes) = &self.writes {
                // The writer only goes away when this does.
                drop(writes.send(Write { entries, cursor, state }));
            }
        }
        Ok(())
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.writes = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn write(tree: &IndexTree, job: &Write) -> Result<(), IndexError> {
    let mut batch = IndexWrites::default();
    for ((issuer, id), index) in &job.entries.events {
        batch.insert(event_key(*issuer, id), index.to_be_bytes());
    }
    for (subject, revision) in &job.entries.revisions {
        batch.insert(revision_key(subject), revision.to_be_bytes());
    }
    match &job.state {
        Some(Snapshot::Whole(state)) => {
            batch.insert(STATE, state.to_snapshot()?);
            batch.insert(STATE_CURSOR, job.cursor.to_bytes());
        }
        Some(Snapshot::Unchanged) => batch.insert(STATE_CURSOR, job.cursor.to_bytes()),
        None => {}
    }
    Ok(tree.apply(batch, job.cursor)?)
}

fn newest_on_disk(tree: &IndexTree, issuer: u32) -> Result<Option<EventId>, StoreError> {
    let key = tree.last_key(&event_key(issuer, &EventId::from_hash([0; 16]))[..5])?;
    let id = key.and_then(|key| Uuid::from_slice(&key[5..]).ok());
    Ok(id.and_then(|id| EventId::try_from(id).ok()))
}

/// The indices within `range` of an issuer's statements, as far as they are on disk, in no order; and how far
/// that is.
pub(crate) fn stated_by(
    tree: &IndexTree,
    issuer: u32,
    range: &Range<u64>,
    given_up: &AtomicBool,
) -> Result<(Vec<u64>, Option<Cursor>), StoreError> {
    // Before the scan: what is written meanwhile is found twice rather than not at all.
    let cursor = tree.cursor()?;
    let prefix = event_key(issuer, &EventId::from_hash([0; 16]));
    let mut found = Vec::new();
    for pair in tree.scan(&prefix[..5]) {
        if given_up.load(Ordering::Relaxed) {
            return Err(StoreError::GivenUp);
        }
        let (_, index) = pair?;
        let index = index.try_into().map(u64::from_be_bytes).ok();
        found.extend(index.filter(|index| range.contains(index)));
    }
    Ok((found, cursor))
}

fn event_key(issuer: u32, id: &EventId) -> [u8; 21] {
    let mut key = [EVENTS; 21];
    key[1..5].copy_from_slice(&issuer.to_be_bytes());
    key[5..].copy_from_slice(id.as_uuid().as_bytes());
    key
}

fn revision_key(subject: &str) -> Vec<u8> {
    [&[REVISIONS], subject.as_bytes()].concat()
}

/// The past as a statement at the end of `pending` sees it: uncommitted blocks first, newest last.
pub struct Past<'a, P> {
    /// What is durable.
    pub index: &'a Index,
    /// What is not, oldest first.
    pub pending: P,
}

impl<'a, P> Past<'a, P>
where
    P: DoubleEndedIterator<Item = &'a Entries> + Clone,
{
    fn in_memory(&self) -> impl Iterator<Item = &'a Entries> {
        let index = self.index;
        self.pending.clone().rev().chain([&index.fresh]).chain(index.writing.as_deref())
    }
}

impl<'a, P> History for Past<'a, P>
where
    P: DoubleEndedIterator<Item = &'a Entries> + Clone,
{
    type Error = StoreError;

    fn event_index(&self, issuer: u32, id: &EventId) -> Result<Option<u64>, StoreError> {
        if self.index.is_newest(issuer, id)? {
            return Ok(None);
        }
        if let Some(index) = self.in_memory().find_map(|entries| entries.event_index(issuer, id)) {
            return Ok(Some(index));
        }
        number(&self.index.tree, &event_key(issuer, id))
    }

    fn revision(&self, subject: &str) -> Result<u64, StoreError> {
        if let Some(revision) = self.in_memory().find_map(|entries| entries.revisions.get(subject)) {
            return Ok(*revision);
        }
        if let Some(revision) = self.index.remembered.borrow().get(subject) {
            return Ok(revision);
        }
        let revision = number(&self.index.tree, &revision_key(subject))?.unwrap_or(0);
        self.index.remembered.borrow_mut().insert(subject, revision);
        Ok(revision)
    }
}

fn number(tree: &IndexTree, key: &[u8]) -> Result<Option<u64>, StoreError> {
    let value = tree.get(key)?;
    Ok(value.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes))
}

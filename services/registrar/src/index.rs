//! The index of event ids and revisions: what admission asks of the past.
//!
//! It lives on disk, is written behind the log by a thread of its own, and can be deleted: it comes back from the log.
//! What is committed but not yet written is kept in memory, so that a lookup always sees every committed statement.
//!
//! Two shortcuts keep most lookups off the disk: ids that are newer than any other of their issuer cannot be there
//! (clients make them in order of time), and the revisions of subjects that were written lately are remembered.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{Builder, JoinHandle};

use probity_admission::{Admitted, History};
use probity_projection::{Cursor, StoreError, View};
use probity_schemas::EventId;
use uuid::Uuid;

/// Table of event ids: issuer number (4 bytes) and UUID (16 bytes) → index (8 bytes).
const EVENTS: u8 = 1;
/// Table of revisions: subject → number of statements (8 bytes).
const REVISIONS: u8 = 2;
/// The snapshot of the admission state.
const STATE: [u8; 1] = [3];

/// Committed entries that are written together: more make writing cheaper, fewer make the tail that a restart folds
/// shorter. A restart folds some hundred thousand a second.
const WRITE_TOGETHER: usize = 8_192;

/// Subjects whose revisions are remembered, in each of two generations.
const REMEMBERED: usize = 16_384;

/// Committed entries that may wait in memory for the writer; beyond that, commits wait for it. About 30 MiB.
const MAX_UNWRITTEN: usize = 100_000;

/// The entries of one or more blocks.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    events: HashMap<(u32, EventId), u64>,
    revisions: HashMap<String, u64>,
}

impl Entries {
    /// Adds an admitted statement.
    pub(crate) fn insert(&mut self, admitted: &Admitted, subject: &str, index: u64) {
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
pub(crate) struct Commit {
    pub(crate) entries: Entries,
    pub(crate) cursor: Cursor,
    /// The admission state at the cursor, if it changed since the last commit.
    pub(crate) state: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Write {
    entries: Arc<Entries>,
    cursor: Cursor,
    state: Option<Vec<u8>>,
}

/// The index, ahead of which nothing is ever forgotten.
#[derive(Debug)]
pub(crate) struct Index {
    view: View,
    fresh: Entries,
    fresh_end: Option<(Cursor, Option<Vec<u8>>)>,
    writing: Option<Arc<Entries>>,
    writes: Option<SyncSender<Write>>,
    written: Receiver<Result<(), StoreError>>,
    thread: Option<JoinHandle<()>>,
    /// The newest id of each issuer that was asked for, of all there are on disk and in memory.
    newest: RefCell<HashMap<u32, Option<EventId>>>,
    remembered: RefCell<Remembered>,
}

/// Revisions by subject, of the subjects that were asked for or written last; forgets the older half when it is full.
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
    pub(crate) fn start(view: View) -> std::io::Result<Self> {
        let (writes, jobs) = sync_channel::<Write>(1);
        let (done, written) = sync_channel(1);
        let target = view.clone();
        let thread = Builder::new().name("probity-index".to_owned()).spawn(move || {
            for job in jobs {
                if done.send(write(&target, &job)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self {
            view,
            fresh: Entries::default(),
            fresh_end: None,
            writing: None,
            writes: Some(writes),
            written,
            thread: Some(thread),
            newest: RefCell::default(),
            remembered: RefCell::default(),
        })
    }

    /// Takes note of an admitted statement, which the history was asked about just before.
    pub(crate) fn note(&self, admitted: &Admitted) {
        let mut newest = self.newest.borrow_mut();
        let newest = newest.entry(admitted.issuer).or_default();
        *newest = (*newest).max(Some(admitted.id));
    }

    /// Whether the id is newer than all others of its issuer, and so not recorded.
    fn is_newest(&self, issuer: u32, id: &EventId) -> Result<bool, StoreError> {
        let mut newest = self.newest.borrow_mut();
        let newest = match newest.entry(issuer) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(newest_on_disk(&self.view, issuer)?),
        };
        Ok(newest.is_none_or(|newest| newest < *id))
    }

    /// How far the index is on disk.
    pub(crate) fn cursor(view: &View) -> Result<Option<Cursor>, StoreError> {
        view.cursor()
    }

    /// The admission state on disk.
    pub(crate) fn state(view: &View) -> Result<Option<Vec<u8>>, StoreError> {
        view.get(&STATE)
    }

    /// Takes in what has been committed. Waits for the writer only if far too much is unwritten.
    pub(crate) fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        self.fresh.extend(commit.entries);
        let earlier_state = self.fresh_end.take().and_then(|(_, state)| state);
        self.fresh_end = Some((commit.cursor, commit.state.or(earlier_state)));
        match self.fresh.events.len() {
            unwritten if unwritten < WRITE_TOGETHER => Ok(()),
            unwritten => self.hand_over(unwritten >= MAX_UNWRITTEN),
        }
    }

    /// Waits until everything committed is written.
    pub(crate) fn drain(&mut self) -> Result<(), StoreError> {
        while self.fresh_end.is_some() || self.writing.is_some() {
            self.hand_over(true)?;
        }
        Ok(())
    }

    fn hand_over(&mut self, wait: bool) -> Result<(), StoreError> {
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
        if let (Some((cursor, state)), Some(writes)) = (self.fresh_end.take(), &self.writes) {
            let entries = Arc::new(std::mem::take(&mut self.fresh));
            self.writing = Some(entries.clone());
            // The writer only goes away when this does.
            drop(writes.send(Write { entries, cursor, state }));
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

fn write(view: &View, job: &Write) -> Result<(), StoreError> {
    let mut batch = view.batch();
    for ((issuer, id), index) in &job.entries.events {
        batch.insert(event_key(*issuer, id), index.to_be_bytes());
    }
    for (subject, revision) in &job.entries.revisions {
        batch.insert(revision_key(subject), revision.to_be_bytes());
    }
    if let Some(state) = &job.state {
        batch.insert(STATE, state.as_slice());
    }
    view.apply(batch, job.cursor)
}

fn newest_on_disk(view: &View, issuer: u32) -> Result<Option<EventId>, StoreError> {
    let key = view.last_key(&event_key(issuer, &EventId::from_hash([0; 16]))[..5])?;
    let id = key.and_then(|key| Uuid::from_slice(&key[5..]).ok());
    Ok(id.and_then(|id| EventId::try_from(id).ok()))
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
pub(crate) struct Past<'a, P> {
    pub(crate) index: &'a Index,
    pub(crate) pending: P,
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
        number(&self.index.view, &event_key(issuer, id))
    }

    fn revision(&self, subject: &str) -> Result<u64, StoreError> {
        if let Some(revision) = self.in_memory().find_map(|entries| entries.revisions.get(subject)) {
            return Ok(*revision);
        }
        if let Some(revision) = self.index.remembered.borrow().get(subject) {
            return Ok(revision);
        }
        let revision = number(&self.index.view, &revision_key(subject))?.unwrap_or(0);
        self.index.remembered.borrow_mut().insert(subject, revision);
        Ok(revision)
    }
}

fn number(view: &View, key: &[u8]) -> Result<Option<u64>, StoreError> {
    let value = view.get(key)?;
    Ok(value.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes))
}

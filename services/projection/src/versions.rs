//! A view as it was: who reads sees the view as it was when they began, while it goes on.
//!
//! Before a batch changes keys, what they held is put aside for as long as somebody reads who began
//! before. So no reader holds up what is folded, and what is folded holds up no reader for longer than
//! one batch takes to write. What is put aside is bounded: who reads for so long that it would be too
//! much is told to ask again.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::store::StoreError;

/// Bytes of keys and values that are put aside for the readers of one view.
const MAX_ASIDE: usize = 64 << 20;
/// What an entry takes beside its key and its value, in bytes.
const OVERHEAD: usize = 128;

/// What a key held; `None` for nothing.
type Value = Option<Vec<u8>>;
/// A key and what it held.
pub(crate) type Held = (Vec<u8>, Value);

/// What the readers of one view still see, though it was changed.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    /// How many batches were written, the one included that is being written.
    written: AtomicU64,
    aside: RwLock<Aside>,
}

#[derive(Debug, Default)]
struct Aside {
    /// How many readers began after so many batches.
    readers: BTreeMap<u64, usize>,
    /// What keys held before a batch, the oldest first.
    before: BTreeMap<Vec<u8>, VecDeque<(u64, Value)>>,
    /// The keys of each batch, with their bytes.
    batches: VecDeque<(u64, Vec<Vec<u8>>, usize)>,
    bytes: usize,
    /// Who began before this batch sees nothing any more.
    overtaken: u64,
}

impl Aside {
    /// Forgets what no reader needs. What was put aside for a batch that is not written yet stays: somebody may begin to
    /// read before it is.
    fn prune(&mut self, written: u64) {
        let needed = self.readers.keys().next().map_or(written, |oldest| written.min(*oldest));
        while let Some((number, _, _)) = self.batches.front()
            && *number <= needed
        {
            let Some((number, keys, bytes)) = self.batches.pop_front() else { return };
            self.bytes -= bytes;
            for key in keys {
                if let Some(versions) = self.before.get_mut(&key) {
                    versions.retain(|(of, _)| *of != number);
                    if versions.is_empty() {
                        self.before.remove(&key);
                    }
                }
            }
        }
    }

    fn overtake(&mut self, number: u64) {
        self.overtaken = number;
        self.before.clear();
        self.batches.clear();
        self.bytes = 0;
    }

    fn still_sees(&self, began: u64) -> Result<(), StoreError> {
        match began < self.overtaken {
            true => Err(StoreError::Overtaken),
            false => Ok(()),
        }
    }
}

/// The version of a key that a reader sees who began after so many batches, if it was changed since.
fn version(versions: &VecDeque<(u64, Value)>, began: u64) -> Option<&Value> {
    versions.iter().find(|(number, _)| *number > began).map(|(_, value)| value)
}

impl Versions {
    // Each change is made as a whole.
    fn aside(&self) -> RwLockReadGuard<'_, Aside> {
        self.aside.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn aside_mut(&self) -> RwLockWriteGuard<'_, Aside> {
        self.aside.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody reads.
    pub(crate) fn is_read(&self) -> bool {
        !self.aside().readers.is_empty()
    }

    /// Puts aside what keys hold before the next batch changes them. Until that is written, this is
    /// also what they hold.
    pub(crate) fn put_aside(&self, held: Vec<Held>) {
        let number = self.written.load(Ordering::SeqCst) + 1;
        let mut aside = self.aside_mut();
        if aside.readers.is_empty() {
            return;
        }
        let bytes = held.iter().map(|(key, value)| 2 * key.len() + value.as_ref().map_or(0, Vec::len) + OVERHEAD).sum();
        let keys = held.iter().map(|(key, _)| key.clone()).collect();
        for (key, value) in held {
            aside.before.entry(key).or_default().push_back((number, value));
        }
        aside.batches.push_back((number, keys, bytes));
        aside.bytes += bytes;
        if aside.bytes > MAX_ASIDE {
            tracing::warn!(bytes = aside.bytes, "who reads a view has read for too long, and is told to ask again");
            aside.overtake(number);
        }
    }

    /// The next batch is about to be written. Nobody may begin to read before it is.
    pub(crate) fn turn(&self) {
        let written = self.written.fetch_add(1, Ordering::SeqCst) + 1;
        let mut aside = self.aside_mut();
        if aside.readers.is_empty() {
            aside.prune(written);
        }
    }

    /// The view as it is now. No batch may be written meanwhile.
    pub(crate) fn begin(self: &Arc<Self>) -> Snapshot {
        let began = self.written.load(Ordering::SeqCst);
        *self.aside_mut().readers.entry(began).or_default() += 1;
        Snapshot { versions: self.clone(), began }
    }
}

/// A view as it was when its reader began.
#[derive(Debug)]
pub(crate) struct Snapshot {
    versions: Arc<Versions>,
    began: u64,
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let mut aside = self.versions.aside_mut();
        if let Some(readers) = aside.readers.get_mut(&self.began) {
            *readers -= 1;
            if *readers == 0 {
                aside.readers.remove(&self.began);
                aside.prune(self.versions.written.load(Ordering::SeqCst));
            }
        }
    }
}

impl Snapshot {
    fn is_newest(&self) -> bool {
        self.versions.written.load(Ordering::SeqCst) == self.began
    }

    /// What a key held; `found` is what it was found to hold just now.
    pub(crate) fn as_it_was(&self, key: &[u8], found: Value) -> Result<Value, StoreError> {
        if self.is_newest() {
            return Ok(found);
        }
        let aside = self.versions.aside();
        aside.still_sees(self.began)?;
        let version = aside.before.get(key).and_then(|versions| version(versions, self.began));
        Ok(version.cloned().unwrap_or(found))
    }

    /// The first key of a range that was changed since, with what it held; the last one if not
    /// `forwards`. The tree must have been looked at before.
    pub(crate) fn changed(
        &self,
        range: (&Bound<Vec<u8>>, &Bound<Vec<u8>>),
        forwards: bool,
    ) -> Result<Option<Held>, StoreError> {
        if self.is_newest() {
            return Ok(None);
        }
        let aside = self.versions.aside();
        aside.still_sees(self.began)?;
        if is_empty(range) {
            return Ok(None);
        }
        let range = (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice));
        let mut keys = aside.before.range::<[u8], _>(range);
        let seen = |(key, versions): (&Vec<u8>, &VecDeque<(u64, Value)>)| {
            version(versions, self.began).map(|value| (key.clone(), value.clone()))
        };
        Ok(match forwards {
            true => keys.find_map(seen),
            false => keys.rev().find_map(seen),
        })
    }
}

/// Whether nothing can be between these, in which case a map would not be asked.
fn is_empty(range: (&Bound<Vec<u8>>, &Bound<Vec<u8>>)) -> bool {
    match range {
        (Bound::Included(from), Bound::Included(until)) => from > until,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(until) | Bound::Included(until)) => {
            from >= until
        }
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &str) -> Vec<u8> {
        key.as_bytes().to_vec()
    }

    fn held(pairs: &[(&str, Option<&str>)]) -> Vec<Held> {
        pairs.iter().map(|(name, value)| (key(name), value.map(key))).collect()
    }

    #[test]
    fn each_reader_sees_what_was_there_when_they_began() {
        let versions = Arc::new(Versions::default());
        let first = versions.begin();
        versions.put_aside(held(&[("a", Some("1")), ("b", None)]));
        versions.turn();
        let second = versions.begin();
        versions.put_aside(held(&[("a", Some("2"))]));
        versions.turn();
        let third = versions.begin();
        let of = |snapshot: &Snapshot, name: &str| snapshot.as_it_was(name.as_bytes(), Some(key("now"))).unwrap();
        assert_eq!([of(&first, "a"), of(&second, "a"), of(&third, "a")], ["1", "2", "now"].map(|text| Some(key(text))));
        assert_eq!([of(&first, "b"), of(&second, "b")], [None, Some(key("now"))]);
        let all = (&Bound::Unbounded, &Bound::Unbounded);
        assert_eq!(first.changed(all, true).unwrap(), Some((key("a"), Some(key("1")))));
        assert_eq!(first.changed(all, false).unwrap(), Some((key("b"), None)));
        assert_eq!(second.changed((&Bound::Excluded(key("a")), &Bound::Unbounded), true).unwrap(), None);
        drop((first, second, third));
        let aside = versions.aside();
        assert!(aside.before.is_empty() && aside.batches.is_empty() && aside.bytes == 0, "{aside:?}");
    }

    #[test]
    fn who_begins_before_a_batch_is_written_sees_what_was_put_aside_for_another() {
        let versions = Arc::new(Versions::default());
        let first = versions.begin();
        versions.put_aside(held(&[("a", Some("1"))]));
        drop(first);
        let second = versions.begin();
        versions.turn();
        assert_eq!(second.as_it_was(b"a", Some(key("now"))).unwrap(), Some(key("1")));
        drop(second);
        let third = versions.begin();
        versions.put_aside(held(&[("a", Some("2"))]));
        drop(third);
        versions.turn();
        assert!(versions.aside().before.is_empty());
    }

    #[test]
    fn what_nobody_reads_is_not_put_aside() {
        let versions = Arc::new(Versions::default());
        versions.put_aside(held(&[("a", Some("1"))]));
        assert!(!versions.is_read() && versions.aside().before.is_empty());
    }

    #[test]
    fn who_reads_for_too_long_is_told_so_and_others_are_not() {
        let versions = Arc::new(Versions::default());
        let slow = versions.begin();
        let large = vec![0; MAX_ASIDE / 4];
        for _ in 0..5 {
            assert!(versions.aside().bytes <= MAX_ASIDE);
            versions.put_aside(vec![(key("a"), Some(large.clone()))]);
            versions.turn();
        }
        assert!(matches!(slow.as_it_was(b"a", None), Err(StoreError::Overtaken)));
        let quick = versions.begin();
        versions.put_aside(held(&[("a", Some("1"))]));
        versions.turn();
        assert_eq!(quick.as_it_was(b"a", None).unwrap(), Some(key("1")));
    }
}

//! What is folded into a view and not in its files yet: sorted runs in memory, as the store has them on disk.
//!
//! Each batch leaves a run, and runs of like size are merged, so that there are few. They are not changed once they are
//! made: whoever reads a moment of the view shares them.

use std::collections::HashMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use fjall::Slice;

use super::StoreError;
use crate::record::{Held, RecordError};

/// What becomes of a key.
#[derive(Debug)]
pub(crate) enum Write {
    Removed,
    /// It is there, and has no value of its own.
    Marked,
    Bytes(Vec<u8>),
    /// Encoded when it is written to the store, however often it changed until then.
    Record(Box<dyn Held>),
}

impl Write {
    /// The value of `key`; `None` where there is none any more.
    pub(crate) fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RecordError> {
        match self {
            Self::Removed => Ok(None),
            Self::Marked => Ok(Some(Vec::new())),
            Self::Bytes(bytes) => Ok(Some(bytes.clone())),
            Self::Record(record) => record.encode(key.first().copied().unwrap_or_default()).map(Some),
        }
    }
}

/// Keys in order, each once, and what became of them.
type Run = Vec<(Slice, Arc<Write>)>;

/// Several runs, the oldest first. Of a key that is in more than one the newest counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs(Vec<Arc<Run>>);

impl Runs {
    /// Puts a run on top.
    fn push(&mut self, run: Run) {
        let mut newest = Arc::new(run);
        while let Some(older) = self.0.pop_if(|older| newest.len() * 2 > older.len()) {
            newest = Arc::new(merged(Arc::unwrap_or_clone(older), Arc::unwrap_or_clone(newest)));
        }
        self.0.push(newest);
    }

    fn into_one(self) -> Run {
        let newest_first = self.0.into_iter().rev().map(Arc::unwrap_or_clone);
        newest_first.reduce(|newer, older| merged(older, newer)).unwrap_or_default()
    }

    /// What became of a key, if anything did.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Arc<Write>> {
        self.0.iter().rev().find_map(|run| {
            let found = run.binary_search_by(|(other, _)| other.as_ref().cmp(key)).ok()?;
            run.get(found).map(|(_, write)| write)
        })
    }

    /// What there is within a range, run by run, the newest first.
    pub(super) fn within(&self, from: &Bound<Vec<u8>>, to: &Bound<Vec<u8>>) -> Vec<&[(Slice, Arc<Write>)]> {
        let parts = self.0.iter().rev().filter_map(|run| {
            let first = run.partition_point(|(key, _)| match from {
                Bound::Included(from) => key.as_ref() < from.as_slice(),
                Bound::Excluded(from) => key.as_ref() <= from.as_slice(),
                Bound::Unbounded => false,
            });
            let end = run.partition_point(|(key, _)| match to {
                Bound::Included(to) => key.as_ref() <= to.as_slice(),
                Bound::Excluded(to) => key.as_ref() < to.as_slice(),
                Bound::Unbounded => true,
            });
            run.get(first..end).filter(|part| !part.is_empty())
        });
        parts.collect()
    }
}

fn merged(older: Run, newer: Run) -> Run {
    let mut both = Vec::with_capacity(older.len() + newer.len());
    let mut older = older.into_iter().peekable();
    for entry in newer {
        while let Some(before) = older.next_if(|before| before.0 < entry.0) {
            both.push(before);
        }
        older.next_if(|same| same.0 == entry.0);
        both.push(entry);
    }
    both.extend(older);
    both
}

/// The runs of whoever folds, who looks up single keys more often than anything else.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pub(super) runs: Runs,
    /// What `runs` hold, by key.
    latest: HashMap<Slice, Arc<Write>>,
}

impl Recent {
    /// The same for those who read, whatever is folded from now on.
    pub(super) fn frozen(&self) -> Self {
        Self { runs: self.runs.clone(), latest: HashMap::new() }
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.latest.len()
    }

    /// Takes in a batch: keys in order, each once.
    pub(super) fn push(&mut self, writes: impl Iterator<Item = (Vec<u8>, Write)>) {
        let run: Run = writes.map(|(key, write)| (Slice::from(key), Arc::new(write))).collect();
        self.latest.extend(run.iter().map(|(key, write)| (key.clone(), write.clone())));
        self.runs.push(run);
    }

    /// What became of a key, if anything did.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Arc<Write>> {
        match self.latest.is_empty() {
            true => self.runs.get(key),
            false => self.latest.get(key),
        }
    }

    /// Everything, in order; nothing is left.
    pub(super) fn take(&mut self) -> Run {
        let Self { runs, latest } = std::mem::take(self);
        drop(latest);
        runs.into_one()
    }
}

/// Where a value is found.
pub(super) enum Value<'v> {
    Stored(Slice),
    Recent(&'v Write),
}

/// Pairs in order, forwards or backwards.
pub(super) type Pairs<'v> = Box<dyn Iterator<Item = Result<(Slice, Value<'v>), StoreError>> + 'v>;

/// Several sequences of pairs as one: each key once, as the first that has it says.
pub(super) struct Merged<'v> {
    newest_first: Vec<Peekable<Pairs<'v>>>,
    backwards: bool,
}

impl<'v> Merged<'v> {
    pub(super) fn of(newest_first: impl Iterator<Item = Pairs<'v>>, backwards: bool) -> Self {
        Self { newest_first: newest_first.map(Iterator::peekable).collect(), backwards }
    }

    /// The next pair, also of a key that was removed.
    fn step(&mut self) -> Option<Result<(Slice, Value<'v>), StoreError>> {
        let mut best: Option<(usize, &Slice)> = None;
        for (at, source) in self.newest_first.iter_mut().enumerate() {
            match source.peek() {
                None => {}
                Some(Err(_)) => return source.next(),
                Some(Ok((key, _))) => {
                    let sooner = |found: &Slice| if self.backwards { key > found } else { key < found };
                    if best.is_none_or(|(_, found)| sooner(found)) {
                        best = Some((at, key));
                    }
                }
            }
        }
        let at = best?.0;
        let next = self.newest_first[at].next()?;
        if let Ok((key, _)) = &next {
            for older in &mut self.newest_first[at + 1..] {
                older.next_if(|pair| pair.as_ref().is_ok_and(|(other, _)| other == key));
            }
        }
        Some(next)
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (key, value) = match self.step()? {
                Ok(pair) => pair,
                Err(error) => return Some(Err(error)),
            };
            match value {
                Value::Stored(value) => return Some(Ok((key.to_vec(), value.to_vec()))),
                Value::Recent(write) => match write.value(&key) {
                    Ok(None) => {}
                    Ok(Some(value)) => return Some(Ok((key.to_vec(), value))),
                    Err(error) => return Some(Err(error.into())),
                },
            }
        }
    }
}

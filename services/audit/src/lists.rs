//! Lists of indices: what is about a subject, by an identity, of a type.
//!
//! A list is kept in chunks, so that a statement changes few keys and a long list is read fast: the open chunk under the
//! highest number, each full one under its first index. Lists are named by a short hash; two that share one are read
//! together, and whoever reads compares with the statement itself.

use probity_projection::{Batch, Key, StoreError, Table, View};
use serde::{Deserialize, Serialize};

use crate::layout::short;

const LISTS: Table<Chunk> = Table::new(2);

/// Entries to a full chunk.
const FULL: usize = 128;

/// The open chunk's number.
const OPEN: u64 = u64::MAX;

/// An index and the moment it sorts by, in Unix milliseconds.
pub(crate) type TimelinePoint = (u64, u64);

/// Some of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Chunk {
    /// Entries of the list in front of it.
    before: u64,
    /// In the order of the log.
    places: Vec<TimelinePoint>,
}

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List<'a> {
    /// What is about a subject, in all its versions.
    Subject(&'a str),
    /// What somebody signed, or others on their behalf.
    Identity(&'a str),
    /// What is of a type.
    Type(&'a str),
}

impl List<'_> {
    fn key(self) -> Key {
        let short = match self {
            Self::Subject(subject) => short(b's', subject),
            Self::Identity(identity) => short(b'i', identity),
            Self::Type(event_type) => short(b't', event_type),
        };
        LISTS.key().fixed(&short)
    }
}

/// Puts an index behind all that are in a list.
pub(crate) fn append(batch: &mut Batch<'_>, list: List<'_>, place: TimelinePoint) -> Result<(), StoreError> {
    let key = list.key();
    let open = batch.record(&LISTS, key.clone().number(OPEN))?;
    let mut full = None;
    if open.places.len() >= FULL {
        let before = open.before + open.places.len() as u64;
        full = Some(std::mem::replace(open, Chunk { before, places: Vec::new() }));
    }
    open.places.push(place);
    if let Some(full) = full
        && let Some((first, _)) = full.places.first()
    {
        batch.put(&LISTS, key.number(*first), full);
    }
    Ok(())
}

/// How many are in a list.
pub(crate) fn length(view: &View, list: List<'_>) -> Result<u64, StoreError> {
    let open = view.record(&LISTS, &list.key().number(OPEN))?.unwrap_or_default();
    Ok(open.before + open.places.len() as u64)
}

/// What is read of a list, place by place.
pub(crate) type TimelinePoints<'v> = Box<dyn Iterator<Item = Result<TimelinePoint, StoreError>> + 'v>;

/// The places in a list whose index is greater than `after` (all of them for `None`), in the order of the log.
pub(crate) fn ascending<'v>(
    view: &'v View,
    list: List<'_>,
    after: Option<u64>,
) -> Result<TimelinePoints<'v>, StoreError> {
    let prefix = list.key();
    // The chunk that begins at or before the index holds what follows it; the open one is not found by its number.
    let from = after.map(|after| prefix.clone().number(after.saturating_add(1).min(OPEN - 1)));
    let begun = match &from {
        Some(from) => view.scan_before(&prefix, Some(from.as_bytes())).next().transpose()?,
        None => None,
    };
    let start = begun.as_ref().map(|(key, _)| key.clone());
    let rest = view.scan_after(&prefix, start.as_deref());
    let chunks = begun.into_iter().map(Ok).chain(rest);
    Ok(Box::new(flat(chunks, false).filter(move |place| match (place, after) {
        (Ok((index, _)), Some(after)) => *index > after,
        _ => true,
    })))
}

/// The places in a list whose index is less than `before`, the last one first.
pub(crate) fn descending<'v>(view: &'v View, list: List<'_>, before: u64) -> Result<TimelinePoints<'v>, StoreError> {
    let prefix = list.key();
    let open_key = prefix.clone().number(OPEN);
    let open = view.get(open_key.as_bytes())?.map(|value| Ok((Vec::from(open_key), value)));
    let until = prefix.clone().number(before);
    let closed = view.scan_before(&prefix, Some(until.as_bytes()));
    let chunks = open.into_iter().chain(closed);
    Ok(Box::new(flat(chunks, true).filter(move |place| match place {
        Ok((index, _)) => *index < before,
        Err(_) => true,
    })))
}

fn flat<'v>(
    chunks: impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + 'v,
    backwards: bool,
) -> impl Iterator<Item = Result<TimelinePoint, StoreError>> + 'v {
    let places = move |pair: Result<(Vec<u8>, Vec<u8>), StoreError>| {
        let chunk: Result<Chunk, StoreError> = pair.and_then(|(_, value)| Ok(LISTS.decode(&value)?));
        match chunk {
            Ok(Chunk { mut places, .. }) => {
                if backwards {
                    places.reverse();
                }
                places.into_iter().map(Ok).collect::<Vec<_>>()
            }
            Err(error) => vec![Err(error)],
        }
    };
    chunks.flat_map(places)
}

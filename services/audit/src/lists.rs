//! Lists of indices: what is about a subject, by an identity, of a type.
//!
//! A list is kept in segments, one for each span of the log in which something was put into it. So what is written of a
//! list is what is new of it, however long it is, and whoever folds the log anew cuts it at the same places. A segment
//! holds differences, some five bytes an entry. Lists are named by a short hash; two that share one are read together,
//! and whoever reads compares with the statement itself.

use probity_projection::{Batch, Key, Packed, Parts, RecordError, SPAN, StoreError, Table, View};
use serde::{Deserialize, Serialize};

use crate::layout::short;

const LISTS: Table<Segment> = Table::new(2);

/// An index and the moment it sorts by, in Unix milliseconds.
pub(crate) type TimelinePoint = (u64, u64);

/// What a span of the log put into a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Segment {
    /// The last entry, its index counted from the beginning of the span. There is one in every segment that was written.
    last: Option<TimelinePoint>,
    /// From each entry to the next: of the index, and of the moment, which may lie before.
    steps: Packed<(u64, i64)>,
}

impl Segment {
    fn push(&mut self, place: TimelinePoint) -> Result<(), RecordError> {
        if let Some((index, at_ms)) = self.last {
            self.steps.push(&(place.0.wrapping_sub(index), place.1.wrapping_sub(at_ms).cast_signed()))?;
        }
        self.last = Some(place);
        Ok(())
    }

    /// Its entries, the last one first; `span` begins at this index.
    fn backwards(&self, span: u64) -> Result<Vec<TimelinePoint>, RecordError> {
        let Some((index, at_ms)) = self.last else { return Ok(Vec::new()) };
        let mut place = (span.wrapping_add(index), at_ms);
        let mut places = vec![place];
        for (index, at_ms) in self.steps.all()?.into_iter().rev() {
            place = (place.0.wrapping_sub(index), place.1.wrapping_sub(at_ms.cast_unsigned()));
            places.push(place);
        }
        Ok(places)
    }
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

    /// The segment of a span.
    fn segment(self, span: u64) -> Key {
        // More spans than that are more statements than there can be.
        self.key().small(u32::try_from(span).unwrap_or(u32::MAX))
    }
}

/// Puts an index behind all that are in a list.
pub(crate) fn append(batch: &mut Batch<'_>, list: List<'_>, (index, at_ms): TimelinePoint) -> Result<(), StoreError> {
    let span = index - index % SPAN;
    let segment = batch.record_since(&LISTS, list.segment(index / SPAN), span)?;
    Ok(segment.push((index - span, at_ms))?)
}

/// Whether nothing is in a list.
pub(crate) fn is_empty(view: &View, list: List<'_>) -> Result<bool, StoreError> {
    Ok(view.scan_after(&list.key(), None).next().transpose()?.is_none())
}

/// What is read of a list, place by place.
pub(crate) type TimelinePoints<'v> = Box<dyn Iterator<Item = Result<TimelinePoint, StoreError>> + 'v>;

/// The places in a list whose index is at least `from`, in the order of the log.
pub(crate) fn ascending<'v>(view: &'v View, list: List<'_>, from: u64) -> TimelinePoints<'v> {
    // The key before the first segment that may hold one: keys of segments have one length.
    let before = (from / SPAN).checked_sub(1).map(|span| Vec::from(list.segment(span)));
    let segments = view.scan_after(&list.key(), before.as_deref());
    let places = segments.flat_map(|pair| {
        let mut places = places_of(pair);
        places.reverse();
        places
    });
    Box::new(places.filter(move |place| place.as_ref().map_or(true, |(index, _)| *index >= from)))
}

/// The places in a list whose index is less than `before`, the last one first.
pub(crate) fn descending<'v>(view: &'v View, list: List<'_>, before: u64) -> TimelinePoints<'v> {
    let end = Vec::from(list.segment(before.div_ceil(SPAN)));
    let segments = view.scan_before(&list.key(), Some(&end));
    let places = segments.flat_map(places_of);
    Box::new(places.filter(move |place| place.as_ref().map_or(true, |(index, _)| *index < before)))
}

/// The places of a segment, the last one first.
fn places_of(pair: Result<(Vec<u8>, Vec<u8>), StoreError>) -> Vec<Result<TimelinePoint, StoreError>> {
    let places = pair.and_then(|(key, value)| {
        let mut parts = Parts::of(&key);
        let span = parts.fixed::<8>().and_then(|_| parts.small()).unwrap_or_default();
        Ok(LISTS.decode(&value)?.backwards(u64::from(span) * SPAN)?)
    });
    match places {
        Ok(places) => places.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    }
}

//! Timelines: what was recorded about a subject, by somebody, of a type; in the order of the log or of what happened.
//!
//! One list leads (the subject's, else the signer's, else the types', else all there is) and its events are held against
//! the rest of the question. At most [`LOOKED_AT`] events are looked at for a page: where few of them match, a page is
//! short, or empty, and has a token for the next one all the same.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use probity_projection::{Parts, View};
use probity_proto::v1;
use probity_query::{Page, Paged, QueryError, Scope};
use probity_schemas::{EventId, Identity, NamespacePattern, Subject, TypePattern, catalogue};

use crate::corrections::{self, matches};
use crate::entered::{Happened, Showing};
use crate::layout::{self, EventHead, EventRecord, SUBJECTS, TIMES, whole};
use crate::lists::{self, List, TimelinePoint};

/// Events that are looked at for one page.
pub const LOOKED_AT: usize = 5_000;

/// A list that is longer is not sorted by when things happened; all there is is then gone through in that order.
const SORTED: usize = 200_000;

/// Answers that one event is shown with.
const ANSWERS: usize = 1_000;

/// What is asked for. Everything that is `None` is not asked.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// About this subject; without a version also about all its versions.
    pub subject: Option<Subject>,
    /// Signed by this identity, or on its behalf.
    pub signer: Option<Identity>,
    /// Of these types.
    pub types: Option<TypePattern>,
    /// About subjects in these namespaces.
    pub namespaces: Option<NamespacePattern>,
    /// What is said to have happened, or may have happened, by then, in Unix milliseconds.
    pub at_ms: Option<u64>,
    /// What was recorded by then, in Unix seconds.
    pub known_by: Option<u64>,
    /// After this many statements.
    pub from: u64,
    /// Up to this many; all there are for `None`.
    pub to: Option<u64>,
    /// As of this many statements: what was recorded later neither belongs to the answer nor changes
    /// what is told of it.
    pub known_size: Option<u64>,
    /// The last one first.
    pub descending: bool,
    /// In the order in which it happened rather than in which it was recorded.
    pub by_occurred: bool,
    /// Without the events themselves.
    pub brief: bool,
}

/// Asks for a page of a timeline.
///
/// # Errors
/// The page's token is not one of this question's, or the view is not readable.
pub fn events(view: &View, scope: &Scope, question: &Question, page: &Page) -> Result<Paged<v1::Entered>, QueryError> {
    let told = layout::known(view, question.known_by)?;
    let told = question.known_size.map_or(told, |size| told.min(size));
    let mut known = told;
    if let Some(to) = question.to {
        known = known.min(to);
    }
    let filter = Filter::of(view, scope, question, known)?;
    // What became of the events is told as of the moment that is asked about; a comparison tells all there is.
    let showing = Showing { known: told, brief: question.brief };
    let mut items = Vec::new();
    let mut room = page.room();
    let (mut last, mut looked_at) = (None, None);
    for (seen, place) in filter.places(view, page)?.enumerate() {
        let (index, at_ms) = place?;
        if seen == LOOKED_AT {
            return Ok(Paged { items, next_page_token: looked_at.map_or_else(String::new, |it| filter.token(it)) });
        }
        looked_at = Some((index, at_ms));
        let Some(happened) = filter.admits(index, &layout::head(view, index)?.unwrap_or_default()) else { continue };
        let Some(entry) = layout::entry(view, index)? else { continue };
        let item = showing.entered(view, index, &entry, happened)?;
        if !room.admits(&item) {
            return Ok(Paged { items, next_page_token: last.map_or_else(String::new, |it| filter.token(it)) });
        }
        items.push(item);
        last = looked_at;
    }
    Ok(Paged { items, next_page_token: String::new() })
}

/// Whether anything is known about a subject, for a caller who may see its namespace.
pub(crate) fn exists(view: &View, scope: &Scope, subject: &str) -> Result<bool, QueryError> {
    if !scope.covers_subject(subject) {
        return Ok(false);
    }
    let moved = layout::moved_key(subject);
    Ok(!lists::is_empty(view, List::Subject(whole(subject)))? || view.scan_after(&moved, None).next().is_some())
}

/// Makes sure that a subject of which nothing was found is one that statements are about: nothing
/// found is not nothing known.
///
/// # Errors
/// No statement is about it, or it may not be seen.
pub(crate) fn must_know(view: &View, scope: &Scope, subject: &str) -> Result<(), QueryError> {
    scope.must_cover(subject)?;
    let moved = layout::moved_key(subject);
    match SUBJECTS.has(view, subject)? || view.scan_after(&moved, None).next().is_some() {
        true => Ok(()),
        false => Err(unknown(view, scope, subject)?),
    }
}

/// The refusal of a subject that no statement is about, with the nearest name.
///
/// # Errors
/// The view could not be read.
pub(crate) fn unknown(view: &View, scope: &Scope, subject: &str) -> Result<QueryError, QueryError> {
    let nearest = SUBJECTS.nearest(view, subject, |name| scope.covers_subject(name))?;
    Ok(QueryError::UnknownSubject { what: subject.to_owned(), nearest })
}

/// One event, what regards it (oldest first, the first thousand), and what it names as causes.
///
/// # Errors
/// There is none that the caller may see.
pub fn event(view: &View, scope: &Scope, index: u64) -> Result<v1::GetEventResponse, QueryError> {
    let showing = Showing { known: layout::size(view)?, brief: false };
    let entry = visible(view, scope, index)?;
    let entry = entry.ok_or_else(|| QueryError::NotFound { what: format!("statement {index}") })?;
    let event = entry.event(view, index)?;
    let show = |indices: Vec<u64>| {
        let mut shown = Vec::new();
        for index in indices {
            if let Some(entry) = visible(view, scope, index)? {
                shown.push(showing.entered(view, index, &entry, Happened::Unasked)?);
            }
        }
        Ok::<_, QueryError>(shown)
    };
    let answers = layout::ANSWERS.key().number(index);
    let answers = show(layout::numbers_under(view, &answers, ANSWERS)?)?;
    let mut causes = Vec::new();
    for cause in &event.causes {
        // An id by itself means the first event that had it, and nothing that was recorded later.
        let first = layout::indices_of(view, &layout::id_bytes(cause))?.first().copied();
        causes.extend(first.filter(|first| *first < index));
    }
    let event = showing.entered(view, index, &entry, Happened::Unasked)?;
    Ok(v1::GetEventResponse { as_of: None, event: Some(event), answers, causes: show(causes)? })
}

/// The index of the event with this id, by this signer where one is named.
///
/// # Errors
/// There is none that the caller may see; or there are several, for ids are unique for each signer only.
pub fn find(view: &View, scope: &Scope, id: &EventId, signer: Option<&Identity>) -> Result<u64, QueryError> {
    let signer = signer.map(ToString::to_string);
    let mut found = Vec::new();
    for index in layout::indices_of(view, &layout::id_bytes(id))? {
        let entry = visible(view, scope, index)?;
        let by = entry.map(|entry| entry.head.signer).filter(|by| signer.as_ref().is_none_or(|signer| signer == by));
        found.extend(by.map(|by| (index, by)));
    }
    match found.as_slice() {
        [] => Err(QueryError::NotFound { what: format!("event {id}") }),
        [(index, _)] => Ok(*index),
        several => Err(QueryError::Ambiguous {
            what: format!("event {id}"),
            found: several.iter().map(|(index, by)| format!("index {index} by {by}")).collect(),
        }),
    }
}

pub(crate) fn visible(view: &View, scope: &Scope, index: u64) -> Result<Option<EventRecord>, QueryError> {
    Ok(layout::entry(view, index)?.filter(|entry| scope.covers_subject(&entry.head.subject)))
}

/// A question, made ready to be held against events.
struct Filter<'a> {
    question: &'a Question,
    scope: &'a Scope,
    /// Only statements before this one.
    known: u64,
    subject: Option<String>,
    signer: Option<String>,
    types: Option<Vec<&'static str>>,
    /// What corrections say is about the subject as well.
    moved: BTreeMap<u64, EventHead>,
}

type TimelinePoints<'v> = Box<dyn Iterator<Item = Result<TimelinePoint, QueryError>> + 'v>;

impl<'a> Filter<'a> {
    fn of(view: &View, scope: &'a Scope, question: &'a Question, known: u64) -> Result<Self, QueryError> {
        let subject = question.subject.as_ref().map(ToString::to_string);
        let moved = match &subject {
            Some(subject) => corrections::moved_to(view, subject, known)?,
            None => BTreeMap::new(),
        };
        let types = question.types.as_ref().map(|pattern| {
            let mut types: Vec<_> =
                catalogue().filter(|info| pattern.covers(info)).map(|info| info.event_type).collect();
            types.sort_unstable();
            types.dedup();
            types
        });
        let signer = question.signer.as_ref().map(ToString::to_string);
        Ok(Self { question, scope, known, subject, signer, types, moved })
    }

    /// Whether an event belongs to the answer, and if so whether it happened.
    fn admits(&self, index: u64, head: &EventHead) -> Option<Happened> {
        let question = self.question;
        let about = |asked: &String| {
            matches(asked, &head.subject)
                || head.about.iter().chain(&head.concerns).any(|about| matches(asked, about))
                || self.moved.contains_key(&index)
        };
        let by = |asked: &String| head.signer == *asked || head.on_behalf_of.as_ref() == Some(asked);
        let within = |asked: &NamespacePattern| Scope::of(vec![asked.clone()]).covers_subject(&head.subject);
        let admitted = (question.from..self.known).contains(&index)
            && self.scope.covers_subject(&head.subject)
            && self.subject.as_ref().is_none_or(about)
            && self.signer.as_ref().is_none_or(by)
            && self.types.as_ref().is_none_or(|types| types.contains(&head.event_type.as_str()))
            && question.namespaces.as_ref().is_none_or(within);
        admitted.then(|| Happened::by(head, question.at_ms)).flatten()
    }

    /// The lists of which the answer is part; `None` if it may be any event.
    fn lists(&self) -> Option<Vec<List<'_>>> {
        match (&self.subject, &self.signer, &self.types) {
            (Some(subject), _, _) => Some(vec![List::Subject(whole(subject))]),
            (None, Some(signer), _) => Some(vec![List::Identity(signer)]),
            (None, None, Some(types)) => Some(types.iter().map(|event_type| List::Type(event_type)).collect()),
            (None, None, None) => None,
        }
    }

    /// Names a place for the next page.
    fn token(&self, (index, at_ms): TimelinePoint) -> String {
        let moment = self.question.by_occurred.then_some(at_ms);
        let bytes: Vec<u8> = moment.into_iter().chain([index]).flat_map(u64::to_be_bytes).collect();
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The places from which the answer is taken, in the order that is asked for, from where the page begins.
    fn places<'v>(&'v self, view: &'v View, page: &Page) -> Result<TimelinePoints<'v>, QueryError> {
        let invalid = || QueryError::Invalid { field: "page_token", reason: "it is of another question".to_owned() };
        let after = page.after.as_deref();
        if !self.question.by_occurred {
            let after = after.map(|bytes| bytes.try_into().map(u64::from_be_bytes).map_err(|_| invalid()));
            return self.in_log_order(view, after.transpose()?);
        }
        let after = match after {
            None => None,
            Some(bytes) if bytes.len() == 16 => {
                // A byte in front stands for that of a table.
                let key: Vec<u8> = [0].iter().chain(bytes).copied().collect();
                let mut parts = Parts::of(&key);
                Some((parts.number().ok_or_else(invalid)?, parts.number().ok_or_else(invalid)?))
            }
            Some(_) => return Err(invalid()),
        };
        self.in_order_of_time(view, after)
    }

    fn in_log_order<'v>(&'v self, view: &'v View, after: Option<u64>) -> Result<TimelinePoints<'v>, QueryError> {
        let descending = self.question.descending;
        // The first index to look at and the one before which to stop, or the other way round.
        let (first, end) = match (after, descending) {
            (None, _) => (self.question.from, self.known),
            (Some(after), false) => (after.saturating_add(1).max(self.question.from), self.known),
            (Some(after), true) => (self.question.from, after.min(self.known)),
        };
        let Some(lists) = self.lists() else {
            let place = |index| Ok((index, 0));
            let range = first..end;
            return Ok(if descending { Box::new(range.rev().map(place)) } else { Box::new(range.map(place)) });
        };
        let mut sources: Vec<TimelinePoints<'v>> = Vec::with_capacity(lists.len() + 1);
        for list in lists {
            let places = match descending {
                false => lists::ascending(view, list, first),
                true => lists::descending(view, list, end),
            };
            let within = move |place: &TimelinePoint| if descending { place.0 >= first } else { place.0 < end };
            let within = move |place: &Result<TimelinePoint, _>| place.as_ref().map_or(true, within);
            sources.push(Box::new(places.take_while(within).map(|place| Ok(place?))));
        }
        if first < end {
            let moved = self.moved.range(first..end).map(|(index, head)| Ok((*index, head.sorted_at_ms())));
            sources.push(if descending { Box::new(moved.rev()) } else { Box::new(moved) });
        }
        Ok(merged(sources, descending))
    }

    /// By moment, then by index; `after` is such a pair.
    fn in_order_of_time<'v>(
        &'v self,
        view: &'v View,
        after: Option<(u64, u64)>,
    ) -> Result<TimelinePoints<'v>, QueryError> {
        let descending = self.question.descending;
        let Some(mut places) = self.by_moment(view)? else {
            let prefix = TIMES.key();
            let after = after.map(|(at_ms, index)| prefix.clone().number(at_ms).number(index));
            let after = after.as_ref().map(AsRef::as_ref);
            let place = |pair: Result<(Vec<u8>, Vec<u8>), probity_projection::StoreError>| {
                let (key, _) = pair?;
                let mut parts = Parts::of(&key);
                let at_ms = parts.number().unwrap_or_default();
                Ok((parts.number().unwrap_or_default(), at_ms))
            };
            return Ok(match descending {
                false => Box::new(view.scan_after(&prefix, after).map(place)),
                true => Box::new(view.scan_before(&prefix, after).map(place)),
            });
        };
        places.retain(|place| match after {
            None => true,
            Some(after) if descending => *place < after,
            Some(after) => *place > after,
        });
        first_of(&mut places, descending);
        Ok(Box::new(places.into_iter().map(|(at_ms, index)| Ok((index, at_ms)))))
    }

    /// The moments and indices in the lists of which the answer is part; `None` where there are too many to be sorted.
    fn by_moment(&self, view: &View) -> Result<Option<Vec<(u64, u64)>>, QueryError> {
        let Some(lists) = self.lists() else { return Ok(None) };
        let mut places: Vec<_> = self.moved.iter().map(|(index, head)| (head.sorted_at_ms(), *index)).collect();
        for list in lists {
            for place in lists::ascending(view, list, 0) {
                let (index, at_ms) = place?;
                places.push((at_ms, index));
                if places.len() > SORTED {
                    return Ok(None);
                }
            }
        }
        Ok(Some(places))
    }
}

/// Sorts places and keeps as many as are looked at for a page, and one more so that it is seen that there are more.
fn first_of(places: &mut Vec<(u64, u64)>, descending: bool) {
    let order = |a: &(u64, u64), b: &(u64, u64)| if descending { b.cmp(a) } else { a.cmp(b) };
    // Each is there once for each list it is in, and for a correction.
    const KEPT: usize = 2 * LOOKED_AT;
    if places.len() > KEPT {
        places.select_nth_unstable_by(KEPT, order);
        places.truncate(KEPT);
    }
    places.sort_unstable_by(order);
    places.dedup();
}

/// One sequence of several that are in order, each place once.
fn merged<'v>(sources: Vec<TimelinePoints<'v>>, descending: bool) -> TimelinePoints<'v> {
    let mut sources: Vec<_> = sources.into_iter().map(Iterator::peekable).collect();
    let mut last = None;
    Box::new(std::iter::from_fn(move || {
        loop {
            let mut best: Option<(usize, u64)> = None;
            for (at, source) in sources.iter_mut().enumerate() {
                match source.peek() {
                    None => {}
                    Some(Err(_)) => return source.next(),
                    Some(Ok((index, _))) => {
                        let better =
                            |(_, other): (usize, u64)| if descending { *index > other } else { *index < other };
                        if best.is_none_or(better) {
                            best = Some((at, *index));
                        }
                    }
                }
            }
            let (at, index) = best?;
            let place = sources[at].next();
            if last.replace(index) != Some(index) {
                return place;
            }
        }
    }))
}

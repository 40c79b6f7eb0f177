//! Questions to the view, without gRPC: lists by property, namespace and word, dossiers, counts.
//!
//! A list is driven by the narrowest index that its filter names and checks the rest by point lookups; none reads the
//! whole view for a page.

use std::collections::{BTreeMap, BTreeSet};

use probity_projection::{Key, Parts, Record, Table, View};
use probity_proto::v1;
use probity_query::{Page, PageItem, Paged, QueryError, Scope};
use probity_schemas::NamespacePattern;

use crate::answers;
use crate::asked::{self, within};
use crate::facets::{COUNTS, FACETS, WORDS};
pub use crate::filter::{Filter, namespace};
use crate::records::datasets::DATASETS;
use crate::records::endpoints::{ENDPOINTS, SERVED_AT};
use crate::records::models::MODELS;
use crate::records::monitors::MONITORS;
use crate::records::open_items::{ITEMS, ITEMS_OF, OPEN_ITEMS};
use crate::records::uses::USES;
use crate::records::values::VALUES;
use crate::records::versions::{AGES, VERSIONS, version_key};
use crate::sight::InSight;

/// The most entries of the index of words that are read for one word.
const MAX_OF_WORD: usize = 50_000;
/// The most models that can be named.
const MAX_NAMED: usize = 1_000;

/// Subjects in ascending order, or why there are no more.
type Subjects<'a> = Box<dyn Iterator<Item = Result<String, QueryError>> + 'a>;
/// The same, with whether each is what was asked for.
type Candidates<'a> = Box<dyn Iterator<Item = Result<(String, bool), QueryError>> + 'a>;

/// The beginnings of the subjects that can be within, in ascending order, none of them within another.
fn beginnings(kind: &str, namespace: Option<&NamespacePattern>, scope: &Scope) -> Vec<String> {
    let beginning = |pattern: &NamespacePattern| match pattern {
        NamespacePattern::All => format!("{kind}:"),
        NamespacePattern::Exactly(root) | NamespacePattern::Within(root) => format!("{kind}:{root}/"),
    };
    let mut found: Vec<String> = match (namespace, scope) {
        (Some(pattern), _) => vec![beginning(pattern)],
        (None, Scope::Everything) => vec![format!("{kind}:")],
        (None, Scope::Namespaces(patterns)) => patterns.iter().map(beginning).collect(),
    };
    found.sort_unstable();
    found.dedup_by(|later, earlier| later.starts_with(earlier.as_str()));
    found
}

/// The subjects of `kind` that the filter names, after the subject `after`, in ascending order.
fn subjects<'a, V: Record>(
    view: &'a View,
    table: &Table<V>,
    kind: &'static str,
    filter: &'a Filter,
    scope: &'a Scope,
    after: Option<String>,
) -> Result<Candidates<'a>, QueryError> {
    let late = move |subject: &String, after: &Option<String>| after.as_ref().is_none_or(|after| subject > after);
    let mut named = match filter.words.is_empty() {
        true => None,
        false => Some(with_words(view, kind, &filter.words)?),
    };
    let driven: Subjects<'a> = match (filter.facets.first(), named.take_if(|_| filter.facets.is_empty())) {
        (Some((property, value)), _) => {
            let prefix = FACETS.key().text(kind).text(property).text(value);
            let from = after.as_ref().map(|after| prefix.clone().text(after));
            let pairs = scan_lazily(view, prefix, from.map(Vec::from));
            Box::new(pairs.filter_map(|pair| last_text(pair, 3).transpose()))
        }
        (None, Some(found)) => Box::new(found.into_iter().filter(move |subject| late(subject, &after)).map(Ok)),
        (None, None) => {
            let beginnings = beginnings(kind, filter.namespace.as_ref(), scope);
            let prefixes = beginnings.into_iter().map(|beginning| table.key().beginning(&beginning));
            let from = after.map(|after| Vec::from(table.key().text(&after)));
            let prefixes: Vec<Key> = prefixes.collect();
            // Nothing is left of the beginnings that the page before has passed.
            let passed = move |prefix: &Key, from: &Option<Vec<u8>>| {
                from.as_ref().is_some_and(|from| from[..] > *prefix.as_bytes() && !from.starts_with(prefix.as_bytes()))
            };
            let prefixes = prefixes.into_iter().filter(|prefix| !passed(prefix, &from)).collect::<Vec<_>>();
            Box::new(prefixes.into_iter().flat_map(move |prefix| {
                scan_lazily(view, prefix, from.clone()).filter_map(|pair| last_text(pair, 0).transpose())
            }))
        }
    };
    Ok(Box::new(driven.map(move |subject| {
        let subject = subject?;
        let has_words = named.as_ref().is_none_or(|named| named.contains(&subject));
        let fitting = has_words && fits(view, kind, &subject, filter, scope)?;
        Ok((subject, fitting))
    })))
}

/// Pairs under a prefix, a stretch at a time, so that the iterator owns its place.
fn scan_lazily(
    view: &View,
    prefix: Key,
    mut after: Option<Vec<u8>>,
) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), probity_projection::StoreError>> + '_ {
    const STRETCH: usize = 256;
    let mut stretch = Vec::new().into_iter();
    let mut done = false;
    std::iter::from_fn(move || {
        loop {
            if let Some(pair) = stretch.next() {
                return Some(pair);
            }
            if done {
                return None;
            }
            let next: Vec<_> = view.scan_after(&prefix, after.as_deref()).take(STRETCH).collect();
            done = next.len() < STRETCH;
            if let Some(Ok((key, _))) = next.last() {
                after = Some(key.clone());
            }
            stretch = next.into_iter();
        }
    })
}

/// The text of a key after `skip` others.
fn last_text(
    pair: Result<(Vec<u8>, Vec<u8>), probity_projection::StoreError>,
    skip: usize,
) -> Result<Option<String>, QueryError> {
    let (key, _) = pair?;
    let mut parts = Parts::of(&key);
    for _ in 0..skip {
        parts.text();
    }
    Ok(parts.text().map(str::to_owned))
}

fn fits(view: &View, kind: &str, subject: &str, filter: &Filter, scope: &Scope) -> Result<bool, QueryError> {
    // What is related to something out of sight is not told by finding it.
    let asks_for_hidden = filter.facets.iter().any(|(_, value)| scope.redact(value) != *value);
    if asks_for_hidden || !within(subject, filter.namespace.as_ref(), scope) {
        return Ok(false);
    }
    // The first property drives the list.
    for (property, value) in filter.facets.iter().skip(1) {
        if !view.contains(&FACETS.key().text(kind).text(property).text(value).text(subject))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The subjects in which all words, or words that begin so, occur. A beginning that is too common is
/// refused.
fn with_words(view: &View, kind: &str, words: &[String]) -> Result<BTreeSet<String>, QueryError> {
    let mut found: Option<BTreeSet<String>> = None;
    for word in words {
        let prefix = WORDS.key().text(kind).beginning(word);
        let mut with = BTreeSet::new();
        for (read, pair) in view.scan_after(&prefix, None).enumerate() {
            if read == MAX_OF_WORD {
                return Err(QueryError::TooMuch { what: "filter.text: what has a word like this", limit: MAX_OF_WORD });
            }
            with.extend(last_text(pair, 2)?);
        }
        found = Some(match found {
            Some(earlier) => earlier.intersection(&with).cloned().collect(),
            None => with,
        });
    }
    Ok(found.unwrap_or_default())
}

/// A page of the records that a filter names.
fn list<V: Record, T: PageItem + InSight>(
    view: &View,
    table: &Table<V>,
    kind: &'static str,
    filter: &Filter,
    scope: &Scope,
    page: &Page,
    answer: impl Fn(&str, V) -> Result<T, QueryError>,
) -> Result<Paged<T>, QueryError> {
    scope.reaches(filter.namespace.as_ref())?;
    let after = page.after.clone().and_then(|after| String::from_utf8(after).ok());
    let found = subjects(view, table, kind, filter, scope, after)?;
    page.take(found.map(|candidate| {
        let (subject, fitting) = candidate?;
        let record = if fitting { view.record(table, &table.key().text(&subject))? } else { None };
        let item = record.map(|record| answer(&subject, record)).transpose()?;
        Ok((subject.into_bytes(), item.map(|item| item.in_sight_of(scope))))
    }))
}

/// A page of the models that a filter names.
///
/// # Errors
/// The view could not be read.
pub fn models(view: &View, filter: &Filter, scope: &Scope, page: &Page) -> Result<Paged<v1::Model>, QueryError> {
    list(view, &MODELS, "model", filter, scope, page, |subject, record| answers::model(view, subject, &record, scope))
}

/// Those of these models that there are.
///
/// # Errors
/// More are named than may be, or the view could not be read.
pub fn models_named(view: &View, names: &[String], scope: &Scope, page: &Page) -> Result<Paged<v1::Model>, QueryError> {
    if names.len() > MAX_NAMED {
        return Err(QueryError::TooMuch { what: "models", limit: MAX_NAMED });
    }
    let after = |place: &Vec<u8>| page.after.as_ref().is_none_or(|after| place > after);
    let places = (0_u64..).map(|place| place.to_be_bytes().to_vec()).zip(names).filter(|(place, _)| after(place));
    page.take(places.map(|(place, name)| {
        let record = if scope.covers_subject(name) { view.record(&MODELS, &MODELS.key().text(name))? } else { None };
        let model = record.map(|record| answers::model(view, name, &record, scope)).transpose()?;
        Ok((place, model.map(|model| model.in_sight_of(scope))))
    }))
}

/// A page of the use cases that a filter names.
///
/// # Errors
/// The view could not be read.
pub fn use_cases(view: &View, filter: &Filter, scope: &Scope, page: &Page) -> Result<Paged<v1::UseCase>, QueryError> {
    list(view, &USES, "usecase", filter, scope, page, |subject, record| Ok(answers::use_case(subject, &record)))
}

/// A page of the datasets that a filter names.
///
/// # Errors
/// The view could not be read.
pub fn datasets(view: &View, filter: &Filter, scope: &Scope, page: &Page) -> Result<Paged<v1::Dataset>, QueryError> {
    list(view, &DATASETS, "dataset", filter, scope, page, |subject, record| Ok(answers::dataset(subject, &record)))
}

/// The production map: all endpoints, or those where a model or version serves.
///
/// # Errors
/// The view could not be read.
pub fn deployments(
    view: &View,
    filter: &Filter,
    model: &str,
    scope: &Scope,
    page: &Page,
) -> Result<Paged<v1::Deployment>, QueryError> {
    if model.is_empty() {
        let answer = |subject: &str, record| Ok(answers::deployment(subject, &record));
        return list(view, &ENDPOINTS, "endpoint", filter, scope, page, answer);
    }
    asked::known(view, model, scope)?;
    let whole = probity_domain::ids::model_of(model);
    let mut endpoints = BTreeSet::new();
    for pair in view.scan_after(&SERVED_AT.key().text(whole), None) {
        let (key, _) = pair?;
        let mut parts = Parts::of(&key);
        let (_, endpoint, version) = (parts.text(), parts.text(), parts.text());
        if whole == model || version == Some(model) {
            endpoints.extend(endpoint.map(str::to_owned));
        }
    }
    let after = page.after.clone().and_then(|after| String::from_utf8(after).ok());
    let rest = endpoints.into_iter().filter(|endpoint| after.as_ref().is_none_or(|after| endpoint > after));
    page.take(rest.map(|endpoint| {
        let first = filter.facets.first();
        let has = |(property, value): &(String, String)| {
            view.contains(&FACETS.key().text("endpoint").text(property).text(value).text(&endpoint))
        };
        let fitting = first.map(has).transpose()?.unwrap_or(true) && fits(view, "endpoint", &endpoint, filter, scope)?;
        let record = if fitting { view.record(&ENDPOINTS, &ENDPOINTS.key().text(&endpoint))? } else { None };
        let item = record.map(|record| answers::deployment(&endpoint, &record).in_sight_of(scope));
        Ok((endpoint.into_bytes(), item))
    }))
}

/// The versions of a model, the newest first.
///
/// # Errors
/// There is no such model, or none that may be seen; or the view could not be read.
pub fn versions(
    view: &View,
    model: &str,
    state: &str,
    scope: &Scope,
    page: &Page,
) -> Result<Paged<v1::Version>, QueryError> {
    scope.must_cover(model)?;
    let Some(known) = view.record(&MODELS, &MODELS.key().text(model))? else {
        return Err(asked::unknown_subject(view, model, scope)?);
    };
    let retired = known.is_retired();
    let prefix = AGES.key().text(model);
    let pairs = view.scan_before(&prefix, page.after.as_deref());
    page.take(pairs.map(|pair| {
        let (key, _) = pair?;
        let subject = view.record(&AGES, &key_of(&key, &prefix)?)?.unwrap_or_default();
        let record = view.record(&VERSIONS, &version_key(&subject))?.unwrap_or_default();
        let item = (state.is_empty() || record.state(retired).as_str() == state)
            .then(|| answers::version(&subject, &record, retired).in_sight_of(scope));
        Ok((key, item))
    }))
}

/// The whole key of which `prefix` and a number are the parts.
fn key_of(key: &[u8], prefix: &Key) -> Result<Key, QueryError> {
    let number = key.strip_prefix(prefix.as_bytes()).and_then(|rest| rest.try_into().ok()).map(u64::from_be_bytes);
    let number =
        number.ok_or(QueryError::Invalid { field: "page_token", reason: "it is of another list".to_owned() })?;
    Ok(prefix.clone().number(number))
}

/// Monitors, of one subject or by namespace.
///
/// # Errors
/// The view could not be read.
pub fn monitors(
    view: &View,
    namespace: Option<&NamespacePattern>,
    subject: &str,
    state: &str,
    scope: &Scope,
    page: &Page,
) -> Result<Paged<v1::Monitor>, QueryError> {
    scope.reaches(namespace)?;
    asked::known(view, subject, scope)?;
    let prefix = match subject {
        "" => MONITORS.key(),
        // A model's monitors include those of its versions.
        subject if subject.starts_with("model:") && !subject.contains('@') => MONITORS.key().beginning(subject),
        subject => MONITORS.key().text(subject),
    };
    page.take(view.scan_after(&prefix, page.after.as_deref()).map(|pair| {
        let (key, _) = pair?;
        let mut parts = Parts::of(&key);
        let (of, name) = (parts.text().unwrap_or_default(), parts.text().unwrap_or_default());
        let asked = subject.is_empty() || probity_domain::ids::model_of(of) == subject || of == subject;
        if !asked || !within(of, namespace, scope) {
            return Ok((key, None));
        }
        let record = view.record(&MONITORS, &MONITORS.key().text(of).text(name))?.unwrap_or_default();
        let item = (state.is_empty() || record.state == state).then(|| answers::monitor(of, name, &record));
        Ok((key, item))
    }))
}

/// Which problems are asked for.
#[derive(Debug, Default)]
pub struct Problems {
    /// A namespace or all within it; `None` for no limit.
    pub namespace: Option<NamespacePattern>,
    /// About this model, endpoint or use case; empty for all.
    pub subject: String,
    /// issue or incident; empty for both.
    pub kind: String,
    /// The team it was handed to last; empty for all.
    pub team: String,
    /// Open ones, or those that are not; `None` for all.
    pub open: Option<bool>,
}

/// Issues and incidents, the newest first.
///
/// # Errors
/// The view could not be read.
pub fn problems(view: &View, asked: &Problems, scope: &Scope, page: &Page) -> Result<Paged<v1::Problem>, QueryError> {
    scope.reaches(asked.namespace.as_ref())?;
    let of = ITEMS_OF.key().text(probity_domain::ids::model_of(&asked.subject));
    // What is open may concern what nothing is recorded about but that it serves somewhere.
    if !scope.covers_subject(&asked.subject) || view.scan_after(&of, None).next().is_none() {
        asked::known(view, &asked.subject, scope)?;
    }
    let prefix = match (asked.subject.as_str(), asked.open) {
        ("", Some(true)) => OPEN_ITEMS.key(),
        ("", _) => ITEMS.key(),
        _ => of,
    };
    page.take(view.scan_before(&prefix, page.after.as_deref()).map(|pair| {
        let (key, _) = pair?;
        let index = key.last_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
        let Some(record) = view.record(&ITEMS, &ITEMS.key().number(index))? else { return Ok((key, None)) };
        let handed = || record.hand_offs.last().is_some_and(|hand_off| hand_off.team == asked.team);
        let fitting = within(&record.subject, asked.namespace.as_ref(), scope)
            && (asked.kind.is_empty() || record.kind == asked.kind)
            && (asked.team.is_empty() || handed())
            && asked.open.is_none_or(|open| record.is_open() == open);
        Ok((key, fitting.then(|| answers::problem(&record).in_sight_of(scope))))
    }))
}

/// Value and cost, by subject.
///
/// # Errors
/// The view could not be read.
pub fn value(
    view: &View,
    namespace: Option<&NamespacePattern>,
    subject: &str,
    scope: &Scope,
    page: &Page,
) -> Result<Paged<v1::Value>, QueryError> {
    scope.reaches(namespace)?;
    asked::known(view, subject, scope)?;
    let prefix = if subject.is_empty() { VALUES.key() } else { VALUES.key().text(subject) };
    page.take(view.scan_after(&prefix, page.after.as_deref()).map(|pair| {
        let (key, _) = pair?;
        let of = Parts::of(&key).text().unwrap_or_default().to_owned();
        if !within(&of, namespace, scope) {
            return Ok((key, None));
        }
        let record = view.record(&VALUES, &VALUES.key().text(&of))?;
        Ok((key, record.map(|record| answers::value(&of, &record))))
    }))
}

/// Numbers that are added up for one answer, at most: one for each value in each namespace.
const COUNTED: usize = 100_000;

/// How many subjects of a kind there are, by the values of one property.
///
/// # Errors
/// There is no such kind, or the view could not be read.
pub fn counts(
    view: &View,
    kind: &str,
    property: &str,
    namespace: Option<&NamespacePattern>,
    scope: &Scope,
) -> Result<Vec<v1::Counted>, QueryError> {
    scope.reaches(namespace)?;
    asked::counted(view, kind, property, scope)?;
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    let all = COUNTS.key().text(kind).text(property);
    // What others have in their namespaces is not gone through.
    let patterns = scope.within(namespace);
    let counted = patterns.iter().flat_map(|pattern| {
        let range = match pattern {
            NamespacePattern::All => all.clone(),
            NamespacePattern::Exactly(namespace) => all.clone().text(namespace.as_str()),
            NamespacePattern::Within(root) => all.clone().beginning(root.as_str()),
        };
        view.scan_after(&range, None).map(move |pair| (pattern, pair))
    });
    for (looked_at, (pattern, pair)) in counted.enumerate() {
        if looked_at == COUNTED {
            return Err(QueryError::TooMuch { what: "different values in different namespaces", limit: COUNTED });
        }
        let (key, _) = pair?;
        let mut parts = Parts::of(&key);
        let (_, _) = (parts.text(), parts.text());
        let (of, value) = (parts.text().unwrap_or_default(), parts.text().unwrap_or_default());
        if within(&format!("{kind}:{of}/x"), Some(pattern), scope) {
            let key = COUNTS.key().text(kind).text(property).text(of).text(value);
            *sums.entry(scope.redact(value)).or_default() += view.record(&COUNTS, &key)?.unwrap_or_default();
        }
    }
    Ok(sums.into_iter().map(|(value, count)| v1::Counted { value, count }).collect())
}

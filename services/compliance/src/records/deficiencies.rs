//! What the standing questions found, by question, by subject, and by what caused it.

use std::collections::BTreeSet;

use probity_projection::{Batch, Key, Parts, ProjectionError, Provenance, Stated, StoreError, Table, View};
use serde::{Deserialize, Serialize};

use super::byte;
use probity_controls::Question;

/// Question, moment, subject, cause → a deficiency from that moment on.
pub(crate) const DEFICIENCIES: Table<Found> = Table::new(byte::DEFICIENCIES);
/// Subject, question, moment, cause → the subject under which the same is kept: its own, or what is found about
/// something that it has to do with.
pub(crate) const DEFICIENCIES_OF: Table<String> = Table::new(byte::DEFICIENCIES_OF);
/// Namespace, question, moment, cause → when the same ends by itself: for each namespace of its own subject and of what it
/// concerns, so that nobody counts through what is found of others.
pub(crate) const DEFICIENCIES_IN: Table<Option<u64>> = Table::new(byte::DEFICIENCIES_IN);
/// Cause → the keys of what it was found to lack.
pub(crate) const CAUSES: Table<Keys> = Table::new(byte::CAUSES);

/// Something that a question found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) question: Question,
    pub(crate) subject: String,
    pub(crate) reason: String,
    /// From when on, in Unix milliseconds.
    pub(crate) from_ms: u64,
    /// When it ends by itself.
    pub(crate) until_ms: Option<u64>,
    pub(crate) about: String,
    /// The subjects that it concerns besides its own: it is found for them as well.
    pub(crate) concerns: Vec<String>,
    pub(crate) provenance: String,
    pub(crate) indices: Vec<u64>,
}

impl Default for Found {
    fn default() -> Self {
        Self::new(Question::LiveWithoutApproval, "", "")
    }
}

impl Found {
    pub(crate) fn new(question: Question, subject: &str, reason: impl Into<String>) -> Self {
        Self {
            question,
            subject: subject.to_owned(),
            reason: reason.into(),
            from_ms: 0,
            until_ms: None,
            about: String::new(),
            concerns: Vec::new(),
            provenance: Provenance::Signed.as_str().to_owned(),
            indices: Vec::new(),
        }
    }

    /// From this moment on.
    pub(crate) fn from(mut self, from_ms: u64) -> Self {
        self.from_ms = from_ms;
        self
    }

    /// Only until this moment.
    pub(crate) fn until(mut self, until_ms: u64) -> Self {
        self.until_ms = Some(until_ms);
        self
    }

    /// Until this moment, or still.
    pub(crate) fn until_or_on(mut self, until_ms: Option<u64>) -> Self {
        self.until_ms = until_ms;
        self
    }

    /// Concerning this besides.
    pub(crate) fn about(mut self, about: &str) -> Self {
        about.clone_into(&mut self.about);
        self
    }

    /// Found for these subjects as well.
    pub(crate) fn concerning(mut self, subjects: impl IntoIterator<Item = String>) -> Self {
        let own = self.subject.clone();
        self.concerns.extend(subjects.into_iter().filter(|subject| !subject.is_empty() && *subject != own));
        self.concerns.sort_unstable();
        self.concerns.dedup();
        self
    }

    /// Resting on these statements.
    pub(crate) fn resting_on(mut self, indices: impl IntoIterator<Item = u64>) -> Self {
        self.indices.extend(indices);
        self.indices.sort_unstable();
        self.indices.dedup();
        self
    }

    /// Known as this statement knows it.
    pub(crate) fn stated(mut self, stated: &Stated) -> Self {
        stated.provenance.as_str().clone_into(&mut self.provenance);
        self.resting_on([stated.index])
    }

    /// Whether there is a moment at which it holds.
    fn is_ever(&self) -> bool {
        self.until_ms.is_none_or(|until_ms| self.from_ms < until_ms)
    }

    pub(crate) fn holds_at(&self, at_ms: u64) -> bool {
        self.from_ms <= at_ms && self.until_ms.is_none_or(|until_ms| at_ms < until_ms)
    }
}

/// The namespace of a subject, as far as it has one.
pub(crate) fn namespace_of(subject: &str) -> &str {
    let path = subject.split_once(':').map_or(subject, |(_, path)| path);
    path.rsplit_once('/').map_or("", |(namespace, _)| namespace)
}

/// What is found of one subject, whenever.
pub(crate) fn found_of(view: &View, subject: &str) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    for pair in view.scan_after(&DEFICIENCIES_OF.key().text(subject), None) {
        let (key, kept) = pair?;
        let mut parts = Parts::of(&key);
        parts.text();
        let (byte, from_ms) = (parts.byte().unwrap_or_default(), parts.number().unwrap_or_default());
        let (cause, number) = (parts.text().unwrap_or_default(), parts.small().unwrap_or_default());
        let place = DEFICIENCIES.key().byte(byte).number(from_ms).text(&DEFICIENCIES_OF.decode(&kept)?);
        found.extend(view.record(&DEFICIENCIES, &place.text(cause).small(number))?);
    }
    Ok(found)
}

/// Where what a cause lacks is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys(Vec<Place>);

/// Where one of them is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    question: Question,
    from_ms: u64,
    subject: String,
    concerns: Vec<String>,
    /// Its number among those of the same cause.
    number: u32,
}

impl Place {
    fn of(found: &Found, number: u32) -> Self {
        let Found { question, from_ms, subject, concerns, .. } = found.clone();
        Self { question, from_ms, subject, concerns, number }
    }

    fn by_question(&self, cause: &str) -> Key {
        let key = DEFICIENCIES.key().byte(self.question.byte()).number(self.from_ms);
        key.text(&self.subject).text(cause).small(self.number)
    }

    fn by_subject<'a>(&'a self, cause: &'a str) -> impl Iterator<Item = Key> + 'a {
        let of = move |subject: &String| {
            let key = DEFICIENCIES_OF.key().text(subject).byte(self.question.byte()).number(self.from_ms);
            key.text(cause).small(self.number)
        };
        [&self.subject].into_iter().chain(&self.concerns).map(of)
    }

    fn by_namespace<'a>(&'a self, cause: &'a str) -> impl Iterator<Item = Key> + 'a {
        let namespaces = [&self.subject].into_iter().chain(&self.concerns).map(|subject| namespace_of(subject));
        let namespaces: BTreeSet<&str> = namespaces.collect();
        namespaces.into_iter().map(move |namespace| {
            let key = DEFICIENCIES_IN.key().text(namespace).byte(self.question.byte()).number(self.from_ms);
            key.text(cause).small(self.number)
        })
    }
}

/// Replaces what `cause` was found to lack. What holds at no moment is not kept.
pub(crate) fn replace(batch: &mut Batch<'_>, cause: &str, mut found: Vec<Found>) -> Result<(), ProjectionError> {
    found.retain(Found::is_ever);
    let key = CAUSES.key().text(cause);
    let before = batch.read(&CAUSES, &key)?.unwrap_or_default().0;
    if before.is_empty() && found.is_empty() {
        return Ok(());
    }
    let places: Vec<Place> = found.iter().zip(0..).map(|(found, number)| Place::of(found, number)).collect();
    for gone in before.iter().filter(|place| !places.contains(place)) {
        batch.remove(gone.by_question(cause));
        gone.by_subject(cause).chain(gone.by_namespace(cause)).for_each(|key| batch.remove(key));
    }
    for (place, found) in places.iter().zip(found) {
        place.by_namespace(cause).for_each(|key| batch.put(&DEFICIENCIES_IN, key, found.until_ms));
        batch.put(&DEFICIENCIES, place.by_question(cause), found);
        place.by_subject(cause).for_each(|key| batch.put(&DEFICIENCIES_OF, key, place.subject.clone()));
    }
    match places.is_empty() {
        true => batch.remove(key),
        false => batch.put(&CAUSES, key, Keys(places)),
    }
    Ok(())
}

//! What the standing questions found, by question, by subject, and by what caused it.

use probity_projection::{Batch, Key, ProjectionError, Provenance, Stated, Table};
use serde::{Deserialize, Serialize};

use super::byte;
use crate::questions::Question;

/// Question, moment, subject, cause → a deficiency from that moment on.
pub(crate) const DEFICIENCIES: Table<Found> = Table::new(byte::DEFICIENCIES);
/// Subject, question, moment, cause → the same.
pub(crate) const DEFICIENCIES_OF: Table<()> = Table::new(byte::DEFICIENCIES_OF);
/// Cause → the keys of what it was found to lack.
pub(crate) const CAUSES: Table<Keys> = Table::new(byte::CAUSES);

/// Something that a question found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) question: Question,
    pub(crate) subject: String,
    pub(crate) reason: String,
    /// From when on, in Unix milliseconds; 0 where nobody knows.
    pub(crate) from_ms: u64,
    /// When it ends by itself.
    pub(crate) until_ms: Option<u64>,
    pub(crate) about: String,
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

    /// Concerning this besides.
    pub(crate) fn about(mut self, about: &str) -> Self {
        about.clone_into(&mut self.about);
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

    pub(crate) fn holds_at(&self, at_ms: u64) -> bool {
        self.from_ms <= at_ms && self.until_ms.is_none_or(|until_ms| at_ms < until_ms)
    }
}

/// Where what a cause lacks is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys(Vec<Place>);

/// Question, moment, subject, number among those of the same cause.
type Place = (Question, u64, String, u32);

fn keys(cause: &str, (question, from_ms, subject, number): &Place) -> (Key, Key) {
    let byte = question.byte();
    (
        DEFICIENCIES.key().byte(byte).number(*from_ms).text(subject).text(cause).small(*number),
        DEFICIENCIES_OF.key().text(subject).byte(byte).number(*from_ms).text(cause).small(*number),
    )
}

/// Replaces what `cause` was found to lack.
pub(crate) fn replace(batch: &mut Batch<'_>, cause: &str, found: Vec<Found>) -> Result<(), ProjectionError> {
    let key = CAUSES.key().text(cause);
    let before = batch.read(&CAUSES, &key)?.unwrap_or_default().0;
    if before.is_empty() && found.is_empty() {
        return Ok(());
    }
    let places = found.iter().zip(0..).map(|(found, number)| {
        let place: Place = (found.question, found.from_ms, found.subject.clone(), number);
        place
    });
    let places: Vec<Place> = places.collect();
    for gone in before.iter().filter(|place| !places.contains(place)) {
        let (by_question, by_subject) = keys(cause, gone);
        batch.remove(by_question);
        batch.remove(by_subject);
    }
    for (place, found) in places.iter().zip(found) {
        let (by_question, by_subject) = keys(cause, place);
        batch.put(&DEFICIENCIES, by_question, found);
        batch.put(&DEFICIENCIES_OF, by_subject, ());
    }
    match places.is_empty() {
        true => batch.remove(key),
        false => batch.put(&CAUSES, key, Keys(places)),
    }
    Ok(())
}

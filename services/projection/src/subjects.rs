//! The subjects that statements are about: so that a name which nobody ever used is told from one of
//! which there is nothing to say, and the nearest one is found.

use probity_schemas::nearest;

use crate::batch::Batch;
use crate::record::{Parts, Table};
use crate::recorded::Recorded;
use crate::store::{StoreError, View};

/// Names that are compared to find the nearest, at most: a slip in one of more is not worth reading
/// them all.
const COMPARED: usize = 20_000;

/// A table of the subjects that statements are about, and what a view keeps it under.
#[derive(Debug)]
pub struct Subjects(Table<()>);

impl Subjects {
    /// Under the first byte of its keys.
    #[must_use]
    pub const fn new(byte: u8) -> Self {
        Self(Table::new(byte))
    }

    /// Takes in what a statement is about: its subject with and without the version, and whatever it
    /// names besides.
    pub fn note(&self, recorded: &Recorded, batch: &mut Batch<'_>) {
        let event = &recorded.event;
        for subject in event.about.iter().chain([&event.subject]) {
            self.add(&subject.to_string(), batch);
        }
    }

    /// Takes in a subject that a statement names, with and without its version.
    pub fn add(&self, subject: &str, batch: &mut Batch<'_>) {
        if let Some((whole, _)) = subject.split_once('@') {
            batch.mark(&self.0, self.0.key().text(whole));
        }
        batch.mark(&self.0, self.0.key().text(subject));
    }

    /// Whether a statement is about it.
    ///
    /// # Errors
    /// The view could not be read.
    pub fn has(&self, view: &View, subject: &str) -> Result<bool, StoreError> {
        view.contains(&self.0.key().text(subject))
    }

    /// The most similar one of the same kind, of those that may be seen, where one is similar enough.
    ///
    /// # Errors
    /// The view could not be read.
    pub fn nearest(
        &self,
        view: &View,
        subject: &str,
        seen: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, StoreError> {
        let kind = subject.split_once(':').map_or("", |(kind, _)| kind);
        let wants_version = subject.contains('@');
        let names = self.beginning(view, &format!("{kind}:"), COMPARED)?;
        let fit: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| seen(name) && (wants_version || !name.contains('@')))
            .collect();
        Ok(nearest(subject, fit.iter().copied()).map(str::to_owned))
    }

    /// Those whose names begin so, at most `limit` of them, in ascending order.
    ///
    /// # Errors
    /// The view could not be read.
    pub fn beginning(&self, view: &View, beginning: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        for pair in view.scan_after(&self.0.key().beginning(beginning), None).take(limit) {
            let (key, _) = pair?;
            names.extend(Parts::of(&key).text().map(str::to_owned));
        }
        Ok(names)
    }
}

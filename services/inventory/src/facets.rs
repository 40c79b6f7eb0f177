//! The indexes behind lists and counts: by property, by namespace, by word.
//!
//! A record says which properties and words it has; what it had before is taken out of the indexes first.

use std::borrow::Cow;
use std::collections::BTreeSet;

use probity_projection::{Batch, ProjectionError, Table};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Kind, property, value, subject → that the subject has it.
pub(crate) const FACETS: Table<()> = Table::new(15);
/// Kind, property, namespace, value → how many have it.
pub(crate) const COUNTS: Table<u64> = Table::new(16);
/// Kind, word, subject → that the word occurs in its name, title or purpose.
pub(crate) const WORDS: Table<()> = Table::new(17);

/// Words of one subject that are found, at most.
const MAX_WORDS: usize = 96;
/// Properties with their values that one subject is found by, at most.
const MAX_FACETS: usize = 256;
/// How deep lists and objects of a user's own fields are looked into.
const MAX_DEPTH: usize = 4;
/// The longest value of a user's own field that is indexed as it stands, in bytes.
const MAX_ATTRIBUTE: usize = 96;
/// What is kept of the beginning of a longer one, in bytes.
const BEGINNING: usize = 48;
/// How many hexadecimal digits of its SHA-256 tell a longer one from others with that beginning.
const DIGITS: usize = 32;

/// A property and its value, such as `state` and `live`.
pub(crate) type Facet = (String, String);

/// What a subject is found by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Indexed {
    facets: BTreeSet<Facet>,
    words: BTreeSet<String>,
}

impl Indexed {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a property, unless it has no value.
    pub(crate) fn facet(&mut self, property: &str, value: &str) {
        if !value.is_empty() {
            self.facets.insert((property.to_owned(), value.to_owned()));
        }
    }

    /// Adds the texts, numbers and booleans among a user's own fields: those of a list each for itself, and
    /// those of an object by its name and theirs, as in `attribute:risk.level`.
    pub(crate) fn attributes(&mut self, json: &str) {
        let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(json) else { return };
        for (name, value) in fields {
            self.own_field(&format!("attribute:{name}"), value, MAX_DEPTH);
        }
    }

    fn own_field(&mut self, property: &str, value: serde_json::Value, depth: usize) {
        let text = match value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::Bool(boolean) => boolean.to_string(),
            serde_json::Value::Array(items) if depth > 0 => {
                return items.into_iter().for_each(|item| self.own_field(property, item, depth - 1));
            }
            serde_json::Value::Object(fields) if depth > 0 => {
                let nested = fields.into_iter();
                return nested
                    .for_each(|(name, value)| self.own_field(&format!("{property}.{name}"), value, depth - 1));
            }
            serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => return,
        };
        if self.facets.len() < MAX_FACETS {
            self.facet(property, &attribute(&text));
        }
    }

    /// Adds the words of a text.
    pub(crate) fn text(&mut self, text: &str) {
        for word in words(text) {
            if self.words.len() == MAX_WORDS {
                return;
            }
            self.words.insert(word);
        }
    }

    /// Brings the indexes of `subject` from `self` to `new`.
    pub(crate) fn change(&mut self, new: Self, subject: &str, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        if *self == new {
            return Ok(());
        }
        let kind = kind_of(subject);
        let namespace = namespace_of(subject);
        for (property, value) in self.facets.difference(&new.facets) {
            batch.remove(FACETS.key().text(kind).text(property).text(value).text(subject));
            count(batch, kind, property, namespace, value, -1)?;
        }
        for (property, value) in new.facets.difference(&self.facets) {
            batch.put(&FACETS, FACETS.key().text(kind).text(property).text(value).text(subject), ());
            count(batch, kind, property, namespace, value, 1)?;
        }
        for word in self.words.difference(&new.words) {
            batch.remove(WORDS.key().text(kind).text(word).text(subject));
        }
        for word in new.words.difference(&self.words) {
            batch.put(&WORDS, WORDS.key().text(kind).text(word).text(subject), ());
        }
        *self = new;
        Ok(())
    }
}

/// A value of a user's own field as it is indexed, asked for and counted: as it stands, or, where it
/// is long, its beginning and a hash of the whole. What is counted can be asked for: the short form
/// is one of itself.
pub(crate) fn attribute(value: &str) -> Cow<'_, str> {
    if value.len() <= MAX_ATTRIBUTE {
        return Cow::Borrowed(value);
    }
    let end = (0..=BEGINNING).rev().find(|end| value.is_char_boundary(*end)).unwrap_or_default();
    let beginning = &value[..end];
    let hash: String = Sha256::digest(value).iter().map(|byte| format!("{byte:02x}")).collect();
    Cow::Owned(format!("{beginning}… sha256:{}", &hash[..DIGITS]))
}

fn count(
    batch: &mut Batch<'_>,
    kind: &str,
    property: &str,
    namespace: &str,
    value: &str,
    by: i64,
) -> Result<(), ProjectionError> {
    let key = COUNTS.key().text(kind).text(property).text(namespace).text(value);
    let counted = batch.record(&COUNTS, key.clone())?;
    *counted = counted.saturating_add_signed(by);
    if *counted == 0 {
        batch.remove(key);
    }
    Ok(())
}

/// `model` of `model:credit/pd@3`.
pub(crate) fn kind_of(subject: &str) -> &str {
    subject.split_once(':').map_or("", |(kind, _)| kind)
}

/// `credit` of `model:credit/pd@3`.
pub(crate) fn namespace_of(subject: &str) -> &str {
    let path = subject.split_once(':').map_or(subject, |(_, path)| path);
    path.rsplit_once('/').map_or("", |(namespace, _)| namespace)
}

/// The words of a text as they are found: lower case, letters and digits.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| part.len() > 1);
    parts.map(|part| part.chars().take(32).flat_map(char::to_lowercase).collect())
}

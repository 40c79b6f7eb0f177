//! Words that a question may use: what is none is refused with the nearest one, so that a slip is
//! never answered with nothing.

use probity_schemas::nearest;

use crate::error::QueryError;

/// Makes sure that a word of a request is one of these, or empty.
///
/// # Errors
/// [`QueryError::UnknownWord`] where it is none.
pub fn one_of<'w>(
    field: &'static str,
    found: &str,
    words: impl IntoIterator<Item = &'w str> + Clone,
) -> Result<(), QueryError> {
    if found.is_empty() || words.clone().into_iter().any(|word| word == found) {
        return Ok(());
    }
    Err(unknown(field, found, words))
}

/// The refusal of a word that is none of these.
pub fn unknown<'w>(field: &'static str, found: &str, words: impl IntoIterator<Item = &'w str> + Clone) -> QueryError {
    let nearest = nearest(found, words.clone()).map(str::to_owned);
    let words = words.into_iter().map(str::to_owned).collect();
    QueryError::UnknownWord { field, found: found.chars().take(64).collect(), nearest, words }
}

/// The nearest name as a question, or how the sentence ends without one.
pub(crate) fn did_you_mean(nearest: &Option<String>, otherwise: &str) -> String {
    nearest.as_ref().map_or_else(|| otherwise.to_owned(), |name| format!("; did you mean {name}?"))
}

//! Texts of cells: how they are compared, and which of them mean that there is nothing.

use std::collections::HashSet;

/// A text as it is compared: without outer white space and, if asked for, in lower case.
pub(crate) fn fold(text: &str, ignore_case: bool) -> String {
    let text = text.trim();
    if ignore_case { text.to_lowercase() } else { text.to_owned() }
}

/// The texts that mean "nothing here": whole cells, and openings of cells (`N/A -*`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Markers {
    whole: HashSet<String>,
    openings: Vec<String>,
    ignore_case: bool,
}

impl Markers {
    pub(crate) fn new<'m>(texts: impl IntoIterator<Item = &'m String>, ignore_case: bool) -> Self {
        let mut markers = Self { ignore_case, ..Self::default() };
        for text in texts {
            match text.strip_suffix('*') {
                Some(opening) => markers.openings.push(fold(opening, ignore_case)),
                None => {
                    markers.whole.insert(fold(text, ignore_case));
                }
            }
        }
        markers
    }

    /// Whether a cell says nothing: blank, or one of the markers.
    pub(crate) fn is_empty(&self, cell: &str) -> bool {
        let text = fold(cell, self.ignore_case);
        text.is_empty()
            || self.whole.contains(&text)
            || self.openings.iter().any(|opening| text.starts_with(opening.as_str()))
    }
}

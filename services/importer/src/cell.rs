//! Texts of cells: how they are compared, and which of them mean that there is nothing.

use std::borrow::Cow;
use std::collections::HashSet;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A text without what cannot be seen: composed (Unicode NFC), without zero-width spaces, soft
/// hyphens and outer white space.
pub(crate) fn normalised(text: &str) -> Cow<'_, str> {
    let visible =
        if text.contains(is_invisible) { Cow::Owned(text.replace(is_invisible, "")) } else { Cow::Borrowed(text) };
    if is_nfc(&visible) {
        match visible {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        }
    } else {
        Cow::Owned(visible.trim().nfc().collect())
    }
}

/// Characters that no script needs and that programs leave behind: soft hyphen, zero-width space,
/// word joiner, byte order mark. Joiners and marks of direction belong to scripts and are kept.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}')
}

/// A text as it is compared: [`normalised`] and, if asked for, in lower case.
pub(crate) fn fold(text: &str, ignore_case: bool) -> String {
    let text = normalised(text);
    if ignore_case { text.to_lowercase() } else { text.into_owned() }
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

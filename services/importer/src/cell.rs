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
    /// Whether these can be markers: what is blank is empty without being listed.
    pub(crate) fn are_texts(texts: &[String]) -> bool {
        texts.iter().all(|text| !normalised(text.trim_end_matches('*')).is_empty())
    }

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

/// The items of a list as Python or JSON writes it: in square brackets, parted by commas, each in
/// quotes of either kind or bare. `None` for a text of another form.
pub(crate) fn listed(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (item, after) = match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => quoted(&rest[1..], quote)?,
            _ => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        if !item.is_empty() {
            items.push(item);
        }
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(items)
}

/// The text up to a closing quote, and what stands behind it. A backslash takes the next character
/// for itself.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut item = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => item.push(characters.next()?.1),
            _ if character == quote => return Some((item.trim().to_owned(), &text[at + quote.len_utf8()..])),
            _ => item.push(character),
        }
    }
    None
}

/// Whether a text holds an e-mail address, as people write them (RFC 5322, section 3.4.1, without
/// quoted local parts and domain literals).
pub(crate) fn holds_address(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| {
        let local = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "._%+-".contains(c));
        let end = text[at + 1..].find(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.'));
        let domain = &text[at + 1..end.map_or(text.len(), |end| at + 1 + end)];
        let (host, top) = domain.trim_end_matches('.').rsplit_once('.').unwrap_or_default();
        local && !host.is_empty() && top.chars().count() >= 2 && top.chars().all(char::is_alphabetic)
    })
}

//! Free text, and titles.

use std::{fmt, ops::Deref, str::FromStr};

use crate::{ParseError, SealedText, deceives};

/// A text someone wrote: never empty or blank, at most [`Text::MAX`] bytes, and without control
/// characters other than tab, line feed and carriage return, so that showing it on a terminal is
/// harmless.
///
/// A text that begins with `sealed:` is a [`SealedText`], or it is no text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(String);

impl Text {
    /// The longest text in bytes (16 KiB). What is longer is a document: keep it outside and
    /// attach it as evidence.
    pub const MAX: usize = 16 * 1024;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is sealed in it, if it is a sealed text.
    pub fn sealed(&self) -> Option<SealedText> {
        self.0.starts_with(SealedText::PREFIX).then(|| self.0.parse().ok()).flatten()
    }
}

impl TryFrom<String> for Text {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        if text.trim().is_empty() {
            return Err(ParseError::Empty { what: "text" });
        }
        if text.len() > Self::MAX {
            return Err(ParseError::TooLong { what: "text", max: Self::MAX, found: text.len() });
        }
        if let Some(found) = text.chars().find(|&c| c.is_control() && !"\t\n\r".contains(c)) {
            return Err(ParseError::Character {
                what: "text",
                found,
                allowed: "tab, line feed, carriage return and what can be printed",
            });
        }
        if text.starts_with(SealedText::PREFIX) {
            text.parse::<SealedText>()?;
        }
        Ok(Self(text))
    }
}

impl FromStr for Text {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.to_owned().try_into()
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

text_form!(Text, "a text that isn't blank", {
    "minLength": 1,
    "maxLength": Text::MAX,
    "allOf": [
        { "pattern": "\\S" },
        { "not": { "pattern": "[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]" } },
        { "anyOf": [{ "not": { "pattern": "^sealed:" } }, { "pattern": "^sealed:0INWogEYGARQ[A-Za-z0-9_-]{66,}$" }] },
    ],
});

/// A title or a name: a [`Text`] of one line in which every character is what it seems
/// ([`deceives`]). Lists and dialogs show it without the rest, so nothing in it may be out of sight.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Title(Text);

impl TryFrom<Text> for Title {
    type Error = ParseError;

    fn try_from(text: Text) -> Result<Self, ParseError> {
        Self::honest(&text)?;
        Ok(Self(text))
    }
}

impl Title {
    /// Whether a text could stand in a title.
    ///
    /// # Errors
    /// [`ParseError::Deceiving`], with the first character that is not what it seems.
    pub fn honest(text: &str) -> Result<(), ParseError> {
        match (1..).zip(text.chars()).find(|(_, c)| deceives(*c)) {
            Some((position, found)) => Err(ParseError::Deceiving { what: "title or name", found, position }),
            None => Ok(()),
        }
    }
}

impl FromStr for Title {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::honest(text)?;
        text.parse().map(Self)
    }
}

impl From<Title> for Text {
    fn from(title: Title) -> Self {
        title.0
    }
}

impl From<Title> for String {
    fn from(title: Title) -> Self {
        title.0.into()
    }
}

impl Deref for Title {
    type Target = Text;

    fn deref(&self) -> &Text {
        &self.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

text_form!(Title, "a title or a name: one line, in which every character can be seen", {
    "minLength": 1,
    "maxLength": Text::MAX,
    "allOf": [
        { "pattern": "\\S" },
        { "not": { "pattern": DECEIVING } },
        { "anyOf": [{ "not": { "pattern": "^sealed:" } }, { "pattern": "^sealed:0INWogEYGARQ[A-Za-z0-9_-]{66,}$" }] },
    ],
});

/// What [`deceives`], as a class of a regular expression (ECMA-262). Those beyond U+FFFF stand as
/// they are, since there is no one way to escape them.
const DECEIVING: &str = "[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]";

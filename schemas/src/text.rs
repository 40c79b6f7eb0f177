//! Free text.

use std::{fmt, ops::Deref, str::FromStr};

use crate::{ParseError, SealedText};

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

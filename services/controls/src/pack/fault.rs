//! What is wrong with a pack.

use std::fmt;

/// Something that is wrong with a pack, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PackFault {
    /// The line, from 1 on.
    pub line: usize,
    /// The byte of the line, from 1 on.
    pub column: usize,
    /// The control that it is in.
    pub control: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for PackFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if let Some(control) = &self.control {
            write!(f, "control {control}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl PackFault {
    /// A fault at a byte of the text.
    pub(crate) fn at(text: &str, byte: usize, message: impl Into<String>) -> Self {
        let before = text.get(..byte.min(text.len())).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, str::len) + 1;
        Self { line, column, control: None, message: message.into() }
    }

    pub(super) fn of(mut self, control: &str) -> Self {
        self.control = Some(control.to_owned());
        self
    }
}

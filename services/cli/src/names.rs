//! Names as they are written on the command line: one that is none is wrong use, before anything is
//! asked.

use probity_schemas::{NamespacePattern, ParseError};

/// A namespace such as `credit`, or `credit/*` for all within it, or nothing.
pub(crate) fn namespace(text: &str) -> Result<String, ParseError> {
    checked::<NamespacePattern>(text)
}

fn checked<T: std::str::FromStr<Err = ParseError> + ToString>(text: &str) -> Result<String, ParseError> {
    if text.is_empty() { Ok(String::new()) } else { text.parse().map(|name: T| name.to_string()) }
}

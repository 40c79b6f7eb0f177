//! Names as they are written on the command line: one that is none is wrong use, before anything is
//! asked.

use probity_schemas::{Identity, NamespacePattern, ParseError, Subject, SubjectKind};

/// A subject such as `model:credit/pd-scorecard`, or nothing.
pub(crate) fn subject(text: &str) -> Result<String, ParseError> {
    checked::<Subject>(text)
}

/// An identity such as `person:<uuid>`, or nothing.
pub(crate) fn identity(text: &str) -> Result<String, ParseError> {
    checked::<Identity>(text)
}

/// A namespace such as `credit`, or `credit/*` for all within it, or nothing.
pub(crate) fn namespace(text: &str) -> Result<String, ParseError> {
    checked::<NamespacePattern>(text)
}

/// A model such as `credit/pd-scorecard`, with or without `model:` before it.
pub(crate) fn model(text: &str) -> Result<String, ParseError> {
    if text.contains(':') { subject(text) } else { subject(&format!("model:{text}")) }
}

/// A node of the lineage: a subject, or something else such as `code:<commit>` or a digest, which
/// the server reads.
pub(crate) fn node(text: &str) -> Result<String, ParseError> {
    let kind = text.split_once(':').and_then(|(kind, _)| kind.parse::<SubjectKind>().ok());
    if kind.is_some() { subject(text) } else { Ok(text.to_owned()) }
}

fn checked<T: std::str::FromStr<Err = ParseError> + ToString>(text: &str) -> Result<String, ParseError> {
    if text.is_empty() { Ok(String::new()) } else { text.parse().map(|name: T| name.to_string()) }
}

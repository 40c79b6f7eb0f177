//! Control packs as they are published: which namespaces they are adopted for, and their text.
//!
//! What a pack asks for is read by `probity_controls`. The door looks at no more than what is here, so that a pack in a
//! later form of the language is no reason to refuse a statement.

use probity_schemas::{Document, NamespacePattern};

/// The field that names the namespaces for which a pack is adopted; all of them where it is absent.
pub const NAMESPACES: &str = "namespaces";
/// The field that holds a pack's text.
pub const TEXT: &str = "text";

/// The namespaces for which a pack is adopted. What cannot be read is taken for all of them, so that whoever publishes it
/// needs a say everywhere.
#[must_use]
pub fn namespaces(pack: &Document) -> Vec<NamespacePattern> {
    let named = pack.get(NAMESPACES).and_then(|named| named.as_array());
    let patterns: Option<Vec<NamespacePattern>> =
        named.and_then(|named| named.iter().map(|pattern| pattern.as_str()?.parse().ok()).collect());
    patterns.filter(|patterns| !patterns.is_empty()).unwrap_or_else(|| vec![NamespacePattern::All])
}

/// A pack's text; empty where there is none.
#[must_use]
pub fn text(pack: &Document) -> &str {
    pack.get(TEXT).and_then(|text| text.as_str()).unwrap_or_default()
}

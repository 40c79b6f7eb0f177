//! What lists are narrowed to, read from what was asked.

use probity_proto::v1;
use probity_query::QueryError;
use probity_schemas::NamespacePattern;

use crate::facets::{attribute, words};

/// The longest text to look for, in bytes, and the most words in it.
const MAX_TEXT: usize = 512;
const MAX_WORDS: usize = 16;

/// What a list is narrowed to.
#[derive(Debug, Default)]
pub struct Filter {
    pub(crate) namespace: Option<NamespacePattern>,
    pub(crate) facets: Vec<(String, String)>,
    pub(crate) words: Vec<String>,
}

impl Filter {
    /// Reads a filter. Those properties come first that tell most apart.
    ///
    /// # Errors
    /// A namespace or a user's own field is not written as one, or the text is too long.
    pub fn of(filter: v1::InventoryFilter) -> Result<Self, QueryError> {
        let namespace = namespace(&filter.namespace)?;
        let mut facets = Vec::new();
        let mut facet = |property: &str, value: String| {
            if !value.is_empty() {
                facets.push((property.to_owned(), value));
            }
        };
        facet("owner", filter.owner);
        match filter.attribute.split_once('=') {
            Some((name, value)) => facet(&format!("attribute:{name}"), attribute(value).into_owned()),
            None if filter.attribute.is_empty() => {}
            None => {
                let reason = "write name=value".to_owned();
                return Err(QueryError::Invalid { field: "filter.attribute", reason });
            }
        }
        facet("supplier", filter.supplier);
        facet("class", filter.class);
        facet("jurisdiction", filter.jurisdiction);
        facet("environment", filter.environment);
        facet("state", filter.state);
        let refused = |reason: String| QueryError::Invalid { field: "filter.text", reason };
        if filter.text.len() > MAX_TEXT {
            return Err(refused(format!("it has {} bytes, at most {MAX_TEXT} are looked for", filter.text.len())));
        }
        let words: Vec<String> = words(&filter.text).collect();
        if words.len() > MAX_WORDS {
            return Err(refused(format!("it has {} words, at most {MAX_WORDS} are looked for", words.len())));
        }
        Ok(Self { namespace, facets, words })
    }

    /// A filter by these properties; those without a value do not count.
    ///
    /// # Errors
    /// The namespace is not written as one.
    pub fn by(namespace_of: &str, properties: &[(&str, &str)]) -> Result<Self, QueryError> {
        let given = properties.iter().filter(|(_, value)| !value.is_empty());
        let facets = given.map(|(property, value)| ((*property).to_owned(), (*value).to_owned())).collect();
        Ok(Self { namespace: namespace(namespace_of)?, facets, words: Vec::new() })
    }
}

/// A namespace or all within it; `None` for no limit.
///
/// # Errors
/// It is neither.
pub fn namespace(text: &str) -> Result<Option<NamespacePattern>, QueryError> {
    let invalid = |error| QueryError::Invalid { field: "namespace", reason: format!("{error}") };
    match text {
        "" | "*" => Ok(None),
        text => text.parse().map(Some).map_err(invalid),
    }
}

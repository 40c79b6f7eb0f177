//! The files that are made from the Rust types, as paths and contents.

use std::collections::BTreeMap;

use probity_schemas::{EventError, catalogue};
use serde::Serialize;

#[path = "grammar.rs"]
mod grammar;
#[path = "page.rs"]
mod page;

/// The folders that hold generated files and nothing else.
pub(crate) const FOLDERS: [&str; 2] = ["schemas/json", "schemas/samples"];
/// The page for people.
pub(crate) const PAGE: &str = "ops/reference/events.md";
/// The grammar of what events say.
pub(crate) const GRAMMAR: &str = "schemas/cddl/data.cddl";

/// Every generated file by its path within the repository.
pub(crate) fn files() -> Result<BTreeMap<String, String>, EventError> {
    let mut files = BTreeMap::from([(PAGE.to_owned(), page::page()?), (GRAMMAR.to_owned(), grammar::grammar())]);
    for info in catalogue() {
        let mut schema = info.json_schema().to_value();
        // The order of keys must not hang on which features other crates ask of serde_json.
        schema.sort_all_objects();
        files.insert(format!("schemas/json/{}.v{}.json", info.event_type, info.version), pretty(&schema)?);
        // Of several versions the last one is shown.
        for (label, sample) in info.samples() {
            let label = label.map(|label| format!(".{label}")).unwrap_or_default();
            files.insert(format!("schemas/samples/{}{label}.json", info.event_type), pretty(&sample?)?);
        }
    }
    Ok(files)
}

fn pretty(value: &impl Serialize) -> Result<String, EventError> {
    let mut text = serde_json::to_string_pretty(value).map_err(EventError::Json)?;
    text.push('\n');
    Ok(text)
}

//! The files that are made from the Rust types, as paths and contents.

use std::collections::BTreeMap;

use probity_schemas::{EventError, catalogue};
use serde::Serialize;

/// Every generated file by its path within the crate.
pub(crate) fn files() -> Result<BTreeMap<String, String>, EventError> {
    let mut files = BTreeMap::new();
    for info in catalogue() {
        let mut schema = info.json_schema().to_value();
        // The order of keys must not hang on which features other crates ask of serde_json.
        schema.sort_all_objects();
        files.insert(format!("json/{}.v{}.json", info.event_type, info.version), pretty(&schema)?);
        // Of several versions the last one is shown.
        files.insert(format!("samples/{}.json", info.event_type), pretty(&info.sample()?)?);
    }
    Ok(files)
}

fn pretty(value: &impl Serialize) -> Result<String, EventError> {
    let mut text = serde_json::to_string_pretty(value).map_err(EventError::Json)?;
    text.push('\n');
    Ok(text)
}

//! What can be filled in at a terminal.

mod path;

use anyhow::Result;
use probity_schemas::{Clock, SystemClock, TypeInfo};
use probity_terminal::wrong_use;

pub(crate) use path::{Path, is_missing, put};
pub(crate) use probity_schemas::written::{Field, FieldShape, Word, doc_of, each_name, fit, of_type, settle, stand_in};

/// The newest version of the type of this name.
pub(crate) fn info_of(event_type: &str) -> Result<&'static TypeInfo> {
    probity_schemas::newest(event_type).map_err(|error| wrong_use!("{error}"))
}

/// A time as people write it, in Unix milliseconds.
pub(crate) fn moment(text: &str) -> Result<u64> {
    let value = fit(&FieldShape::Time, text, SystemClock.now_ms()).map_err(|error| wrong_use!("{error}"))?;
    value.as_u64().ok_or_else(|| wrong_use!("{text:?} is not {}", FieldShape::Time.in_words()))
}

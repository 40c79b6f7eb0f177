//! What is known of each thing: records, each with the tables that hold it, and what they say of themselves.

pub(crate) mod datasets;
pub(crate) mod endpoints;
pub(crate) mod models;
pub(crate) mod monitors;
pub(crate) mod open_items;
pub(crate) mod uses;
pub(crate) mod values;
pub(crate) mod versions;

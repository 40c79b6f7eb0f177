//! What each event changes in the records, and in the indexes behind lists and counts.

pub(crate) mod datasets;
pub(crate) mod deployments;
pub(crate) mod models;
pub(crate) mod monitors;
pub(crate) mod open_items;
pub(crate) mod uses;
pub(crate) mod values;
pub(crate) mod versions;

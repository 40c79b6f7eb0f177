//! Verdicts: whether the record supports the controls of the packs that are in force.
//!
//! They are worked out when they are asked for, from the facts that the view keeps, so that any moment can be asked about
//! and the passing of time needs no event. [`adopted`] finds the packs, [`gather`] what is known of a version,
//! [`list`] and [`explain`] answer.

pub(crate) mod adopted;
pub(crate) mod explain;
pub(crate) mod gather;
pub(crate) mod list;

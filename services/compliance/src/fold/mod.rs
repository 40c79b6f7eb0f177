//! What each event changes in the records, and what is judged again because of it.

pub(crate) mod approvals;
pub(crate) mod authority;
pub(crate) mod dossiers;
pub(crate) mod endpoints;
pub(crate) mod exceptions;
pub(crate) mod items;
pub(crate) mod packs;
pub(crate) mod proposals;
pub(crate) mod subjects;

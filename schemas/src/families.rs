//! The families of types, one file each.

pub mod authority;
pub mod import;
pub mod ledger;
pub mod model;
pub mod policy;
pub mod shared;
pub mod usecase;

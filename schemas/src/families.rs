//! The families of types, one file each.

pub mod approval;
pub mod authority;
pub mod data;
pub mod deployment;
pub mod evidence;
pub mod import;
pub mod incident;
pub mod ledger;
pub mod model;
pub mod policy;
pub mod retirement;
pub mod risk;
pub mod shared;
pub mod training;
pub mod usecase;
pub mod validation;

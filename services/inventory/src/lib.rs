//! The inventory: what use cases, models, versions, datasets and endpoints there are, in what state, where versions run,
//! who owns them; with their monitors, issues, incidents, value and cost.
//!
//! [`InventoryProjector`] folds the log into records and the indexes behind lists and counts; [`query`] answers from a
//! view; [`InventoryHandler`] does so over gRPC. Nothing here judges whether what runs may run: that is compliance's.

mod answers;
mod catalogue;
mod datasets;
mod deployments;
mod dossier;
mod facets;
mod matters;
mod models;
mod monitors;
mod projector;
pub mod query;
mod service;
mod uses;
mod values;
mod versions;

pub use projector::InventoryProjector;
pub use service::InventoryHandler;

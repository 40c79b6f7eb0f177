//! The inventory: what use cases, models, versions, datasets and endpoints there are, in what state, where versions run,
//! who owns them; with their monitors, issues, incidents, value and cost.
//!
//! [`InventoryProjector`] folds the log into records and the indexes behind lists and counts; [`query`] answers from a
//! view; [`InventoryHandler`] does so over gRPC. Nothing here judges whether what runs may run: that is compliance's.

mod answers;
mod asked;
mod dossier;
mod facets;
mod filter;
mod fold;
mod projector;
pub mod query;
mod records;
mod service;
mod sight;

use probity_projection::Projector as _;
use probity_proto::v1::inventory_service_server::InventoryServiceServer;
use probity_query::ViewSpec;
use tonic::server::NamedService as _;

pub use dossier::dossier;
pub use projector::InventoryProjector;
pub use service::InventoryHandler;

/// The view as a server offers it.
pub const VIEW: ViewSpec = ViewSpec {
    name: InventoryProjector::NAME,
    about: "what models there are and where they run",
    service: InventoryServiceServer::<InventoryHandler>::NAME,
    follow: ViewSpec::follow::<InventoryProjector>,
    serve: |routes, context| routes.add_service(InventoryServiceServer::new(InventoryHandler::new(context))),
};

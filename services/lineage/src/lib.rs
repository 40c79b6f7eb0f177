//! What comes from what, folded from the log: datasets, code, environments, training runs, models and their versions,
//! base models, endpoints, use cases, consumers.
//!
//! [`LineageProjector`] folds statements into a graph, [`walk`], [`find_path`] and [`impact`] ask it, and
//! [`LineageHandler`] does so for gRPC callers. What a statement says becomes edges that cite it; what is taken back or
//! ends stays there as ended. Nothing here judges whether a descent is a problem, and no time but that of the statements
//! is looked at.
//!
//! # What counts as the same thing
//!
//! A digest that a dataset or a version registers, and the dataset or version, are one thing, whichever was named first;
//! so are models that are linked as the same or renamed. Things that register the same digest hold the same bytes: what
//! comes from one comes from the other.
//!
//! A version belongs to its model. What comes from a model comes from any of its versions, and a flaw of a model is one of
//! all of them; but a version does not come from its sisters, although all lead to those who use the model as a whole.
//!
//! # What a caller sees
//!
//! A subject is seen by who holds a role in its namespace; a digest, run, commit or reference by who may see a subject
//! whose statements named it. Whoever asks for what they may not see is told that there is no such thing. A walk goes
//! *through* what the caller may not see, since a descent of one's own model that was cut there would be worse than
//! knowing that something lies between: it is shown as `hidden:1`, `hidden:2` and so on, in the order of the answer, with
//! its kind and nothing else, and only where it touches something that the caller may see or lies on the way there.

mod asking;
mod endpoints;
mod facts;
mod graph;
mod impact;
mod names;
mod ownership;
mod path;
mod projector;
mod search;
mod service;
mod sight;
mod telling;
mod walk;

use probity_projection::Projector as _;
use probity_proto::v1::lineage_service_server::LineageServiceServer;
use probity_query::ViewSpec;
use tonic::server::NamedService as _;

pub use impact::{Totals, impact};
pub use path::find_path;
pub use projector::LineageProjector;
pub use service::LineageHandler;
pub use walk::walk;

/// The view as a server offers it.
pub const VIEW: ViewSpec = ViewSpec {
    name: LineageProjector::NAME,
    about: "what descends from what",
    service: LineageServiceServer::<LineageHandler>::NAME,
    follow: ViewSpec::follow::<LineageProjector>,
    serve: |routes, context| routes.add_service(LineageServiceServer::new(LineageHandler::new(context))),
};

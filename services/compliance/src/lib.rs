//! Compliance, the basics: the standing questions, and what waits for whom.
//!
//! Facts are never refused at the door; here they are judged. Whatever a standing question finds is a *deficiency*: it
//! begins at a moment that may lie ahead (an approval that will have expired) and may end by itself. Deficiencies are
//! worked out again when something they rest on is recorded, never when they are asked for, so that asking is cheap and
//! the moment asked about can be any.
//!
//! [`ComplianceProjector`] folds, [`query`] and [`inbox`] answer from a view, [`ComplianceHandler`] does so over gRPC.
//! Acts were judged at the door by admission and are not judged again here. Whether what serves is covered, and until
//! when, is asked of the same evaluator that the door asks: `probity_domain`.

mod facts;
mod fold;
mod gate;
pub mod inbox;
mod judging;
mod known;
mod projector;
pub mod query;
mod records;
mod service;
mod verdicts;

use probity_projection::Projector as _;
use probity_proto::v1::compliance_service_server::ComplianceServiceServer;
use probity_query::ViewSpec;
use tonic::server::NamedService as _;

pub use probity_controls::Question;
pub use projector::ComplianceProjector;
pub use service::ComplianceHandler;

/// The view as a server offers it.
pub const VIEW: ViewSpec = ViewSpec {
    name: ComplianceProjector::NAME,
    about: "what is in order and what waits for whom",
    service: ComplianceServiceServer::<ComplianceHandler>::NAME,
    follow: ViewSpec::follow::<ComplianceProjector>,
    serve: |routes, context| routes.add_service(ComplianceServiceServer::new(ComplianceHandler::new(context))),
};

//! Who did what, when, to what, on whose behalf, with which evidence; and what was known when.
//!
//! [`AuditProjector`] keeps every statement with the lists that lead to it; [`timeline`], [`serving`] and [`versions`]
//! answer from them, and [`AuditHandler`] does so over gRPC. Two clocks run through all of it: when something is said to
//! have happened, which may be an interval or unknown, and when it was recorded, which is the order of the log.
//!
//! Nothing here judges an event, and nothing is ever taken out: a correction stands beside what it corrects. An event
//! whose subject is outside of what a caller may see is not there for that caller.

mod called;
mod corrections;
mod entered;
mod handler;
mod layout;
mod lists;
mod people;
mod phrases;
mod projector;
pub mod serving;
mod summary;
pub mod timeline;
pub mod versions;

use probity_projection::Projector as _;
use probity_proto::v1::audit_service_server::AuditServiceServer;
use probity_query::ViewSpec;
use tonic::server::NamedService as _;

pub use handler::AuditHandler;
pub use projector::AuditProjector;
pub use summary::summary;

/// The view as a server offers it.
pub const VIEW: ViewSpec = ViewSpec {
    name: AuditProjector::NAME,
    about: "who did what and when",
    service: AuditServiceServer::<AuditHandler>::NAME,
    follow: ViewSpec::follow::<AuditProjector>,
    serve: |routes, context| routes.add_service(AuditServiceServer::new(AuditHandler::new(context))),
};

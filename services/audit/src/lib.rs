//! Who did what, when, to what, on whose behalf, with which evidence; and what was known when.
//!
//! [`AuditProjector`] keeps every statement with the lists that lead to it; [`timeline`], [`serving`] and [`versions`]
//! answer from them, and [`AuditHandler`] does so over gRPC. Two clocks run through all of it: when something is said to
//! have happened, which may be an interval or unknown, and when it was recorded, which is the order of the log.
//!
//! Nothing here judges an event, and nothing is ever taken out: a correction stands beside what it corrects. An event
//! whose subject is outside of what a caller may see is not there for that caller.

mod corrections;
mod entered;
mod handler;
mod layout;
mod lists;
mod phrases;
mod projector;
pub mod serving;
mod summary;
pub mod timeline;
pub mod versions;

pub use handler::AuditHandler;
pub use projector::AuditProjector;
pub use summary::summary;

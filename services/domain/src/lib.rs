//! What events mean, written once.
//!
//! Admission asks "does it hold now" before it lets an act in; a view asks "from when until when, and
//! why does it end". Both get their answer here: the [`Evaluator`] decides whether a version may
//! serve for a purpose, [`authority`] who holds which role with which key, [`effects()`] what a
//! statement says of a model, a version or its data, and [`serving`] which version serves where.
//!
//! Nothing here reads a clock, a file or a network, and nothing here stores: the evaluator asks a
//! [`Facts`] for what was recorded.

pub mod approvals;
pub mod authority;
pub mod corrections;
pub mod effects;
pub mod evaluator;
pub mod exceptions;
pub mod facts;
mod faults;
pub mod gates;
pub mod gathering;
pub mod ids;
pub mod lapse;
pub mod lifecycle;
pub mod named;
pub mod packs;
pub mod plans;
pub mod references;
pub mod served;
pub mod serving;
pub mod signed;
mod steps;
pub mod subjects;
pub mod timeline;
pub mod verdict;

pub use effects::{Effect, effects};
pub use evaluator::Evaluator;
pub use facts::Facts;
pub use gates::{Gate, Gates};
pub use ids::{DatasetId, EndpointId, ModelId, UseCaseId, VersionId};
pub use lapse::{End, Lapse};
pub use references::Referent;
pub use signed::{Actors, At, Signed, SignedBy};
pub use timeline::Timeline;
pub use verdict::{Asking, Bytes, Denial, Ground, Pass, Purpose, Use, Verdict};

//! What is derived from the log and can be thrown away.
//!
//! A [`Projector`] folds statements into a [`View`]: ordered keys and records, and the [`Cursor`] up to which the log is
//! folded into them, written together, so that a crash neither skips nor repeats a block. A [`Follower`] reads
//! the log once, checks every block and feeds several views. A [`ViewReader`] asks one view. Nothing here is a source of truth,
//! nothing here judges, and nothing here knows how a question travels or who asks it.

mod batch;
mod cbor;
mod folder;
mod follower;
mod generations;
mod group;
mod in_order;
mod kept;
mod log_end;
mod packed;
mod projector;
mod reading;
mod record;
mod recorded;
mod references;
mod roster;
mod stated;
mod statements;
mod store;
mod subjects;
#[cfg(feature = "testing")]
pub mod testing;

pub use batch::Batch;
pub use cbor::Cbor;
pub use follower::{FollowError, Follower, Following, Source};
pub use generations::{Generation, Generations};
pub use in_order::{InOrder, Steps};
pub use kept::{Gathering, SPAN};
pub use packed::Packed;
pub use probity_domain::Referent;
pub use projector::{ProjectionError, Projector};
pub use reading::{AsOf, Health, NotThere, ViewPosition, ViewReader};
pub use record::{Key, Parts, Record, RecordError, Table};
pub use recorded::{Provenance, Recorded};
pub use stated::Stated;
pub use statements::Statements;
pub use store::{Cursor, Store, StoreError, View, Work, Writes};
pub use subjects::Subjects;

//! What is derived from the log and can be thrown away.
//!
//! A [`View`] holds ordered keys and values together with the [`Cursor`] up to which the log is folded into them; both
//! are written in one atomic batch, so that a crash neither skips nor repeats a block. Nothing here is a source of truth.

mod batch;
mod store;

pub use batch::Batch;
pub use store::{Cursor, Store, StoreError, View};

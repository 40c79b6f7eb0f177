//! The contract of a projector: how one statement changes one view.

use crate::batch::Batch;
use crate::recorded::Recorded;
use crate::store::StoreError;

/// Folds statements into a view.
///
/// The log is the truth and the view is disposable: whatever a projector writes must follow from the statements up to
/// there and nothing else (no clock, no random source, nothing kept from another run), so that a view that is folded
/// again has the same keys and values. It may keep what it likes in memory, but must not need it.
///
/// It judges nothing at the door: what is in the log was admitted. What it does not understand it leaves alone.
pub trait Projector: Default + Send + 'static {
    /// The name of the view.
    const NAME: &'static str;
    /// The layout of the view. A higher number rebuilds it beside the old one.
    const VERSION: u32;

    /// Takes in the next statement.
    ///
    /// # Errors
    /// The view could not be read, or holds what this version did not write: it halts, and answers say why.
    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError>;
}

/// Why a statement could not be folded into a view.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The store failed, or holds a record that is not readable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A statement could not be folded: the view halts before it.
    #[error("the statement at index {index} could not be folded: {source}")]
    Statement {
        /// Its position in the log.
        index: u64,
        /// Why not.
        source: Box<ProjectionError>,
    },
}

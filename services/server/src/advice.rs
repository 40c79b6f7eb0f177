//! What to do about a log that does not open.

use std::path::Path;

use probity_ledger::with_causes;
use probity_log::{AnchorError, OpenError};

/// The error of a log that does not open, with what a person can do about it.
pub(super) fn does_not_open(error: OpenError, directory: &Path) -> anyhow::Error {
    let place = directory.display();
    let advice = match &error {
        OpenError::NoAnchor { .. } => format!(
            "Put the anchor back. If it is lost, take a checkpoint of this ledger that you trust, such as one kept by a \
             mirror or an auditor, and run: probity init {place} --join CHECKPOINT"
        ),
        OpenError::Anchor(AnchorError::Damaged { path }) => format!(
            "Move {} away, take a checkpoint of this ledger that you trust, such as one kept by a mirror or an auditor, \
             and run: probity init {place} --join CHECKPOINT",
            path.display()
        ),
        OpenError::BehindAnchor { .. } => format!(
            "Statements that were acknowledged are missing, as after restoring an older backup. Nothing was changed. \
             Bring back {place}/log as it was last; the anchor is right"
        ),
        OpenError::Segment { .. }
        | OpenError::Damaged { .. }
        | OpenError::DisagreesWithAnchor { .. }
        | OpenError::Unverified { .. }
        | OpenError::Tree(_) => format!(
            "Nothing was changed. Keep these files, bring back {place}/log from a backup that is as new as the anchor, \
             and check it first: probity verify {place}"
        ),
        _ => return anyhow::Error::new(error).context("the ledger does not open"),
    };
    anyhow::anyhow!("the ledger does not open: {}\n{advice}", with_causes(&error))
}

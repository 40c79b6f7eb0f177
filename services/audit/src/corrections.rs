//! Which corrections of an event count.
//!
//! The view keeps those that their issuer made of their own facts; what others say of an event is an answer like any
//! other. Corrections are not corrected themselves.

use std::collections::BTreeMap;

use probity_projection::{Parts, StoreError, View};

use crate::layout::{self, CORRECTIONS, Correction, EventHead, MOVED, whole};

/// What the issuer of the event at `index` corrected about it among the first `known` statements.
pub(crate) fn of(view: &View, index: u64, known: u64) -> Result<Vec<Correction>, StoreError> {
    let mut counting = Vec::new();
    for pair in view.scan_after(&layout::corrections_key(index), None) {
        let correction = CORRECTIONS.decode(&pair?.1)?;
        if correction.index >= known {
            break;
        }
        counting.push(correction);
    }
    Ok(counting)
}

/// What became of an event among the first `known` statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Correctness {
    /// Its issuer says that it never happened.
    pub(crate) voided: bool,
    /// What it is about in truth, if something else than it says.
    pub(crate) subject: Option<String>,
}

impl Correctness {
    /// Whether it counts no more for what it said of its subject.
    pub(crate) fn is_taken_back(&self) -> bool {
        self.voided || self.subject.is_some()
    }

    /// What became of the event at `index`.
    pub(crate) fn of(view: &View, index: u64, known: u64) -> Result<Self, StoreError> {
        let corrections = of(view, index, known)?;
        let voided = corrections.iter().any(|correction| correction.voids);
        let subject = corrections.into_iter().rev().find_map(|correction| correction.new_subject);
        Ok(Self { voided, subject })
    }
}

/// The events that corrections among the first `known` statements say are about `subject` (without a version: or one of
/// its versions), by index.
pub(crate) fn moved_to(view: &View, subject: &str, known: u64) -> Result<BTreeMap<u64, EventHead>, StoreError> {
    let mut found = BTreeMap::new();
    for pair in view.scan_after(&layout::moved_key(subject), None) {
        let (key, value) = pair?;
        let mut parts = Parts::of(&key);
        let (_, index, correction) = (parts.text(), parts.number(), parts.number());
        let (Some(index), Some(correction)) = (index, correction) else { continue };
        let counts = correction < known && matches(subject, &MOVED.decode(&value)?);
        if counts && !found.contains_key(&index) {
            found.extend(layout::head(view, index)?.map(|head| (index, head)));
        }
    }
    Ok(found)
}

/// Whether `found` is what is asked for: the subject itself, or any of its versions where no version is asked for.
pub(crate) fn matches(asked: &str, found: &str) -> bool {
    asked == found || asked == whole(found)
}

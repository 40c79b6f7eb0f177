//! Which corrections of an event count.
//!
//! Its issuer alone corrects a fact, and nobody corrects an act; what others say of it is an answer like any other. A
//! correction that was voided in its turn does not count.

use std::collections::BTreeMap;

use probity_projection::{StoreError, View};

use crate::layout::{self, CORRECTIONS, Correction, Head, Kept, MOVED, whole};

/// So many corrections of corrections are followed.
const DEPTH: u8 = 8;

/// What has to be known of an event to find its corrections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corrected<'a> {
    id: &'a [u8; 16],
    issuer: &'a str,
    is_act: bool,
}

impl<'a> From<&'a Head> for Corrected<'a> {
    fn from(head: &'a Head) -> Self {
        Self { id: &head.id, issuer: &head.signer, is_act: head.is_act() }
    }
}

impl<'a> From<&'a Kept> for Corrected<'a> {
    fn from(kept: &'a Kept) -> Self {
        Self { id: &kept.id, issuer: &kept.issuer, is_act: kept.is_act }
    }
}

/// What the issuer of an event corrected about it among the first `known` statements.
pub(crate) fn of(view: &View, corrected: Corrected<'_>, known: u64) -> Result<Vec<Correction>, StoreError> {
    within(view, corrected, known, DEPTH)
}

fn within(view: &View, corrected: Corrected<'_>, known: u64, depth: u8) -> Result<Vec<Correction>, StoreError> {
    let Corrected { id, issuer, is_act } = corrected;
    if is_act {
        return Ok(Vec::new());
    }
    let found = view.record(&CORRECTIONS, &layout::corrections_key(id, issuer))?.unwrap_or_default();
    let mut counting = Vec::new();
    for correction in found.into_iter().filter(|correction| correction.index < known && correction.id != *id) {
        let voided = match depth.checked_sub(1) {
            Some(depth) => {
                let own = Corrected { id: &correction.id, issuer, is_act: false };
                within(view, own, known, depth)?.iter().any(|correction| correction.voids)
            }
            None => false,
        };
        if !voided {
            counting.push(correction);
        }
    }
    Ok(counting)
}

/// What became of an event among the first `known` statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fate {
    /// Its issuer says that it never happened.
    pub(crate) voided: bool,
    /// What it is about in truth, if something else than it says.
    pub(crate) subject: Option<String>,
}

impl Fate {
    /// What became of it.
    pub(crate) fn of(view: &View, corrected: Corrected<'_>, known: u64) -> Result<Self, StoreError> {
        let corrections = of(view, corrected, known)?;
        let voided = corrections.iter().any(|correction| correction.voids);
        let subject = corrections.into_iter().rev().find_map(|correction| correction.new_subject);
        Ok(Self { voided, subject })
    }
}

/// The events that corrections among the first `known` statements say are about `subject` (without a version: or one of
/// its versions), by index.
pub(crate) fn moved_to(view: &View, subject: &str, known: u64) -> Result<BTreeMap<u64, Head>, StoreError> {
    let mut found = BTreeMap::new();
    let prefix = layout::moved_key(subject);
    for pair in view.scan_after(&prefix, None) {
        let (key, value) = pair?;
        let Some(id) = key.get(prefix.as_bytes().len()..).and_then(|id| <[u8; 16]>::try_from(id).ok()) else {
            continue;
        };
        let moved = MOVED.decode(&value)?;
        for index in layout::indices_of(view, &id)?.into_iter().filter(|index| *index < known) {
            let Some(head) = layout::head(view, index)? else { continue };
            let says = |correction: &Correction| {
                let said = moved.iter().find(|moved| moved.index == correction.index && moved.issuer == head.signer);
                said.is_some_and(|moved| matches(subject, &moved.subject))
            };
            if of(view, (&head).into(), known)?.iter().any(says) {
                found.insert(index, head);
            }
        }
    }
    Ok(found)
}

/// Whether `found` is what is asked for: the subject itself, or any of its versions where no version is asked for.
pub(crate) fn matches(asked: &str, found: &str) -> bool {
    asked == found || asked == whole(found)
}

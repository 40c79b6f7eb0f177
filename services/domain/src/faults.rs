//! What speaks against a signature: its scope, hands in the version, and what happened since.

use probity_schemas::Identity;

use crate::approvals::{Grant, Signatories};
use crate::lapse::Lapse;
use crate::signed::At;
use crate::subjects::{Model, Version};
use crate::verdict::{Bytes, Purpose, Use};

/// Something that speaks against a signature, from when until when.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) from_ms: u64,
    pub(crate) until_ms: Option<u64>,
    pub(crate) lapse: Lapse,
}

impl Fault {
    pub(crate) fn always(lapse: Lapse) -> Self {
        Self::since(0, lapse)
    }

    pub(crate) fn since(from_ms: u64, lapse: Lapse) -> Self {
        Self { from_ms, until_ms: None, lapse }
    }

    pub(crate) fn holds_at(&self, time_ms: u64) -> bool {
        self.from_ms <= time_ms && self.until_ms.is_none_or(|until| time_ms < until)
    }
}

/// What a signature does not cover, whenever it is asked.
pub(crate) fn out_of_scope(purpose: &Purpose, version: &Version, grant: &Grant) -> Vec<Lapse> {
    let mut lapses = Vec::new();
    let named = match purpose.bytes {
        Bytes::Digest(digest) => grant.digests.contains(&digest),
        Bytes::Unstated => version.artifacts.iter().all(|artifact| grant.digests.contains(&artifact.digest)),
    };
    if !version.artifacts.is_empty() && !named {
        lapses.push(Lapse::OtherDigest);
    }
    let uses = &grant.scope.uses;
    let used = match &purpose.use_case {
        Use::Case(used) => uses.is_empty() || uses.contains(used),
        Use::Unstated => uses.is_empty(),
        Use::Any => true,
    };
    if !used {
        lapses.push(Lapse::OtherUse);
    }
    let environments = &grant.scope.environments;
    let elsewhere = |environment| !environments.is_empty() && !environments.contains(&environment);
    if purpose.environment.is_some_and(elsewhere) {
        lapses.push(Lapse::OtherEnvironment);
    }
    let jurisdictions = &grant.scope.jurisdictions;
    let abroad = |asked: &String| {
        !jurisdictions.is_empty() && !jurisdictions.iter().any(|named| named.as_str().eq_ignore_ascii_case(asked))
    };
    if purpose.jurisdiction.as_ref().is_some_and(abroad) {
        lapses.push(Lapse::OtherJurisdiction);
    }
    lapses
}

/// That somebody who signed had a hand in the version, from when on that is known.
pub(crate) fn hand(version: &Version, persons: &[Identity]) -> Option<Fault> {
    let hand = version.hand_of(persons)?;
    let lapse = Lapse::Involved { person: hand.person.clone(), index: hand.at.index };
    Some(Fault::since(hand.at.time_ms, lapse))
}

/// Four eyes when an approval is used: nobody who signed had a hand in the version. A service that named
/// nobody may have been set in motion by any developer, and by an owner.
pub(crate) fn involved(model: &Model, version: &Version, signatories: &Signatories) -> Option<Fault> {
    if let Some(fault) = hand(version, &signatories.persons) {
        return Some(fault);
    }
    let at = version.anonymous?;
    let lapse = |person: &Identity, from_ms| {
        let lapse = Lapse::Involved { person: person.clone(), index: at.index };
        Fault::since(at.time_ms.max(from_ms), lapse)
    };
    if let Some(developer) = signatories.developers.first() {
        return Some(lapse(developer, 0));
    }
    let owner = model.owners.iter().find(|owner| signatories.persons.contains(&owner.person))?;
    Some(lapse(&owner.person, owner.signed.time_ms))
}

/// What happened after a signature that it does not survive: of each kind the first.
pub(crate) fn disturbances(model: &Model, version: &Version, grant: &Grant) -> Vec<Fault> {
    let since = grant.signed.index;
    let first = |list: &[At]| list.iter().find(|at| at.index > since).copied();
    let mut faults = Vec::new();
    for disturbances in [&model.disturbances, &version.disturbances] {
        let vendor = first(&disturbances.vendor_changed);
        faults.extend(vendor.map(|at| Fault::since(at.time_ms, Lapse::VendorChanged { index: at.index })));
        let changed = first(&disturbances.substantially_changed);
        faults.extend(changed.map(|at| Fault::since(at.time_ms, Lapse::SubstantiallyChanged { index: at.index })));
        let widened = first(&disturbances.use_widened);
        faults.extend(widened.map(|at| Fault::since(at.time_ms, Lapse::UseWidened { index: at.index })));
    }
    // A use that the model came to serve later is only covered if the approval names it.
    if grant.scope.uses.is_empty()
        && let Some((_, at)) = model.linked_uses().find(|(_, at)| at.index > since)
    {
        faults.push(Fault::since(at.time_ms, Lapse::UseWidened { index: at.index }));
    }
    faults
}

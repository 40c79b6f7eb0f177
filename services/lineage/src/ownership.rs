//! Who took a model on.

use probity_projection::StoreError;
use probity_schemas::model::OwnershipAccepted;
use probity_schemas::word;

use crate::graph::{Acceptance, OWNERS, owners_key};
use crate::names::Name;
use crate::telling::Telling;

impl Telling<'_, '_> {
    /// Somebody takes the model on. An act, so it is never taken back.
    pub(crate) fn accept(&mut self, accepted: &OwnershipAccepted) -> Result<(), StoreError> {
        let model = self.node(&Name::from(&self.recorded.event.subject))?;
        let acceptance = Acceptance {
            at_ms: self.recorded.sorted_at_ms(),
            index: self.recorded.index,
            role: word(&accepted.role),
            owner: self.recorded.signer(),
            from: accepted.from.as_ref().map(ToString::to_string),
        };
        let acceptances = self.batch.record(&OWNERS, owners_key(model))?;
        let place = acceptances.partition_point(|other| *other < acceptance);
        acceptances.insert(place, acceptance);
        Ok(())
    }
}

/// Who has a model after these acceptances, which are in the order of their moments: whoever takes over a role from
/// somebody takes their place. Whoever owns it as a whole comes first.
pub(crate) fn owners(acceptances: &[Acceptance]) -> Vec<&Acceptance> {
    let mut owners: Vec<&Acceptance> = Vec::new();
    for acceptance in acceptances {
        let goes = |other: &&Acceptance| {
            let replaced = acceptance.from.as_ref() == Some(&other.owner) || acceptance.owner == other.owner;
            other.role == acceptance.role && replaced
        };
        owners.retain(|other| !goes(other));
        owners.push(acceptance);
    }
    owners.sort_by_key(|acceptance| acceptance.role != "owner");
    owners
}

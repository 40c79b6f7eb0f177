//! Four eyes: who stands behind a statement, and whose hands must not meet.

use probity_schemas::model::VersionRegistered;
use probity_schemas::training::Completed;
use probity_schemas::{Event, Identity, Namespace};

use super::Authority;
use crate::life::{Actors, add};

impl Authority {
    /// Everyone behind a statement: its signer, whom it speaks for, who set it in motion, and for a service the
    /// persons who answer for it.
    pub(crate) fn actors(&self, issuer: &Identity, event: &Event) -> Actors {
        let named = event.on_behalf_of.iter().chain(&event.initiators);
        let mut persons = Vec::with_capacity(1);
        for identity in [issuer].into_iter().chain(named) {
            match identity {
                Identity::Person(_) => add(&mut persons, identity.clone()),
                Identity::Service(_) => {
                    let responsible = self.members.get(identity).map(|member| member.responsible.as_slice());
                    responsible.unwrap_or_default().iter().for_each(|person| add(&mut persons, person.clone()));
                }
                Identity::Ledger(_) => {}
            }
        }
        let set_in_motion = event.on_behalf_of.iter().chain(&event.initiators);
        let by_a_person = set_in_motion.into_iter().any(|identity| matches!(identity, Identity::Person(_)));
        Actors { persons, anonymous: matches!(issuer, Identity::Service(_)) && !by_a_person }
    }

    /// Whether someone could have set a service in motion that made a version in this namespace: a developer there.
    pub(crate) fn develops(&self, who: &Identity, namespace: &Namespace, time_ms: u64) -> bool {
        let makes = [VersionRegistered::INFO, Completed::INFO];
        makes.iter().any(|info| self.role_covers(who, info, namespace, time_ms))
    }
}

//! Uses that models are put to.

use probity_domain::SignedBy;
use probity_domain::authority::Authority;
use probity_domain::signed::add;
use probity_schemas::Event;
use probity_schemas::usecase::UsecaseEvent;

use crate::domain::{Case, DomainState};

impl DomainState {
    pub(super) fn use_case(
        &mut self,
        event: &Event,
        data: &UsecaseEvent,
        by: SignedBy<'_>,
        authority: &Authority,
    ) -> bool {
        match data {
            UsecaseEvent::Proposed(_) => {
                let persons = authority.actors(by.issuer, event, by.signed.time_ms).persons;
                let use_case = self.use_cases.entry(by.subject);
                use_case.proposed.get_or_insert(by.signed.index);
                persons.into_iter().for_each(|person| add(&mut use_case.proposers, person));
                self.open(event, by, authority, Case::UseCaseProposal)
            }
            UsecaseEvent::Accepted(_) => {
                self.use_cases.entry(by.subject).accepted = Some(by.signed);
                self.close(event, by);
                true
            }
            UsecaseEvent::Declined(_) => {
                self.use_cases.entry(by.subject).accepted = None;
                self.close(event, by);
                true
            }
            UsecaseEvent::Retired(_) => {
                self.use_cases.entry(by.subject).retired = Some(by.signed);
                true
            }
            _ => false,
        }
    }
}

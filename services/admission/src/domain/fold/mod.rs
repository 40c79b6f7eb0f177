//! What each recorded event changes.

mod decisions;
mod uses;

use std::sync::Arc;

use probity_domain::authority::Authority;
use probity_domain::corrections::can_be_void;
use probity_domain::signed::add;
use probity_domain::subjects::Absorb as _;
use probity_domain::{Effect, SignedBy, effects};
use probity_schemas::correction::{CorrectionEvent, CorrectionKind};
use probity_schemas::finding::FindingEvent;
use probity_schemas::hold::HoldEvent;
use probity_schemas::risk::RiskEvent;
use probity_schemas::subscription::SubscriptionEvent;
use probity_schemas::{Data, Event, Subject};

use super::{Case, DomainState, Hold, Key, OpenItem};

impl DomainState {
    /// Takes an event in. Returns whether anything changed.
    pub(crate) fn fold(&mut self, event: &Event, by: SignedBy<'_>, authority: &Authority, payload: &[u8]) -> bool {
        let mut changed = self.note_sealed(by.subject, payload);
        for effect in effects(event, by, || authority.actors(by.issuer, event)) {
            changed |= self.take(effect);
        }
        changed
            | match &event.data {
                Data::Usecase(data) => self.use_case(event, data, by, authority),
                Data::Approval(data) => self.approval(event, data, by, authority),
                Data::Deployment(data) => self.deployment(event, data, by, authority),
                Data::Retirement(data) => self.retirement(event, data, by, authority),
                Data::Plan(data) => self.plan(event, data, by, authority),
                Data::Finding(FindingEvent::Raised(raised)) => {
                    self.open(event, by, authority, Case::Finding { owner: raised.owner.clone() })
                }
                Data::Finding(FindingEvent::Closed(_)) | Data::Hold(HoldEvent::Lifted(_)) => self.close(event, by),
                Data::Risk(RiskEvent::Assessed(_)) => self.open(event, by, authority, Case::RiskAssessment),
                Data::Exception(data) => self.exception(event, data, by, authority),
                Data::Hold(HoldEvent::Set(set)) => {
                    let mut subjects = set.covers.clone();
                    add(&mut subjects, event.subject.clone());
                    let hold = Hold { subjects, namespaces: set.namespaces.clone() };
                    Arc::make_mut(&mut self.holds).push(event.id);
                    self.open(event, by, authority, Case::Hold(Box::new(hold)))
                }
                Data::Correction(CorrectionEvent::Recorded(recorded)) => {
                    recorded.kind == CorrectionKind::Voids && self.void(event, by)
                }
                Data::Subscription(SubscriptionEvent::Configured(configured)) => {
                    self.open(event, by, authority, Case::Subscription { name: configured.name.clone() })
                }
                Data::Subscription(SubscriptionEvent::Removed(_)) => self.close(event, by),
                _ => false,
            }
    }

    /// Absorbs one thing that an event says. Returns whether anything changed.
    fn take(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::Version(version, said) => self.versions.entry(version.as_str()).absorb(said),
            Effect::Model(model, said) => self.models.entry(model.as_str()).absorb(said),
            Effect::Dataset(dataset, said) => self.datasets.entry(dataset.as_str()).absorb(said),
            Effect::DataWithdrawn(digest, at) => self.withdrawn_data.insert(digest, at),
            Effect::Run(run, said) => self.runs.insert(run, said),
            Effect::RunProduced(run, version) => {
                if let Some(said) = self.runs.remove(&run) {
                    self.versions.entry(version.as_str()).absorb(Arc::unwrap_or_clone(said));
                }
            }
            Effect::Document(digest) if self.documents.contains(&digest) => return false,
            Effect::Document(digest) => self.documents.insert(digest, None),
            Effect::Attached(attached, digest) => self.attached.insert(attached, digest),
            Effect::DocumentWithdrawn(digest, at) => self.documents.insert(digest, Some(at)),
            Effect::AttachmentWithdrawn(attached, at) => match self.attached.get(&attached).copied() {
                Some(digest) => self.documents.insert(digest, Some(at)),
                None => return false,
            },
        }
        true
    }

    /// Opens a item. Ids are unique per issuer only; the first event of an id is the one that can be answered.
    fn open(&mut self, event: &Event, by: SignedBy<'_>, authority: &Authority, case: Case) -> bool {
        if !self.items.contains(&event.id) {
            let actors = authority.actors(by.issuer, event);
            let (subject, at) = (self.key(by.subject), by.signed.at());
            let item = OpenItem { case, subject, at, issuer: by.number, actors, closed: None };
            self.items.insert(event.id, item);
        }
        true
    }

    fn answered(&mut self, event: &Event) -> Option<&mut OpenItem> {
        event.regarding.and_then(|id| self.items.get_mut(&id))
    }

    fn close(&mut self, event: &Event, by: SignedBy<'_>) -> bool {
        if let Some(id) = event.regarding.filter(|id| self.holds.contains(id)) {
            Arc::make_mut(&mut self.holds).retain(|hold| *hold != id);
        }
        match self.answered(event) {
            Some(item) => item.closed = Some(by.signed),
            None => return false,
        }
        true
    }

    /// One's own fact is void: nothing more can answer it, and a completed retirement is none. Acts are revoked, never
    /// corrected.
    fn void(&mut self, event: &Event, by: SignedBy<'_>) -> bool {
        let own = |item: &&mut OpenItem| can_be_void(item.case.opened_by(), &item.issuer, &by.number);
        let Some(item) = self.answered(event).filter(own) else { return false };
        item.closed = Some(by.signed);
        if matches!(item.case, Case::RetirementCompletion) {
            let subject = item.subject.clone();
            self.retire(&subject, None);
        }
        true
    }

    /// A model, or one version of it, has ended, or has not after all.
    fn retire(&mut self, subject: &str, index: Option<u64>) {
        match subject.contains('@') {
            true => self.versions.entry(subject).retired = index,
            false => self.models.entry(subject).retired = index,
        }
    }

    /// Remembers which subjects' events hold texts sealed under which keys, so that a hold can keep the keys.
    fn note_sealed(&mut self, subject: &str, payload: &[u8]) -> bool {
        let mut changed = false;
        for kid in super::sealed::key_ids(payload) {
            if !self.sealed.contains(&kid) {
                self.sealed.insert(kid, Vec::new());
            }
            let Some(subjects) = self.sealed.get_mut(&kid) else { continue };
            if !subjects.iter().any(|known| **known == *subject) {
                subjects.push(subject.into());
                changed = true;
            }
        }
        changed
    }
}

fn key(subject: &Subject) -> Key {
    subject.to_string().into()
}

//! What each recorded event changes.

mod decisions;
mod uses;

use std::sync::Arc;

use probity_domain::authority::Authority;
use probity_domain::corrections::{can_be_void, takes_back};
use probity_domain::ids::model_of;
use probity_domain::references::answerable;
use probity_domain::signed::add;
use probity_domain::subjects::Absorb as _;
use probity_domain::{Effect, SignedBy, effects};
use probity_schemas::correction::CorrectionEvent;
use probity_schemas::finding::FindingEvent;
use probity_schemas::hold::HoldEvent;
use probity_schemas::risk::RiskEvent;
use probity_schemas::subscription::SubscriptionEvent;
use probity_schemas::{Data, Event, Subject};

use super::{Case, DomainState, Hold, Key, OpenItem, Stated};

impl DomainState {
    /// Takes an event in. Returns whether anything changed.
    pub(crate) fn fold(&mut self, event: &Event, by: SignedBy<'_>, authority: &Authority, payload: &[u8]) -> bool {
        let mut changed = self.note_sealed(event, by.subject, payload) | self.heap_up(event, by, payload.len());
        let correctable = can_be_void(event.event_type(), &by.number, &by.number);
        let mut places = Vec::new();
        for effect in effects(event, by, authority) {
            if correctable {
                places.extend(self.place_of(&effect, by.signed.index));
            }
            changed |= self.take(effect);
        }
        if !places.is_empty() {
            let stated = Stated::new(by.signed.index, self.key(by.subject), places);
            self.stated.insert((by.number, event.id), stated);
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
                    let opened = self.open(event, by, authority, Case::Hold(Box::new(hold)));
                    if opened {
                        Arc::make_mut(&mut self.holds).push(by.signed.index);
                    }
                    opened
                }
                Data::Correction(CorrectionEvent::Recorded(recorded)) => {
                    takes_back(recorded.kind) && self.void(event, by)
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
            Effect::DataWithdrawn(digest, withdrawal) => self.withdrawn_data.make(digest).push(withdrawal),
            Effect::Run(run, said) => {
                for version in self.awaiting.get(&run).cloned().unwrap_or_default() {
                    self.versions.entry(version.as_str()).absorb(said.clone());
                }
                self.runs.make(run).absorb(said);
            }
            Effect::RunProduced(run, version) => {
                if let Some(said) = self.runs.get(&run).cloned() {
                    self.versions.entry(version.as_str()).absorb(said);
                }
                add(self.awaiting.make(run), version);
            }
            Effect::Document(digest) if self.documents.contains(&digest) => return false,
            Effect::Document(digest) => self.documents.insert(digest, Vec::new()),
            // Of several events of an id the first is meant.
            Effect::Attached(attached, _) if self.attached.contains(&attached) => return false,
            Effect::Attached(attached, digest) => self.attached.insert(attached, digest),
            Effect::DocumentWithdrawn(digest, withdrawal) => self.documents.make(digest).push(withdrawal),
            Effect::AttachmentWithdrawn(attached, withdrawal) => match self.attached.get(&attached).copied() {
                Some(digest) => self.documents.make(digest).push(withdrawal),
                None => return false,
            },
        }
        true
    }

    /// Opens an item. Ids are unique per issuer only: an event that finds one of its id and type about its
    /// subject opens nothing. Returns whether it did.
    fn open(&mut self, event: &Event, by: SignedBy<'_>, authority: &Authority, case: Case) -> bool {
        if self.opened_about(&event.id, &[case.opened_by()], by.subject).is_some() {
            return false;
        }
        let actors = authority.actors(by.issuer, event, by.signed.time_ms);
        let (subject, at) = (self.key(by.subject), by.signed.at());
        let item = OpenItem { case, subject, at, issuer: by.number, actors, closed: None };
        self.opened.make(event.id).push(at.index);
        self.items.insert(at.index, item);
        true
    }

    /// What an event answers: an item of that id about the same subject.
    fn answered(&mut self, event: &Event, by: SignedBy<'_>) -> Option<&mut OpenItem> {
        let takes = answerable(event.event_type());
        let (index, _) = self.opened_about(&event.regarding?, takes, by.subject)?;
        self.items.get_mut(&index)
    }

    /// What an event answers takes no more answers. Returns whether there was anything.
    pub(crate) fn close(&mut self, event: &Event, by: SignedBy<'_>) -> bool {
        let Some(item) = self.answered(event, by) else { return false };
        item.closed = Some(by.signed);
        let index = item.at.index;
        if self.holds.contains(&index) {
            Arc::make_mut(&mut self.holds).retain(|hold| *hold != index);
        }
        true
    }

    /// One's own fact is taken back: nothing more can answer it, and what it said counts no more. Acts are revoked, never
    /// corrected.
    fn void(&mut self, event: &Event, by: SignedBy<'_>) -> bool {
        let Some(regarding) = event.regarding else { return false };
        let stated = self.stated.get(&(by.number, regarding)).cloned();
        let stated = stated.filter(|stated| model_of(&stated.subject) == model_of(by.subject));
        if let Some(stated) = &stated {
            self.take_back(stated);
        }
        let own = |item: &OpenItem| {
            let own_fact = can_be_void(item.case.opened_by(), &item.issuer, &by.number);
            own_fact && model_of(&item.subject) == model_of(by.subject)
        };
        let found = self.opened(&regarding).find(|(_, item)| own(item)).map(|(index, _)| index);
        let Some(item) = found.and_then(|index| self.items.get_mut(&index)) else { return stated.is_some() };
        item.closed = Some(by.signed);
        true
    }

    /// Remembers which subjects' events hold texts sealed under which keys, so that a hold can keep the keys.
    /// An event is about its subject and about what it names beside it.
    fn note_sealed(&mut self, event: &Event, subject: &str, payload: &[u8]) -> bool {
        let mut changed = false;
        for kid in super::sealed::key_ids(payload) {
            let about = event.about.iter().map(key);
            for subject in [Key::from(subject)].into_iter().chain(about) {
                if !self.sealed_known.contains(&(kid, subject.clone())) {
                    let number = self.sealed.make(kid);
                    *number += 1;
                    let number = *number;
                    self.sealed_in.insert((kid, number), subject.clone());
                    self.sealed_known.insert((kid, subject), ());
                    changed = true;
                }
            }
        }
        changed
    }
}

fn key(subject: &Subject) -> Key {
    subject.to_string().into()
}

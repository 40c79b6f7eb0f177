//! What each recorded event changes.

mod decisions;
mod subjects;

use std::sync::Arc;

use probity_schemas::change::ChangeEvent;
use probity_schemas::correction::{CorrectionEvent, CorrectionKind};
use probity_schemas::evidence::EvidenceEvent;
use probity_schemas::finding::FindingEvent;
use probity_schemas::hold::HoldEvent;
use probity_schemas::risk::RiskEvent;
use probity_schemas::shared::Outcome;
use probity_schemas::subscription::SubscriptionEvent;
use probity_schemas::validation::ValidationEvent;
use probity_schemas::vendor::VendorEvent;
use probity_schemas::{Data, Event, Subject, SubjectKind};

use super::plans::metric_key;
use super::{Case, Hold, Key, Life, Matter, Standing, Validation, add};
use crate::authority::Authority;

impl Life {
    /// Takes an event in. Returns whether anything changed.
    pub(crate) fn fold(&mut self, event: &Event, by: Standing<'_>, authority: &Authority, payload: &[u8]) -> bool {
        let mut changed = self.note_documents(event);
        changed |= self.note_sealed(by.subject, payload);
        changed
            | match &event.data {
                Data::Usecase(data) => self.use_case(event, data, by, authority),
                Data::Model(data) => self.model(event, data, by, authority),
                Data::Data(data) => self.dataset(data, by),
                Data::Training(data) => self.training(event, data, by, authority),
                Data::Validation(ValidationEvent::Completed(completed)) => {
                    let metric = |metric: &probity_schemas::shared::Metric| {
                        (metric_key(&metric.name, metric.slice.as_deref()), metric.value.get())
                    };
                    let failed = matches!(completed.outcome, Some(Outcome::Failed | Outcome::Inconclusive));
                    let validation = Validation {
                        index: by.signed.index,
                        persons: authority.actors(by.issuer, event).persons,
                        passed: !failed,
                        scopes: completed.scopes.clone(),
                        metrics: completed.metrics.iter().map(metric).collect(),
                    };
                    let validations = &mut self.versions.entry(by.subject).validations;
                    validations.retain(|earlier| {
                        (&earlier.scopes, &earlier.persons) != (&validation.scopes, &validation.persons)
                    });
                    validations.push(validation);
                    true
                }
                Data::Approval(data) => self.approval(event, data, by, authority),
                Data::Evidence(EvidenceEvent::Attached(attached)) => {
                    attached.digest.is_some_and(|digest| self.document(digest))
                }
                Data::Evidence(EvidenceEvent::Withdrawn(withdrawn)) => {
                    let Some(digest) = withdrawn.digest else { return changed };
                    self.documents.insert(digest, Some(by.signed.index));
                    true
                }
                Data::Deployment(data) => self.deployment(event, data, by, authority),
                Data::Retirement(data) => self.retirement(event, data, by, authority),
                Data::Plan(data) => self.plan(event, data, by, authority),
                Data::Finding(FindingEvent::Raised(raised)) => {
                    self.open(event, by, authority, Case::Finding { owner: raised.owner.clone() })
                }
                Data::Finding(FindingEvent::Closed(_)) | Data::Hold(HoldEvent::Lifted(_)) => self.close(event, by),
                Data::Risk(RiskEvent::Assessed(_)) => self.open(event, by, authority, Case::RiskAssessment),
                Data::Exception(data) => self.exception(event, data, by, authority),
                Data::Change(ChangeEvent::Declared(declared)) => {
                    if declared.substantial == Some(true) {
                        self.disturb(by.subject, |disturbances| &mut disturbances.substantially_changed, by);
                    }
                    declared.substantial == Some(true)
                }
                Data::Vendor(VendorEvent::ChangeObserved(_)) => {
                    self.vendor_changed(event, by);
                    true
                }
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

    fn vendor_changed(&mut self, event: &Event, by: Standing<'_>) {
        let models = event.about.iter().chain([&event.subject]).filter(|subject| subject.kind == SubjectKind::Model);
        for model in models {
            self.disturb(&model.to_string(), |disturbances| &mut disturbances.vendor_changed, by);
        }
    }

    fn disturb(
        &mut self,
        subject: &str,
        which: impl FnOnce(&mut super::subjects::Disturbances) -> &mut Option<u64>,
        by: Standing<'_>,
    ) {
        let disturbances = match subject.contains('@') {
            true => &mut self.versions.entry(subject).disturbances,
            false => &mut self.models.entry(subject).disturbances,
        };
        *which(disturbances) = Some(by.signed.index);
    }

    /// Opens a matter. Ids are unique per issuer only; the first event of an id is the one that can be answered.
    fn open(&mut self, event: &Event, by: Standing<'_>, authority: &Authority, case: Case) -> bool {
        if !self.matters.contains(&event.id) {
            let actors = authority.actors(by.issuer, event);
            let (subject, index) = (self.key(by.subject), by.signed.index);
            let matter = Matter { case, subject, index, issuer: by.number, actors, closed: None };
            self.matters.insert(event.id, matter);
        }
        true
    }

    fn answered(&mut self, event: &Event) -> Option<&mut Matter> {
        event.regarding.and_then(|id| self.matters.get_mut(&id))
    }

    fn close(&mut self, event: &Event, by: Standing<'_>) -> bool {
        if let Some(id) = event.regarding.filter(|id| self.holds.contains(id)) {
            Arc::make_mut(&mut self.holds).retain(|hold| *hold != id);
        }
        match self.answered(event) {
            Some(matter) => matter.closed = Some(by.signed),
            None => return false,
        }
        true
    }

    /// One's own fact is void: nothing more can answer it, and a completed retirement is none. Acts are revoked, never
    /// corrected.
    fn void(&mut self, event: &Event, by: Standing<'_>) -> bool {
        let opened_by_act = |matter: &Matter| {
            let event_type = matter.case.opened_by();
            probity_schemas::newest(event_type).is_ok_and(|info| info.is_act())
        };
        let own = |matter: &&mut Matter| matter.issuer == by.number && !opened_by_act(matter);
        let Some(matter) = self.answered(event).filter(own) else { return false };
        matter.closed = Some(by.signed);
        if matches!(matter.case, Case::RetirementCompletion) {
            let subject = matter.subject.clone();
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

    fn note_documents(&mut self, event: &Event) -> bool {
        event.evidence.iter().fold(false, |changed, evidence| self.document(evidence.digest) | changed)
    }

    fn document(&mut self, digest: probity_schemas::Digest) -> bool {
        let new = !self.documents.contains(&digest);
        if new {
            self.documents.insert(digest, None);
        }
        new
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

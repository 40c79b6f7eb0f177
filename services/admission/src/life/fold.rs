//! What each recorded event changes.

use std::sync::Arc;

use probity_schemas::approval::ApprovalEvent;
use probity_schemas::change::ChangeEvent;
use probity_schemas::correction::{CorrectionEvent, CorrectionKind};
use probity_schemas::data::DataEvent;
use probity_schemas::deployment::{DeploymentEvent, StopScope};
use probity_schemas::evidence::EvidenceEvent;
use probity_schemas::exception::ExceptionEvent;
use probity_schemas::finding::FindingEvent;
use probity_schemas::hold::HoldEvent;
use probity_schemas::model::{ComponentRole, ModelEvent};
use probity_schemas::plan::PlanEvent;
use probity_schemas::retirement::RetirementEvent;
use probity_schemas::risk::RiskEvent;
use probity_schemas::shared::Outcome;
use probity_schemas::subscription::SubscriptionEvent;
use probity_schemas::training::TrainingEvent;
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::validation::ValidationEvent;
use probity_schemas::vendor::VendorEvent;
use probity_schemas::{Data, Event, EventId, Subject, SubjectKind};

use super::plans::metric_key;
use super::subjects::Owner;
use super::{
    Case, Exception, Grant, Hold, Key, Life, Matter, Plan, Request, Signed, Standing, Suspension, Validation, Version,
    add, model_of,
};
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
                        passed: !failed,
                        scopes: completed.scopes.clone(),
                        metrics: completed.metrics.iter().map(metric).collect(),
                    };
                    let validations = &mut self.versions.entry(by.subject).validations;
                    validations.retain(|earlier| earlier.scopes != validation.scopes);
                    validations.push(validation);
                    true
                }
                Data::Approval(data) => self.approval(event, data, by, authority),
                Data::Evidence(EvidenceEvent::Attached(attached)) => {
                    attached.digest.is_some_and(|digest| self.document(digest))
                }
                Data::Evidence(EvidenceEvent::Withdrawn(withdrawn)) => {
                    let Some(digest) = withdrawn.digest else { return changed };
                    self.withdrawn_documents.insert(digest, by.signed.index);
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

    fn use_case(&mut self, event: &Event, data: &UsecaseEvent, by: Standing<'_>, authority: &Authority) -> bool {
        match data {
            UsecaseEvent::Proposed(_) => {
                let persons = authority.actors(by.issuer, event).persons;
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
            UsecaseEvent::Linked(linked) => {
                let model = self.models.entry(linked.model.without_version().to_string().as_str());
                if !model.uses.iter().any(|(key, _)| **key == *by.subject) {
                    model.uses.push((by.subject.into(), by.signed.index));
                }
                true
            }
            _ => false,
        }
    }

    fn model(&mut self, event: &Event, data: &ModelEvent, by: Standing<'_>, authority: &Authority) -> bool {
        match data {
            ModelEvent::Registered(registered) => {
                let model = self.models.entry(model_of(by.subject));
                let again = model.registered.is_some();
                model.registered.get_or_insert(by.signed.index);
                let widened = registered.intended_uses.iter().any(|used| !model.intended_uses.contains(used));
                if again && widened {
                    model.disturbances.use_widened = Some(by.signed.index);
                }
                registered.intended_uses.iter().for_each(|used| add(&mut model.intended_uses, used.clone()));
                true
            }
            ModelEvent::VersionRegistered(registered) => {
                let run = registered.training_run.and_then(|run| self.runs.remove(&run));
                let actors = authority.actors(by.issuer, event);
                let version = self.versions.entry(by.subject);
                version.registered.get_or_insert(by.signed.index);
                version.has_artifacts |= !registered.artifacts.is_empty();
                let components = registered.components.iter().filter_map(|component| component.digest);
                let digests = registered.artifacts.iter().map(|artifact| artifact.digest).chain(components);
                digests.for_each(|digest| add(&mut version.digests, digest));
                let code = registered.code.as_ref().and_then(|code| code.digest);
                code.into_iter().for_each(|digest| add(&mut version.pipelines, digest));
                let indexes = registered.components.iter().filter(|part| part.role == ComponentRole::RetrievalIndex);
                let indexes = indexes.filter_map(|part| part.subject.as_ref());
                for dataset in indexes.filter(|subject| subject.kind == SubjectKind::Dataset) {
                    add(&mut version.datasets, key(dataset));
                }
                version.involve(actors, by.signed.index);
                if let Some(run) = run {
                    version.absorb(Arc::unwrap_or_clone(run));
                }
                true
            }
            ModelEvent::Classified(classified) => {
                let until = classified.expires_at.map(|until| until.as_ms());
                self.models.entry(model_of(by.subject)).classified_until = Some(until);
                true
            }
            ModelEvent::OwnershipAccepted(accepted) => {
                let owners = &mut self.models.entry(model_of(by.subject)).owners;
                owners.retain(|owner| owner.role != accepted.role);
                owners.push(Owner { role: accepted.role, person: by.issuer.clone(), signed: by.signed });
                true
            }
            _ => false,
        }
    }

    fn dataset(&mut self, data: &DataEvent, by: Standing<'_>) -> bool {
        match data {
            DataEvent::Registered(registered) if !registered.derived_from.is_empty() => {
                let dataset = self.datasets.entry(by.subject);
                registered.derived_from.iter().for_each(|origin| add(&mut dataset.derived_from, key(origin)));
                true
            }
            DataEvent::Withdrawn(withdrawn) => {
                let whole = withdrawn.digests.is_empty() && withdrawn.window.is_none();
                let dataset = self.datasets.entry(by.subject);
                let slot = if whole { &mut dataset.withdrawn } else { &mut dataset.partly_withdrawn };
                *slot = Some(by.signed.index);
                for digest in &withdrawn.digests {
                    self.withdrawn_data.insert(*digest, by.signed.index);
                }
                true
            }
            _ => false,
        }
    }

    fn training(&mut self, event: &Event, data: &TrainingEvent, by: Standing<'_>, authority: &Authority) -> bool {
        let TrainingEvent::Completed(completed) = data else { return false };
        let mut run = Version {
            pipelines: completed.code.as_ref().and_then(|code| code.digest).into_iter().collect(),
            datasets: completed.datasets.iter().map(key).collect(),
            dataset_digests: completed.dataset_digests.clone(),
            ..Version::default()
        };
        run.involve(authority.actors(by.issuer, event), by.signed.index);
        let named = completed.produced_version.as_ref().or(Some(&event.subject));
        match named.filter(|subject| subject.version.is_some()) {
            Some(produced) => self.versions.entry(produced.to_string().as_str()).absorb(run),
            None => self.runs.insert(event.id, run),
        }
        true
    }

    fn approval(&mut self, event: &Event, data: &ApprovalEvent, by: Standing<'_>, authority: &Authority) -> bool {
        match data {
            ApprovalEvent::Requested(requested) => {
                let version = self.versions.entry(by.subject);
                version.involve(authority.actors(by.issuer, event), by.signed.index);
                version.requests.push(event.id);
                let (gate, digests) = (requested.gate.clone(), requested.digests.clone());
                let request = Request { gate, digests, grants: Vec::new() };
                self.open(event, by, authority, Case::ApprovalRequest(Box::new(request)))
            }
            ApprovalEvent::Rejected(_) => self.close(event, by),
            ApprovalEvent::RecordedElsewhere(_) => {
                self.versions.entry(by.subject).elsewhere = Some(by.signed.index);
                true
            }
            ApprovalEvent::ConditionMet(met) => self.change_grant(event, |grant| {
                let named = grant.conditions.iter_mut().filter(|condition| condition.id == met.condition);
                named.for_each(|condition| condition.met = Some(by.signed));
            }),
            ApprovalEvent::Revoked(revoked) => self.change_grant(event, |grant| {
                let from = revoked.effective.map_or(by.signed.time_ms, |at| at.as_ms());
                grant.revoked = Some((by.signed.index, from));
            }),
            // Which of the gate's roles a signature fills is for the rules to say: see `signed`.
            ApprovalEvent::Granted(_) => false,
        }
    }

    /// Adds a signature to the request that it answers.
    pub(crate) fn sign_request(&mut self, event: &Event, by: Standing<'_>, authority: &Authority, grant: Grant) {
        let Some(regarding) = event.regarding else { return };
        if let Some(Matter { case: Case::ApprovalRequest(request), .. }) = self.matters.get_mut(&regarding) {
            request.grants.push(grant);
            self.open(event, by, authority, Case::Grant(regarding));
        }
    }

    fn change_grant(&mut self, event: &Event, change: impl FnOnce(&mut Grant)) -> bool {
        let Some(id) = event.regarding else { return false };
        let request = match self.matters.get(&id).map(|matter| &matter.case) {
            Some(Case::Grant(request)) => *request,
            _ => return false,
        };
        if let Some(Matter { case: Case::ApprovalRequest(request), .. }) = self.matters.get_mut(&request) {
            request.grants.iter_mut().filter(|grant| grant.id == id).for_each(change_once(change));
        }
        true
    }

    fn deployment(&mut self, event: &Event, data: &DeploymentEvent, by: Standing<'_>, authority: &Authority) -> bool {
        let mut serves = |version: Option<&Subject>| {
            let version = version.map(key);
            match version {
                Some(version) => self.endpoints.entry(by.subject).serves = Some(version),
                None => return false,
            }
            true
        };
        match data {
            DeploymentEvent::Requested(requested) => {
                let actors = authority.actors(by.issuer, event);
                self.versions.entry(requested.version.to_string().as_str()).involve(actors, by.signed.index);
                self.open(event, by, authority, Case::DeploymentRequest)
            }
            DeploymentEvent::Started(started) => serves(started.version.as_ref()),
            DeploymentEvent::Upgraded(upgraded) => serves(Some(&upgraded.to)),
            DeploymentEvent::Downgraded(downgraded) => serves(Some(&downgraded.to)),
            DeploymentEvent::RolledBack(rolled_back) => serves(Some(&rolled_back.to)),
            DeploymentEvent::Suspended(suspended) => {
                let endpoint = self.endpoints.entry(by.subject);
                endpoint.stops.push(event.id);
                let version = suspended.version.as_ref().map(key).or_else(|| endpoint.serves.clone());
                let target = match suspended.scope {
                    StopScope::Endpoint => None,
                    StopScope::Version => version,
                    StopScope::Model => version.map(|version| model_of(&version).into()),
                };
                if let Some(target) = &target {
                    self.stops.entry(target).push(event.id);
                }
                self.open(event, by, authority, Case::Suspension(Suspension { scope: suspended.scope, target }))
            }
            DeploymentEvent::Resumed(_) => self.close(event, by),
            _ => false,
        }
    }

    fn retirement(&mut self, event: &Event, data: &RetirementEvent, by: Standing<'_>, authority: &Authority) -> bool {
        let mut set = |retired: Option<u64>| match event.subject.version {
            Some(_) => self.versions.entry(by.subject).retired = retired,
            None => self.models.entry(by.subject).retired = retired,
        };
        match data {
            RetirementEvent::Proposed(_) => self.open(event, by, authority, Case::RetirementProposal),
            RetirementEvent::Approved(_) => {
                self.close(event, by);
                self.open(event, by, authority, Case::RetirementApproval)
            }
            RetirementEvent::Completed(_) => {
                set(Some(by.signed.index));
                self.open(event, by, authority, Case::RetirementCompletion)
            }
            RetirementEvent::Reversed(_) => {
                set(None);
                self.close(event, by);
                true
            }
            _ => false,
        }
    }

    fn plan(&mut self, event: &Event, data: &PlanEvent, by: Standing<'_>, authority: &Authority) -> bool {
        match data {
            PlanEvent::Proposed(proposed) => {
                let plan = Plan { proposed: proposed.as_ref().clone(), approved: None, covered: Vec::new() };
                self.models.entry(model_of(by.subject)).plans.push(event.id);
                self.open(event, by, authority, Case::Plan(Box::new(plan)))
            }
            PlanEvent::Approved(_) => {
                if let Some(Case::Plan(plan)) = self.answered(event).map(|matter| &mut matter.case) {
                    plan.approved = Some(by.signed);
                }
                true
            }
            PlanEvent::Revoked(_) => self.close(event, by),
        }
    }

    fn exception(&mut self, event: &Event, data: &ExceptionEvent, by: Standing<'_>, authority: &Authority) -> bool {
        match data {
            ExceptionEvent::Requested(requested) => {
                self.open(event, by, authority, Case::ExceptionRequest { control: requested.control.clone() })
            }
            ExceptionEvent::Granted(granted) => {
                // The second person's yes to an emergency, or the answer to a request.
                match self.answered(event).map(|matter| (&mut matter.case, &mut matter.closed)) {
                    Some((Case::Emergency(emergency), _)) => emergency.second = Some(by.signed),
                    Some((_, closed)) => *closed = Some(by.signed),
                    None => {}
                }
                let (control, expires_at) = (granted.control.clone(), granted.expires_at.as_ms());
                self.exceptions.entry(by.subject).push(event.id);
                let exception = Exception { control, signed: by.signed, expires_at, second: None };
                self.open(event, by, authority, Case::Exception(Box::new(exception)))
            }
            ExceptionEvent::Invoked(invoked) => {
                let (control, expires_at) = (invoked.control.clone(), invoked.expires_at.as_ms());
                self.exceptions.entry(by.subject).push(event.id);
                let exception = Exception { control, signed: by.signed, expires_at, second: None };
                self.open(event, by, authority, Case::Emergency(Box::new(exception)))
            }
            ExceptionEvent::Extended(extended) => {
                if let Some(Case::Exception(exception)) = self.answered(event).map(|matter| &mut matter.case) {
                    exception.expires_at = extended.expires_at.as_ms();
                }
                true
            }
            ExceptionEvent::Revoked(_) => self.close(event, by),
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

    /// One's own fact is void: nothing more can answer it. Acts are revoked, never corrected.
    fn void(&mut self, event: &Event, by: Standing<'_>) -> bool {
        let signed: Signed = by.signed;
        let opened_by_act = |matter: &Matter| {
            let event_type = matter.case.opened_by();
            probity_schemas::newest(event_type).is_ok_and(|info| info.is_act())
        };
        match self.answered(event).filter(|matter| matter.issuer == by.number && !opened_by_act(matter)) {
            Some(matter) => matter.closed = Some(signed),
            None => return false,
        }
        true
    }

    fn note_documents(&mut self, event: &Event) -> bool {
        event.evidence.iter().fold(false, |changed, evidence| self.document(evidence.digest) | changed)
    }

    fn document(&mut self, digest: probity_schemas::Digest) -> bool {
        self.documents.insert(digest).is_none()
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

/// A closure to be called for the one item there is.
fn change_once<T>(change: impl FnOnce(&mut T)) -> impl FnMut(&mut T) {
    let mut change = Some(change);
    move |item| {
        if let Some(change) = change.take() {
            change(item);
        }
    }
}

impl Life {
    /// Remembers that a version was let through by a plan.
    pub(crate) fn cover(&mut self, plan: &EventId, version: &str) {
        if let Some(Matter { case: Case::Plan(plan), .. }) = self.matters.get_mut(plan) {
            add(&mut plan.covered, version.into());
        }
    }
}

//! Which statement changes what.

use probity_domain::ids::model_of;
use probity_projection::{Batch, ProjectionError, Projector, Recorded, Referent};
use probity_schemas::dependency::DependencyEvent;
use probity_schemas::finding::FindingEvent;
use probity_schemas::model::ModelEvent;
use probity_schemas::retirement::RetirementEvent;
use probity_schemas::training::TrainingEvent;
use probity_schemas::word;
use probity_schemas::{Data, SubjectKind};

use crate::asked::SUBJECTS;
use crate::fold::{datasets, deployments, models, monitors, open_items, uses, values, versions};
use crate::records::models::{Class, DEPENDENCIES, MODELS};
use crate::records::uses::USES;
use crate::records::versions::{REQUESTS, version_key};

/// Folds the log into the inventory.
#[derive(Debug, Default)]
pub struct InventoryProjector;

impl Projector for InventoryProjector {
    const NAME: &'static str = "inventory";
    const VERSION: u32 = 9;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        SUBJECTS.note(recorded, batch);
        versions::publish(batch, recorded)?;
        let event = &recorded.event;
        let subject = event.subject.to_string();
        let (whole, at_ms) = (model_of(&subject), recorded.sorted_at_ms());
        match &event.data {
            Data::Model(ModelEvent::VersionRegistered(registered)) => {
                versions::register(batch, &subject, recorded, registered)?;
            }
            Data::Model(data) => {
                models::fold(batch, whole, recorded, data)?;
                models::active(batch, whole, at_ms)?;
                if let ModelEvent::Classified(_) = data {
                    classify_use(batch, recorded)?;
                }
            }
            Data::Usecase(data) => {
                uses::fold(batch, &subject, recorded, data)?;
                uses::change(batch, &subject, |record| {
                    record.last_activity_ms = record.last_activity_ms.max(at_ms);
                })?;
            }
            Data::Data(data) => {
                datasets::fold(batch, &subject, recorded, data)?;
            }
            Data::Training(data) => {
                models::active(batch, whole, at_ms)?;
                if let TrainingEvent::Completed(completed) = data {
                    versions::train(batch, recorded, completed)?;
                }
            }
            Data::Validation(data) => {
                versions::validate(batch, &subject, recorded, data)?;
            }
            Data::Approval(data) => {
                versions::decide(batch, &subject, recorded, data)?;
            }
            Data::Deployment(_) => {
                deployments::fold(batch, &subject, recorded)?;
            }
            Data::Dependency(data) => {
                models::depend(batch, whole, recorded, data)?;
                if let DependencyEvent::Ended(_) = data {
                    end_dependency(batch, recorded)?;
                }
                models::active(batch, whole, at_ms)?;
            }
            Data::Monitor(data) => {
                monitors::fold(batch, &subject, recorded, data)?;
                self.touch(batch, recorded)?;
            }
            Data::Issue(data) => open_items::issue(batch, recorded, data)?,
            Data::Incident(data) => open_items::incident(batch, recorded, data)?,
            Data::Finding(FindingEvent::Raised(_)) => open_items::raise(batch, recorded)?,
            Data::Finding(FindingEvent::Closed(_)) => {
                if let Some(finding) = recorded.answered() {
                    open_items::settle(batch, finding)?;
                }
            }
            Data::Value(data) => {
                values::fold(batch, &subject, recorded, data)?;
                self.touch(batch, recorded)?;
            }
            Data::Retirement(data) => {
                retire(batch, &subject, recorded, data)?;
            }
            Data::Correction(_) => {
                if let Some(voided) = recorded.taken_back() {
                    void(batch, voided, recorded.recorded_at_ms())?;
                }
            }
            _ => self.touch(batch, recorded)?,
        }
        Ok(())
    }
}

impl InventoryProjector {
    /// Something else happened to a model that is known.
    fn touch(&self, batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
        match recorded.event.subject.kind {
            SubjectKind::Model => {
                models::active(batch, model_of(&recorded.event.subject.to_string()), recorded.sorted_at_ms())
            }
            _ => Ok(()),
        }
    }
}

/// A class that was given for a use is the use's, too.
fn classify_use(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    let Data::Model(ModelEvent::Classified(classified)) = &recorded.event.data else { return Ok(()) };
    let Some(use_case) = classified.use_case.as_ref().filter(|use_case| recorded.reaches(use_case)) else {
        return Ok(());
    };
    let class = Class {
        framework: classified.framework.to_string(),
        class: classified.class.to_string(),
        basis: classified.basis.as_ref().map(ToString::to_string).unwrap_or_default(),
        use_case: use_case.to_string(),
        regulatory_role: classified.regulatory_role.as_ref().map(word).unwrap_or_default(),
        expires_at_ms: classified.expires_at.map(|at| at.as_ms()),
        stated: probity_projection::Stated::of(recorded),
    };
    uses::change(batch, &use_case.to_string(), |record| record.classes.push(class))
}

fn end_dependency(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    if let Some(opener) = recorded.answered() {
        let key = DEPENDENCIES.key().text(model_of(&opener.subject)).number(opener.index);
        if batch.contains(&key)? {
            batch.record(&DEPENDENCIES, key)?.ended = true;
        }
    }
    Ok(())
}

/// A model, or one version of it, has ended, or has not after all.
fn retire(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &RetirementEvent,
) -> Result<(), ProjectionError> {
    let mark = match event {
        RetirementEvent::Completed(_) => (recorded.index, true),
        RetirementEvent::Reversed(_) => (recorded.index, false),
        RetirementEvent::Proposed(_)
        | RetirementEvent::Approved(_)
        | RetirementEvent::ArtifactArchived(_)
        | RetirementEvent::ArtifactDestroyed(_) => {
            return models::active(batch, model_of(subject), recorded.sorted_at_ms());
        }
    };
    if subject.contains('@') {
        return versions::change(batch, subject, recorded.sorted_at_ms(), |record| record.retirements.push(mark));
    }
    models::change(batch, subject, |record| record.retirements.push(mark))?;
    models::active(batch, subject, recorded.sorted_at_ms())
}

/// Leaves out what is void.
fn void(batch: &mut Batch<'_>, voided: &Referent, now_ms: u64) -> Result<(), ProjectionError> {
    let (subject, index) = (voided.subject.as_str(), voided.index);
    match (voided.family(), voided.event_type.as_str()) {
        (_, "issue.opened" | "incident.declared") => open_items::forget(batch, voided),
        (_, "finding.raised") => open_items::settle(batch, voided),
        (_, "dependency.declared") => {
            batch.remove(DEPENDENCIES.key().text(model_of(subject)).number(index));
            Ok(())
        }
        ("deployment", _) => deployments::forget(batch, subject, (voided.at_ms, index), now_ms),
        ("value", _) => values::forget(batch, subject, index),
        ("monitor", _) => monitors::forget(batch, subject, index),
        ("training", _) => match &voided.concerns {
            Some(produced) => void_subject(batch, produced, index, now_ms),
            None => Ok(()),
        },
        ("approval", "approval.requested") => {
            batch.remove(REQUESTS.key().number(index));
            void_subject(batch, subject, index, now_ms)
        }
        ("model" | "usecase" | "data" | "validation" | "approval" | "retirement", _) => {
            void_subject(batch, subject, index, now_ms)
        }
        _ => Ok(()),
    }
}

fn void_subject(batch: &mut Batch<'_>, subject: &str, index: u64, now_ms: u64) -> Result<(), ProjectionError> {
    match subject.split_once(':').map_or("", |(kind, _)| kind) {
        "model" => {
            if subject.contains('@') {
                return versions::change(batch, subject, now_ms, |record| record.forget(index));
            }
            let record = batch.read(&MODELS, &MODELS.key().text(subject))?.unwrap_or_default();
            let class = record.classes.iter().find(|class| class.stated.index == index);
            if let Some(use_case) = class.map(|class| &class.use_case).filter(|use_case| !use_case.is_empty()) {
                uses::change(batch, use_case, |record| record.forget(index))?;
            }
            models::unregister(batch, subject, index)?;
            models::change(batch, subject, |record| record.forget(index))?;
            // Validations and approvals of the model as a whole.
            match batch.contains(&version_key(subject))? {
                true => versions::change(batch, subject, now_ms, |record| record.forget(index)),
                false => Ok(()),
            }
        }
        "usecase" => {
            let record = batch.read(&USES, &USES.key().text(subject))?.unwrap_or_default();
            for linked in record.models.iter().filter(|linked| linked.index == index) {
                models::change(batch, model_of(&linked.model), |record| record.forget(index))?;
            }
            uses::change(batch, subject, |record| record.forget(index))?;
            uses::refresh_models(batch, subject)
        }
        "dataset" => datasets::change(batch, subject, now_ms, |record| record.forget(index)),
        _ => Ok(()),
    }
}

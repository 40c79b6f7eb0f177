//! Which statement changes what, and what is judged again.

use probity_domain::ids::model_of;
use probity_projection::{Batch, Parts, ProjectionError, Projector, Recorded};
use probity_schemas::change::ChangeEvent;
use probity_schemas::correction::{CorrectionEvent, CorrectionKind};
use probity_schemas::data::DataEvent;
use probity_schemas::evidence::EvidenceEvent;
use probity_schemas::retirement::RetirementEvent;
use probity_schemas::training::TrainingEvent;
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::validation::ValidationEvent;
use probity_schemas::vendor::VendorEvent;
use probity_schemas::{Data, SubjectKind};

use crate::catalogue::{
    ATTACHED, DERIVED, DOCUMENTS, IDS, OPEN_REQUESTS, PLANS, PLANS_OF, VALIDATIONS, WITHDRAWN, part_of,
};
use crate::subjects::{self, Disturbances};
use crate::{approvals, authority, endpoints, judging, matters};

/// Folds the log into what the standing questions find.
#[derive(Debug, Default)]
pub struct ComplianceProjector;

impl Projector for ComplianceProjector {
    const NAME: &'static str = "compliance";
    const VERSION: u32 = 1;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        let event = &recorded.event;
        let subject = event.subject.to_string();
        documents(batch, recorded)?;
        match &event.data {
            Data::Model(data) => {
                IDS.remember(batch, recorded)?;
                subjects::fold(batch, recorded, data)
            }
            Data::Training(TrainingEvent::Completed(completed)) => subjects::train(batch, recorded, completed),
            Data::Validation(data) => validate(batch, recorded, data),
            Data::Approval(data) => {
                if event.event_type() == "approval.requested" {
                    IDS.remember(batch, recorded)?;
                }
                approvals::fold(batch, recorded, data)
            }
            Data::Plan(data) => {
                IDS.remember(batch, recorded)?;
                approvals::plan(batch, recorded, data)
            }
            Data::Deployment(_) => {
                IDS.remember(batch, recorded)?;
                endpoints::fold(batch, &subject, recorded)
            }
            Data::Evidence(data) => evidence(batch, recorded, data),
            Data::Data(data) => self::data(batch, recorded, data),
            Data::Usecase(UsecaseEvent::Linked(linked)) => {
                let (model, index) = (model_of(&linked.model.to_string()).to_owned(), recorded.index);
                IDS.remember_of(batch, recorded, &linked.model)?;
                subjects::change_model(batch, &model, |state| state.uses.push((subject.clone(), index)))?;
                judging::endpoints_of(batch, &model)
            }
            Data::Change(ChangeEvent::Declared(declared)) if declared.substantial == Some(true) => {
                IDS.remember(batch, recorded)?;
                disturb(batch, &subject, |it| it.substantially_changed.push(recorded.index))
            }
            Data::Vendor(VendorEvent::ChangeObserved(_)) => {
                let subjects = event.about.iter().chain([&event.subject]);
                let models = subjects.filter(|subject| subject.kind == SubjectKind::Model).map(ToString::to_string);
                for model in models.collect::<Vec<_>>() {
                    disturb(batch, &model, |it| it.vendor_changed.push(recorded.index))?;
                }
                Ok(())
            }
            Data::Retirement(data) => {
                IDS.remember(batch, recorded)?;
                retire(batch, &subject, recorded, data)
            }
            Data::Finding(data) => {
                IDS.remember(batch, recorded)?;
                matters::finding(batch, recorded, data)
            }
            Data::Review(data) => {
                IDS.remember(batch, recorded)?;
                matters::review(batch, recorded, data)
            }
            Data::Incident(data) => {
                IDS.remember(batch, recorded)?;
                matters::incident(batch, recorded, data)
            }
            Data::Exception(data) => {
                IDS.remember(batch, recorded)?;
                matters::exception(batch, recorded, data)
            }
            Data::Issue(data) => {
                IDS.remember(batch, recorded)?;
                matters::issue(batch, recorded, data)
            }
            Data::Authority(data) => authority::fold(batch, recorded, data),
            Data::Policy(data) => {
                // The ledger's own first policies hold from the beginning.
                if !recorded.signer().starts_with("ledger:") {
                    authority::propose(batch, recorded);
                }
                match approvals::publish(batch, recorded, data)? {
                    true => judging::all_endpoints(batch),
                    false => Ok(()),
                }
            }
            Data::Correction(CorrectionEvent::Recorded(correction)) if correction.kind == CorrectionKind::Voids => {
                void(batch, recorded)
            }
            _ => Ok(()),
        }
    }
}

/// Notes the documents that an event carries, the first time each is seen.
fn documents(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    let occurred = recorded.event.occurred.map(|at| (at.earliest().as_ms(), at.latest().as_ms()));
    let attached = match &recorded.event.data {
        Data::Evidence(EvidenceEvent::Attached(attached)) => attached.digest,
        _ => None,
    };
    for digest in recorded.event.evidence.iter().map(|evidence| evidence.digest).chain(attached) {
        let key = DOCUMENTS.key().text(&digest.to_string());
        if !batch.contains(&key)? {
            batch.put(&DOCUMENTS, key, (recorded.index, occurred));
        }
    }
    Ok(())
}

fn validate(batch: &mut Batch<'_>, recorded: &Recorded, event: &ValidationEvent) -> Result<(), ProjectionError> {
    let subject = recorded.event.subject.to_string();
    match event {
        ValidationEvent::Requested(requested) => {
            IDS.remember(batch, recorded)?;
            if let Some(validator) = &requested.validator {
                let asked = (subject, recorded.event.id.to_string(), validator.to_string());
                batch.put(&VALIDATIONS, VALIDATIONS.key().number(recorded.index), asked);
                matters::wait(batch, &validator.to_string(), recorded.index, "validation");
            }
            Ok(())
        }
        ValidationEvent::Completed(_) => {
            IDS.remember(batch, recorded)?;
            let asked = IDS.regarded(batch, recorded)?.filter(|it| it.event_type == "validation.requested");
            if let Some(asked) = asked {
                matters::done(batch, &recorded.signer(), asked.index);
            }
            let occurred = recorded.event.occurred.map(|at| (at.earliest().as_ms(), at.latest().as_ms()));
            subjects::change(batch, &subject, |state| state.validations.push((recorded.index, occurred)))?;
            judging::approvals_of(batch, &subject)
        }
    }
}

fn evidence(batch: &mut Batch<'_>, recorded: &Recorded, event: &EvidenceEvent) -> Result<(), ProjectionError> {
    match event {
        EvidenceEvent::Attached(attached) => {
            IDS.remember(batch, recorded)?;
            if let Some(digest) = attached.digest {
                batch.put(&ATTACHED, ATTACHED.key().number(recorded.index), digest.to_string());
            }
            Ok(())
        }
        EvidenceEvent::Withdrawn(withdrawn) => {
            // The document is named by its digest, or by the event that attached it.
            let attached = match IDS.regarded(batch, recorded)? {
                Some(attached) => batch.read(&ATTACHED, &ATTACHED.key().number(attached.index))?,
                None => None,
            };
            let named = withdrawn.digest.map(|digest| digest.to_string());
            let Some(digest) = named.or(attached) else { return Ok(()) };
            batch.put(&WITHDRAWN, WITHDRAWN.key().text(&digest), recorded.index);
            judging::signed(batch, &[digest], &[])
        }
    }
}

fn data(batch: &mut Batch<'_>, recorded: &Recorded, event: &DataEvent) -> Result<(), ProjectionError> {
    let subject = recorded.event.subject.to_string();
    match event {
        DataEvent::Registered(registered) => {
            for from in &registered.derived_from {
                let from = from.to_string();
                batch.put(&DERIVED, DERIVED.key().text(&from).text(&subject), ());
                // What is made of withdrawn data is no better for being made later.
                if let Some(index) = batch.read(&WITHDRAWN, &WITHDRAWN.key().text(&from))? {
                    withdraw(batch, &subject, index)?;
                }
            }
            Ok(())
        }
        DataEvent::Withdrawn(withdrawn) if withdrawn.digests.is_empty() => withdraw(batch, &subject, recorded.index),
        DataEvent::Withdrawn(withdrawn) => {
            for digest in &withdrawn.digests {
                withdraw(batch, &digest.to_string(), recorded.index)?;
            }
            // Where no digest tells which part went in, it is taken to have gone in: into what was derived from it, and
            // into versions that name the dataset and no digest.
            withdraw(batch, &part_of(&subject), recorded.index)?;
            judging::made_from(batch, &subject)?;
            for derived in derived(batch, &subject)? {
                withdraw(batch, &derived, recorded.index)?;
            }
            Ok(())
        }
        DataEvent::DispositionRecorded(_) => Ok(()),
    }
}

/// The datasets that were made from another directly.
fn derived(batch: &Batch<'_>, from: &str) -> Result<Vec<String>, ProjectionError> {
    let keys = batch.keys(&DERIVED.key().text(from))?;
    let derived = keys.iter().filter_map(|key| {
        let mut parts = Parts::of(key);
        parts.text()?;
        parts.text().map(str::to_owned)
    });
    Ok(derived.collect())
}

/// Withdraws a dataset or a digest, and whatever was derived from it; versions made from any of it are judged again.
fn withdraw(batch: &mut Batch<'_>, what: &str, index: u64) -> Result<(), ProjectionError> {
    let mut waiting = vec![what.to_owned()];
    while let Some(next) = waiting.pop() {
        let key = WITHDRAWN.key().text(&next);
        // Datasets can be said to come from each other.
        if batch.read(&WITHDRAWN, &key)? == Some(index) {
            continue;
        }
        batch.put(&WITHDRAWN, key, index);
        judging::made_from(batch, &next)?;
        waiting.extend(derived(batch, &next)?);
    }
    Ok(())
}

/// Something happened to a model or a version that approvals may not survive.
fn disturb(batch: &mut Batch<'_>, subject: &str, note: impl FnOnce(&mut Disturbances)) -> Result<(), ProjectionError> {
    if subject.contains('@') {
        subjects::change(batch, subject, |state| note(&mut state.disturbances))?;
        return judging::version(batch, subject);
    }
    subjects::change_model(batch, subject, |state| note(&mut state.disturbances))?;
    judging::endpoints_of(batch, subject)
}

fn retire(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &RetirementEvent,
) -> Result<(), ProjectionError> {
    let retired = match event {
        RetirementEvent::Completed(_) => Some(recorded.index),
        RetirementEvent::Reversed(_) => None,
        _ => return Ok(()),
    };
    if subject.contains('@') {
        return Ok(());
    }
    subjects::change_model(batch, subject, |state| state.retired = retired)?;
    judging::model(batch, subject)
}

/// One's own fact is void: it is as if it had not been said. Somebody else's stays, and so does an act.
fn void(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    let is_fact = |event_type: &str| probity_schemas::newest(event_type).is_ok_and(|info| !info.is_act());
    let own = IDS.regarded(batch, recorded)?;
    let own = own.filter(|voided| voided.signer == recorded.signer() && is_fact(&voided.event_type));
    let Some(voided) = own else { return Ok(()) };
    let subject = voided.subject.as_str();
    match voided.event_type.split('.').next().unwrap_or_default() {
        "deployment" => endpoints::forget(batch, subject, (voided.at_ms, voided.index)),
        "model" | "usecase" | "change" | "training" | "retirement" | "approval" | "validation" => {
            batch.remove(OPEN_REQUESTS.key().number(voided.index));
            if let Some((_, _, validator)) = batch.read(&VALIDATIONS, &VALIDATIONS.key().number(voided.index))? {
                matters::done(batch, &validator, voided.index);
            }
            subjects::forget(batch, subject, voided.index)
        }
        "authority" => authority::forget(batch, subject, voided.index),
        "plan" => {
            let model = model_of(subject);
            batch.remove(PLANS.key().number(voided.index));
            batch.remove(PLANS_OF.key().text(model).number(voided.index));
            judging::endpoints_of(batch, model)
        }
        _ => matters::forget(batch, &voided),
    }
}

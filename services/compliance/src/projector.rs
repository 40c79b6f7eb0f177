//! Which statement changes what, and what is judged again.

use probity_domain::authority::{Enacted, Power};
use probity_domain::effects;
use probity_domain::ids::model_of;
use probity_projection::{Batch, ProjectionError, Projector, Recorded, Referent};
use probity_schemas::Data;
use probity_schemas::validation::ValidationEvent;

use crate::fold::{approvals, authority, dossiers, endpoints, exceptions, items, packs, proposals, subjects};
use crate::judging;
use crate::known::SUBJECTS;
use crate::records::approvals::{OPEN_REQUESTS, plan_key};
use crate::records::items::{done, wait};
use crate::records::subjects::VALIDATIONS;

/// Folds the log into what the standing questions find.
#[derive(Debug, Default)]
pub struct ComplianceProjector;

impl Projector for ComplianceProjector {
    const NAME: &'static str = "compliance";
    const VERSION: u32 = 11;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        fold(recorded, batch)?;
        judging::items::judge_date(batch, recorded)
    }
}

fn fold(recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
    SUBJECTS.note(recorded, batch);
    dossiers::fold(batch, recorded)?;
    proposals::fold(batch, recorded)?;
    authority::enacted(batch, recorded);
    match &recorded.enacted {
        Enacted::InForce { power: Power::Publish { subject, published }, .. } => {
            approvals::publish(batch, subject, published, recorded.by().signed.at())?;
            packs::adopt(batch, recorded, subject, published);
        }
        // Everything may rest on a signature of that key, or of one that it let in.
        Enacted::InForce { power: Power::Revoke { .. }, .. } => judging::everything(batch)?,
        _ => {}
    }
    let (event, authority, by) = (&recorded.event, &*recorded.authority, recorded.by());
    for effect in effects(event, by, authority) {
        subjects::take(batch, recorded, effect)?;
    }
    let subject = event.subject.to_string();
    match &event.data {
        Data::Validation(data) => validate(batch, recorded, data),
        Data::Approval(data) => approvals::fold(batch, recorded, by, authority, data),
        Data::Plan(data) => approvals::plan(batch, recorded, by, authority, data),
        Data::Deployment(_) => endpoints::fold(batch, &subject, recorded, by.signed),
        Data::Finding(data) => items::finding(batch, recorded, data),
        Data::Review(data) => items::review(batch, recorded, data),
        Data::Incident(data) => items::incident(batch, recorded, data),
        Data::Exception(data) => exceptions::fold(batch, recorded, by, authority, data),
        Data::Issue(data) => items::issue(batch, recorded, data),
        Data::Authority(data) => authority::fold(batch, recorded, data),
        Data::Correction(_) => recorded.taken_back().map_or(Ok(()), |voided| void(batch, voided)),
        _ => Ok(()),
    }
}

fn validate(batch: &mut Batch<'_>, recorded: &Recorded, event: &ValidationEvent) -> Result<(), ProjectionError> {
    let subject = recorded.event.subject.to_string();
    match event {
        ValidationEvent::Requested(requested) => {
            if let Some(validator) = &requested.validator {
                let asked = (subject, recorded.event.id.to_string(), validator.to_string());
                batch.put(&VALIDATIONS, VALIDATIONS.key().number(recorded.index), asked);
                wait(batch, &validator.to_string(), recorded.index, "validation");
            }
            Ok(())
        }
        ValidationEvent::Completed(_) => {
            if let Some(asked) = recorded.answered() {
                done(batch, &recorded.signer(), asked.index);
            }
            // Of a version, it is noted with what else the same event says of it.
            subjects::note(batch, recorded, &subject)?;
            judging::approvals_of(batch, &subject)
        }
    }
}

/// Leaves out what is void.
fn void(batch: &mut Batch<'_>, voided: &Referent) -> Result<(), ProjectionError> {
    let subject = voided.concerned();
    proposals::leave_out(batch, &voided.subject, voided.index);
    judging::items::undated(batch, voided.index)?;
    subjects::take_back(batch, voided.index)?;
    match voided.family() {
        "deployment" => endpoints::leave_out(batch, subject, (voided.at_ms, voided.index)),
        "model" | "usecase" | "change" | "training" | "retirement" | "approval" | "validation" => {
            batch.remove(OPEN_REQUESTS.key().number(voided.index));
            if let Some((_, _, validator)) = batch.read(&VALIDATIONS, &VALIDATIONS.key().number(voided.index))? {
                done(batch, &validator, voided.index);
            }
            subjects::leave_out(batch, subject, voided.index)
        }
        "authority" => authority::leave_out(batch, subject, voided.index),
        "plan" => {
            batch.remove(plan_key(voided.index));
            subjects::leave_out(batch, model_of(subject), voided.index)
        }
        _ => items::leave_out(batch, voided),
    }
}

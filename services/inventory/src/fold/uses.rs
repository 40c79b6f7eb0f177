//! What events say of use cases.

use probity_projection::{Batch, ProjectionError, Recorded, Stated};
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::word;

use crate::fold::models;
use crate::records::models::Use;
use crate::records::uses::{LinkedModel, Proposal, USES, UseCaseRecord};

/// Changes the record of a use case, and what it is found by.
pub(crate) fn change(
    batch: &mut Batch<'_>,
    subject: &str,
    change: impl FnOnce(&mut UseCaseRecord),
) -> Result<(), ProjectionError> {
    let key = USES.key().text(subject);
    let record = batch.record(&USES, key.clone())?;
    change(record);
    let properties = record.properties(subject);
    if properties != record.indexed {
        let mut indexed = std::mem::take(&mut record.indexed);
        indexed.change(properties, subject, batch)?;
        batch.record(&USES, key)?.indexed = indexed;
    }
    Ok(())
}

/// Brings the models of a use up to date with it: they are found by its jurisdictions.
pub(crate) fn refresh_models(batch: &mut Batch<'_>, subject: &str) -> Result<(), ProjectionError> {
    let linked = batch.read(&USES, &USES.key().text(subject))?.unwrap_or_default().models;
    for linked in linked {
        models::change(batch, probity_domain::ids::model_of(&linked.model), |_| {})?;
    }
    Ok(())
}

/// Takes in what is said of a use case.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &UsecaseEvent,
) -> Result<(), ProjectionError> {
    let stated = Stated::of(recorded);
    let decided = |batch: &mut Batch<'_>, word: &str, stated: Stated| {
        change(batch, subject, |record| record.decisions.push((word.to_owned(), stated)))
    };
    match event {
        UsecaseEvent::Proposed(proposed) => {
            let identity = |identity: &Option<probity_schemas::Identity>| {
                identity.as_ref().map(ToString::to_string).unwrap_or_default()
            };
            let proposal = Proposal {
                title: recorded.event.title.as_ref().map(ToString::to_string).unwrap_or_default(),
                problem: proposed.problem.to_string(),
                owner: identity(&proposed.owner),
                sponsor: identity(&proposed.sponsor),
                population: proposed.population.as_ref().map(ToString::to_string).unwrap_or_default(),
                decision_type: proposed.decision_type.as_ref().map(word).unwrap_or_default(),
                jurisdictions: proposed.jurisdictions.iter().map(ToString::to_string).collect(),
                stated,
            };
            change(batch, subject, |record| record.proposals.push(proposal))?;
            refresh_models(batch, subject)
        }
        UsecaseEvent::Assessed(assessed) => {
            let outcome = assessed.outcome.as_ref().map(word).unwrap_or_default();
            change(batch, subject, |record| record.assessments.push((word(&assessed.kind), outcome, stated)))
        }
        UsecaseEvent::Accepted(_) => decided(batch, "accepted", stated),
        UsecaseEvent::Declined(_) => decided(batch, "declined", stated),
        UsecaseEvent::Retired(_) => decided(batch, "retired", stated),
        UsecaseEvent::Linked(linked) => {
            let (model, role, index) = (linked.model.to_string(), word(&linked.role), recorded.index);
            let whole = probity_domain::ids::model_of(&model).to_owned();
            change(batch, subject, |record| {
                record.models.push(LinkedModel { model, role: role.clone(), index });
            })?;
            // The use says so. The model is put to it where the signer has a say over the model.
            if !recorded.reaches(&linked.model) {
                return Ok(());
            }
            let use_case = subject.to_owned();
            models::change(batch, &whole, |record| {
                record.use_cases.push(Use { use_case, role, index });
            })
        }
    }
}

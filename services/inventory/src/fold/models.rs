//! What events say of models as a whole.

use probity_projection::{Batch, Parts, ProjectionError, Recorded, Stated};
use probity_schemas::dependency::DependencyEvent;
use probity_schemas::model::ModelEvent;
use probity_schemas::word;

use crate::records::models::{
    Amendment, Class, DEPENDENCIES, DependencyRecord, INDEXED, Link, MODELS, ModelRecord, ModelRegistration, Owner,
    REGISTERED, Registering,
};
use crate::records::uses::USES;

/// The jurisdictions of these uses.
fn jurisdictions(uses: &[String], batch: &Batch<'_>) -> Result<Vec<String>, ProjectionError> {
    let mut found = Vec::new();
    for used in uses {
        if let Some(use_case) = batch.read(&USES, &USES.key().text(used))? {
            found.extend(use_case.proposals.last().into_iter().flat_map(|proposal| proposal.jurisdictions.clone()));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Changes the record of a model, and what it is found by.
pub(crate) fn change(
    batch: &mut Batch<'_>,
    subject: &str,
    change: impl FnOnce(&mut ModelRecord),
) -> Result<(), ProjectionError> {
    let key = MODELS.key().text(subject);
    let record = batch.record(&MODELS, key.clone())?;
    change(record);
    let uses: Vec<String> = record.current_uses().map(|used| used.use_case.clone()).collect();
    let jurisdictions = jurisdictions(&uses, batch)?;
    let record = batch.record(&MODELS, key)?;
    let found_by = record.found_by(&jurisdictions);
    if found_by == record.indexed_by {
        return Ok(());
    }
    record.indexed_by = found_by;
    let properties = record.properties(subject, &jurisdictions);
    let key = INDEXED.key().text(subject);
    let mut indexed = std::mem::take(batch.record(&INDEXED, key.clone())?);
    indexed.change(properties, subject, batch)?;
    *batch.record(&INDEXED, key)? = indexed;
    Ok(())
}

/// Notes that something about a model happened.
pub(crate) fn active(batch: &mut Batch<'_>, subject: &str, at_ms: u64) -> Result<(), ProjectionError> {
    let key = MODELS.key().text(subject);
    if batch.contains(&key)? {
        let record = batch.record(&MODELS, key)?;
        record.last_activity_ms = record.last_activity_ms.max(at_ms);
        return Ok(());
    }
    // Named for the first time, by somebody else's statement.
    change(batch, subject, |record| record.last_activity_ms = at_ms)
}

/// Takes in what is said of a model as a whole.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &ModelEvent,
) -> Result<(), ProjectionError> {
    let stated = Stated::of(recorded);
    match event {
        ModelEvent::Registered(registered) => {
            let texts = |list: &[probity_schemas::Text]| list.iter().map(ToString::to_string).collect();
            let registration = ModelRegistration {
                title: recorded.event.title.as_ref().map(ToString::to_string).unwrap_or_default(),
                kind: registered.kind.as_ref().map(word).unwrap_or_default(),
                purpose: registered.purpose.to_string(),
                intended_uses: texts(&registered.intended_uses),
                excluded_uses: texts(&registered.excluded_uses),
                supplier: registered.supplier.as_ref().map(ToString::to_string).unwrap_or_default(),
                origin_platform: registered.origin_platform.as_ref().map(ToString::to_string).unwrap_or_default(),
                attributes: match recorded.event.attributes.is_empty() {
                    true => String::new(),
                    false => serde_json::to_string(&recorded.event.attributes).unwrap_or_default(),
                },
                amended: Vec::new(),
                stated,
            };
            register(batch, subject, recorded.index, Registering::Registered(Box::new(registration)))
        }
        ModelEvent::Classified(classified) => {
            let class = Class {
                framework: classified.framework.to_string(),
                class: classified.class.to_string(),
                basis: classified.basis.as_ref().map(ToString::to_string).unwrap_or_default(),
                use_case: classified.use_case.as_ref().map(ToString::to_string).unwrap_or_default(),
                regulatory_role: classified.regulatory_role.as_ref().map(word).unwrap_or_default(),
                expires_at_ms: classified.expires_at.map(|at| at.as_ms()),
                stated,
            };
            change(batch, subject, |record| record.classes.push(class))
        }
        ModelEvent::Amended(amended) => {
            let text =
                |text: &Option<probity_schemas::Text>| text.as_ref().map(ToString::to_string).unwrap_or_default();
            let (attribute, new) = (text(&amended.attribute), text(&amended.new));
            let amendment = Amendment { field: amended.field, attribute, new };
            register(batch, subject, recorded.index, Registering::Amended(amendment, recorded.index))
        }
        ModelEvent::Linked(linked) => {
            let link = Link { relation: word(&linked.relation), other: linked.other.to_string(), stated };
            change(batch, subject, |record| record.links.push(link))
        }
        ModelEvent::OwnershipAccepted(accepted) => {
            let (role, person) = (word(&accepted.role), recorded.signer());
            change(batch, subject, |record| record.owners.push(Owner { role, person, stated }))
        }
        // Of one version: `versions` takes it in.
        ModelEvent::VersionRegistered(_) => Ok(()),
    }
}

/// Takes in what a statement says of a model's registration, and keeps it by itself: however often a registration is
/// amended, the model's record grows no more than what is shown of it.
fn register(batch: &mut Batch<'_>, model: &str, index: u64, said: Registering) -> Result<(), ProjectionError> {
    batch.put(&REGISTERED, REGISTERED.key().text(model).number(index), Some(said.clone()));
    change(batch, model, |record| record.register(said, index))
}

/// Leaves out what the statement at `index` said of a model's registration.
pub(crate) fn unregister(batch: &mut Batch<'_>, model: &str, index: u64) -> Result<(), ProjectionError> {
    let key = REGISTERED.key().text(model).number(index);
    if !batch.contains(&key)? {
        return Ok(());
    }
    batch.remove(key);
    let said = batch.records(&REGISTERED, &REGISTERED.key().text(model))?.into_iter().filter_map(|(key, said)| {
        let mut parts = Parts::of(&key);
        parts.text()?;
        Some((parts.number()?, said?))
    });
    let said: Vec<(u64, Registering)> = said.collect();
    change(batch, model, |record| record.register_again(said))
}

/// Takes in what a model depends on.
pub(crate) fn depend(
    batch: &mut Batch<'_>,
    model: &str,
    recorded: &Recorded,
    event: &DependencyEvent,
) -> Result<(), ProjectionError> {
    if let DependencyEvent::Declared(declared) = event {
        let what = match (&declared.other, &declared.reference) {
            (Some(other), _) => other.to_string(),
            (None, Some(reference)) => reference.to_string(),
            (None, None) => declared.description.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        let (direction, kind) = (word(&declared.direction), word(&declared.kind));
        let key = DEPENDENCIES.key().text(model).number(recorded.index);
        batch.put(&DEPENDENCIES, key, DependencyRecord { direction, kind, what, ended: false });
    }
    Ok(())
}

//! Judging: what a subject lacks, worked out again when something it rests on was recorded.

pub(crate) mod endpoints;
pub(crate) mod items;

pub(crate) use endpoints::endpoint;

use std::collections::BTreeSet;

use probity_domain::ids::model_of;
use probity_projection::{Batch, Parts, ProjectionError};
use probity_schemas::{Digest, word};

use crate::records::approvals::{REQUESTS, RequestState, SEEN, request_key};
use crate::records::authority::PERSONS;
use crate::records::deficiencies::{Found, replace};
use crate::records::endpoints::ENDPOINTS;
use crate::records::subjects::{MADE_FROM, MODELS, VERSIONS, VersionState, place_of, places_now, places_of};
use probity_controls::Question;

/// How long before its end an approval is said to expire: thirty days.
const EXPIRING_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// Judges a version, and every endpoint where it serves or served.
pub(crate) fn version(batch: &mut Batch<'_>, version: &str) -> Result<(), ProjectionError> {
    approvals_of(batch, version)?;
    places(batch, version)
}

/// Judges every endpoint where a version, or any version of a model, serves or served.
fn places(batch: &mut Batch<'_>, subject: &str) -> Result<(), ProjectionError> {
    let mut serve = BTreeSet::new();
    for key in batch.keys(&places_of(subject))? {
        match place_of(&key) {
            Some((version, true, place)) => {
                endpoints::stretches(batch, &place, |stretch| stretch.share.version == version)?;
            }
            Some((_, false, place)) => drop(serve.insert(place)),
            None => {}
        }
    }
    serve.iter().try_for_each(|place| endpoint(batch, place))
}

/// Judges the approvals of a version.
pub(crate) fn approvals_of(batch: &mut Batch<'_>, version: &str) -> Result<(), ProjectionError> {
    let state = batch.read(&VERSIONS, &VERSIONS.key().text(version))?.unwrap_or_default();
    let mut found = Vec::new();
    let serves = !batch.keys(&places_now(version))?.is_empty();
    for index in &state.said.requests {
        if let Some(request) = batch.read(&REQUESTS, &request_key(*index))?.flatten() {
            signatures(version, &state, serves, &request, &mut found);
        }
    }
    elsewhere(version, &state, &mut found);
    conflict(version, &state, &mut found);
    replace(batch, version, found)
}

fn signatures(version: &str, state: &VersionState, serves: bool, request: &RequestState, found: &mut Vec<Found>) {
    for (grant, signature) in request.request.grants.iter().zip(&request.signatures) {
        let stated = &signature.stated;
        let of = |question, reason: String| {
            Found::new(question, version, reason).from(signature.at_ms).about(&stated.signer).stated(stated)
        };
        if let Some(hand) = state.said.hand_of(&grant.signatories.persons) {
            let reason = format!("{} approved it and had a hand in it", hand.person);
            found.push(of(Question::AuthorIsApprover, reason).resting_on([hand.at.index]));
        }
        for (digest, index) in &signature.premature {
            let reason = match index {
                Some(_) => format!("the approval rests on {digest}, which was made later"),
                None => format!("the approval rests on {digest}, which was not in the log"),
            };
            found.push(of(Question::ApprovedBeforeEvidence, reason).resting_on(*index));
        }
        if state.is_validated_after(signature.at_ms) {
            let reason = "it was approved before it was validated for the first time".to_owned();
            found.push(of(Question::ApprovedBeforeEvidence, reason).resting_on(validations(state)));
        }
        for (condition, text) in grant.conditions.iter().zip(&signature.conditions) {
            if let Some(due_ms) = condition.due_ms {
                let reason = format!("condition {} is not met: {text}", condition.id);
                let overdue = of(Question::ConditionOverdue, reason).from(due_ms).about(condition.id.as_str());
                found.push(overdue.until_or_on(condition.met.map(|met| met.time_ms)));
            }
        }
        let in_force = grant.revoked.is_none() && request.rejected.is_none() && serves;
        if let Some(expires_ms) = grant.expires_at_ms.filter(|_| in_force) {
            let soon = of(Question::ApprovalExpiring, "the approval of what serves expires soon".to_owned());
            found.push(soon.from(expires_ms.saturating_sub(EXPIRING_MS)).until(expires_ms));
        }
    }
}

/// Where it was validated, the first of them.
fn validations(state: &VersionState) -> impl Iterator<Item = u64> {
    state.validated.iter().flat_map(|(_, indices)| indices.iter().copied())
}

/// Registrations of one name that give different artefacts.
fn conflict(version: &str, state: &VersionState, found: &mut Vec<Found>) {
    if let (Some((first, _)), Some(other)) = (&state.artifacts, &state.conflicting) {
        let reason = "it was registered again with other artefacts";
        let conflict = Found::new(Question::VersionConflict, version, reason).from(other.known_since_ms());
        found.push(conflict.stated(other).resting_on([first.index]));
    }
}

fn elsewhere(version: &str, state: &VersionState, found: &mut Vec<Found>) {
    let Some((index, Some(approved_ms))) = state.elsewhere else { return };
    if state.is_validated_after(approved_ms) {
        let reason = "it was approved elsewhere before it was validated for the first time";
        let early = Found::new(Question::ApprovedBeforeEvidence, version, reason).from(approved_ms);
        found.push(early.resting_on(validations(state).chain([index])));
    }
}

/// Judges every endpoint where a version of the model serves.
pub(crate) fn endpoints_of(batch: &mut Batch<'_>, model: &str) -> Result<(), ProjectionError> {
    places(batch, model_of(model))
}

/// Judges every version that was made from this dataset or digest.
pub(crate) fn made_from(batch: &mut Batch<'_>, from: &str) -> Result<(), ProjectionError> {
    for key in batch.keys(&MADE_FROM.key().text(from))? {
        let mut parts = Parts::of(&key);
        let (_, made) = (parts.text(), parts.text().unwrap_or_default().to_owned());
        version(batch, &made)?;
    }
    Ok(())
}

/// Judges every version with a signature that rests on this document.
pub(crate) fn resting_on(batch: &mut Batch<'_>, document: &Digest) -> Result<(), ProjectionError> {
    for key in batch.keys(&SEEN.key().text(&document.to_string()))? {
        let index = key.last_chunk().copied().map_or(0, u64::from_be_bytes);
        if let Some(request) = batch.read(&REQUESTS, &request_key(index))?.flatten() {
            version(batch, &request.version)?;
        }
    }
    Ok(())
}

/// Judges every version and every endpoint: a key turned out to have been in other hands.
pub(crate) fn everything(batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
    for key in batch.keys(&VERSIONS.key())? {
        let of = Parts::of(&key).text().unwrap_or_default().to_owned();
        approvals_of(batch, &of)?;
    }
    all_endpoints(batch)
}

/// Judges every endpoint: a gate was changed.
pub(crate) fn all_endpoints(batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
    for key in batch.keys(&ENDPOINTS.key())? {
        let of = Parts::of(&key).text().unwrap_or_default().to_owned();
        endpoint(batch, &of)?;
        endpoints::stretches(batch, &of, |_| true)?;
    }
    Ok(())
}

/// Judges what is said of a model as a whole.
pub(crate) fn model(batch: &mut Batch<'_>, model: &str) -> Result<(), ProjectionError> {
    let state = batch.read(&MODELS, &MODELS.key().text(model))?.unwrap_or_default();
    let mut found = Vec::new();
    if let Some(registered) = state.registered.as_ref().filter(|_| state.said.retired().is_none()) {
        let owners = &state.said.owners;
        if owners.is_empty() {
            let nobody = Found::new(Question::NoOwner, model, "nobody has accepted to own it");
            found.push(nobody.from(registered.known_since_ms()).stated(registered));
        }
        for owner in owners {
            let (person, index) = (owner.person.to_string(), owner.signed.index);
            let known = batch.read(&PERSONS, &PERSONS.key().text(&person))?.unwrap_or_default();
            if let Some((left_ms, at)) = known.departed.filter(|(_, at)| *at > index) {
                let reason = format!("its {} {person} has left", word(&owner.role));
                let left = Found::new(Question::OwnerLeft, model, reason);
                found.push(left.from(left_ms).about(&person).resting_on([index, at]));
            }
        }
        for class in &state.classes {
            if let Some(expires_ms) = class.expires_ms {
                let reason = format!("its classification {} by {} has expired", class.class, class.framework);
                let expired = Found::new(Question::ClassificationExpired, model, reason);
                found.push(expired.from(expires_ms).about(&class.framework).resting_on([class.index]));
            }
        }
    }
    replace(batch, &format!("{model} as a whole"), found)
}

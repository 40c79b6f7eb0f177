//! What events say of endpoints: what serves there, and what was let through.

use probity_domain::served::{STRETCHES, Served, Stretch};
use probity_domain::serving::Step;
use probity_domain::{EndpointId, Evaluator, Purpose, Signed};
use probity_projection::{Batch, ProjectionError, Recorded, Stated};
use probity_schemas::Data;
use probity_schemas::deployment::DeploymentEvent;

use crate::facts::Folded;
use crate::fold::approvals;
use crate::judging;
use crate::records::endpoints::{Authorized, ENDPOINTS, SOURCES, STEPS, endpoint_key};
use crate::records::subjects::{PLACES, place_key};

/// Takes in what happened at an endpoint.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    endpoint: &str,
    recorded: &Recorded,
    signed: Signed,
) -> Result<(), ProjectionError> {
    let key = endpoint_key(endpoint);
    if let Data::Deployment(DeploymentEvent::Authorized(authorized)) = &recorded.event.data {
        if let (Some(purpose), Some(id)) = (Purpose::of(authorized), EndpointId::of(&recorded.event.subject)) {
            let facts = Folded(&*batch);
            let plan = Evaluator::new(&facts, recorded.index)?.used_plan(&purpose, &id, signed.time_ms)?;
            approvals::cover(batch, plan, &purpose.version, authorized.digest)?;
        }
        let authorized = Authorized {
            version: authorized.version.to_string(),
            use_case: authorized.use_case.as_ref().map(ToString::to_string),
        };
        let state = batch.record(&ENDPOINTS, key)?;
        state.authorize(authorized);
        return judging::endpoint(batch, endpoint);
    }
    let step = Step::of(&recorded.event, recorded.index, recorded.sorted_at_ms());
    let Some(step) = step else { return Ok(()) };
    batch.put(&SOURCES, SOURCES.key().text(endpoint).number(recorded.index), vec![Stated::of(recorded)]);
    let state = batch.record(&ENDPOINTS, key.clone())?;
    state.reached.note(&step, |subject| recorded.reaches(subject));
    let mut followed = std::mem::take(&mut state.followed);
    let before = followed.value.before.clone();
    STEPS.take(batch, endpoint, &mut followed, (step.place(), step), Served::step)?;
    batch.record(&ENDPOINTS, key)?.followed = followed;
    settle(batch, endpoint, before)
}

/// Takes a step back that is void.
pub(crate) fn leave_out(batch: &mut Batch<'_>, endpoint: &str, step: (u64, u64)) -> Result<(), ProjectionError> {
    let key = endpoint_key(endpoint);
    // Of an endpoint of which only failures are known there is nothing to take back.
    if !batch.contains(&key)? {
        return Ok(());
    }
    let mut followed = std::mem::take(&mut batch.record(&ENDPOINTS, key.clone())?.followed);
    let before = followed.value.before.clone();
    STEPS.take_back(batch, endpoint, &mut followed, step, Served::step)?;
    batch.record(&ENDPOINTS, key)?.followed = followed;
    settle(batch, endpoint, before)
}

/// Forgets the stretches of time that there were not after all. Those that are too long ago to be kept are not meant.
fn forget(batch: &mut Batch<'_>, endpoint: &str, before: &[Stretch], now: &[Stretch]) -> Result<(), ProjectionError> {
    let kept_since = match now.first() {
        Some(oldest) if now.len() == STRETCHES => oldest.until_ms,
        _ => 0,
    };
    let gone = before.iter().filter(|stretch| !now.contains(stretch) && stretch.until_ms > kept_since);
    gone.into_iter().try_for_each(|stretch| judging::endpoints::forget(batch, endpoint, stretch))
}

/// Notes with each version where it serves, and judges. `stretches` is what served and did not any more until now.
fn settle(batch: &mut Batch<'_>, endpoint: &str, stretches: Vec<Stretch>) -> Result<(), ProjectionError> {
    let key = endpoint_key(endpoint);
    let served = batch.record(&ENDPOINTS, key.clone())?.followed.value.clone();
    forget(batch, endpoint, &stretches, &served.before)?;
    let mut indices = served.now.indices;
    indices.extend(served.before.iter().flat_map(|stretch| [stretch.share.began, stretch.share.index]));
    indices.sort_unstable();
    indices.dedup();
    let known = std::mem::take(&mut batch.record(&ENDPOINTS, key.clone())?.sources);
    let mut sources = Vec::with_capacity(indices.len());
    for index in indices {
        match known.iter().find(|source| source.index == index) {
            Some(source) => sources.push(source.clone()),
            None => {
                let key = SOURCES.key().text(endpoint).number(index);
                sources.extend(batch.read(&SOURCES, &key)?.unwrap_or_default());
            }
        }
    }
    let state = batch.record(&ENDPOINTS, key)?;
    state.sources = sources;
    let (now, concerned) = (state.versions(), state.concerned());
    let before = std::mem::replace(&mut state.noted, now.clone());
    let former = state.former_versions();
    let no_more = std::mem::replace(&mut state.noted_before, former.clone());
    let changed = std::mem::replace(&mut state.concerns, concerned.clone()) != concerned;
    for gone in before.iter().filter(|version| !now.contains(version)) {
        batch.remove(place_key(gone, false, endpoint));
        judging::approvals_of(batch, gone)?;
    }
    for come in now.iter().filter(|version| !before.contains(version)) {
        batch.put(&PLACES, place_key(come, false, endpoint), ());
        judging::approvals_of(batch, come)?;
    }
    for gone in no_more.iter().filter(|version| !former.contains(version)) {
        batch.remove(place_key(gone, true, endpoint));
    }
    for come in former.iter().filter(|version| !no_more.contains(version)) {
        batch.put(&PLACES, place_key(come, true, endpoint), ());
    }
    // What is open about the endpoint concerns what serves there.
    if changed {
        judging::items::about(batch, endpoint)?;
    }
    judging::endpoints::stretches(batch, endpoint, |stretch| !stretches.contains(stretch))?;
    judging::endpoint(batch, endpoint)
}

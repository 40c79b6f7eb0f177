//! What events say of endpoints: what serves there, and what was let through.

use probity_domain::serving::{Serving, Step};
use probity_domain::{EndpointId, Evaluator, Purpose, Signed};
use probity_projection::{Batch, ProjectionError, Recorded, Stated};
use probity_schemas::Data;
use probity_schemas::deployment::DeploymentEvent;

use crate::facts::Folded;
use crate::fold::{approvals, subjects};
use crate::judging;
use crate::records::endpoints::{Authorized, ENDPOINTS, SOURCES, STEPS, endpoint_key};

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
        state.authorized.retain(|other| other.version != authorized.version);
        state.authorized.push(authorized);
        return judging::endpoint(batch, endpoint);
    }
    let step = Step::of(&recorded.event, recorded.index, recorded.sorted_at_ms());
    let Some(step) = step else { return Ok(()) };
    batch.put(&SOURCES, SOURCES.key().text(endpoint).number(recorded.index), vec![Stated::of(recorded)]);
    let state = batch.record(&ENDPOINTS, key.clone())?;
    let mut followed = std::mem::take(&mut state.followed);
    STEPS.take(batch, endpoint, &mut followed, (step.place(), step), Serving::step)?;
    batch.record(&ENDPOINTS, key)?.followed = followed;
    settle(batch, endpoint)
}

/// Takes a step back that is void.
pub(crate) fn leave_out(batch: &mut Batch<'_>, endpoint: &str, step: (u64, u64)) -> Result<(), ProjectionError> {
    let key = endpoint_key(endpoint);
    // Of an endpoint of which only failures are known there is nothing to take back.
    if !batch.contains(&key)? {
        return Ok(());
    }
    let mut followed = std::mem::take(&mut batch.record(&ENDPOINTS, key.clone())?.followed);
    STEPS.take_back(batch, endpoint, &mut followed, step, Serving::step)?;
    batch.record(&ENDPOINTS, key)?.followed = followed;
    settle(batch, endpoint)
}

/// Notes with each version where it serves, and judges.
fn settle(batch: &mut Batch<'_>, endpoint: &str) -> Result<(), ProjectionError> {
    let key = endpoint_key(endpoint);
    let indices = batch.record(&ENDPOINTS, key.clone())?.followed.value.indices.clone();
    let mut sources = Vec::new();
    for index in indices {
        sources.extend(batch.read(&SOURCES, &SOURCES.key().text(endpoint).number(index))?.unwrap_or_default());
    }
    let state = batch.record(&ENDPOINTS, key)?;
    state.sources = sources;
    let shares = &state.followed.value.shares;
    let mut now: Vec<String> = shares.iter().map(|share| share.version.clone()).collect();
    now.retain(|version| !version.is_empty());
    now.sort_unstable();
    now.dedup();
    let before = std::mem::replace(&mut state.noted, now.clone());
    for gone in before.iter().filter(|version| !now.contains(version)) {
        subjects::change_version(batch, gone, |state| state.places.retain(|place| place != endpoint))?;
        judging::approvals_of(batch, gone)?;
    }
    for come in now.iter().filter(|version| !before.contains(version)) {
        subjects::change_version(batch, come, |state| state.places.push(endpoint.to_owned()))?;
        judging::approvals_of(batch, come)?;
    }
    judging::endpoint(batch, endpoint)
}

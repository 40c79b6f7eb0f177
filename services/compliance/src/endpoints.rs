//! Endpoints: what serves there, and what was let through.

use probity_domain::serving::{Serving, Share, Step};
use probity_projection::{Batch, InOrder, ProjectionError, Recorded, Stated};
use probity_schemas::Data;
use probity_schemas::deployment::DeploymentEvent;
use serde::{Deserialize, Serialize};

use crate::catalogue::{ENDPOINTS, SOURCES, STEPS};
use crate::standing::Purpose;
use crate::{judging, subjects};

/// What is known of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndpointState {
    pub(crate) followed: InOrder<Serving>,
    /// Versions that the gate let through here, with the moment and the end of it.
    pub(crate) authorized: Vec<Authorized>,
    /// What is known of the statements since which each version serves.
    pub(crate) sources: Vec<Stated>,
    /// The versions that are noted as serving here.
    noted: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Authorized {
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) use_case: Option<String>,
    pub(crate) at_ms: u64,
    pub(crate) index: u64,
}

impl EndpointState {
    /// What a share is for: as was said when it started, or else as the gate let it through.
    pub(crate) fn purpose(&self, share: &Share) -> Purpose {
        let serving = &self.followed.value;
        let authorized = self.authorized.iter().find(|authorized| authorized.version == share.version);
        Purpose {
            version: share.version.clone(),
            digest: share.digest.clone(),
            use_case: serving.use_case.clone().or_else(|| authorized?.use_case.clone()),
            environment: serving.environment.clone(),
            any_use: false,
        }
    }
}

/// Takes in what happened at an endpoint.
pub(crate) fn fold(batch: &mut Batch<'_>, endpoint: &str, recorded: &Recorded) -> Result<(), ProjectionError> {
    let key = ENDPOINTS.key().text(endpoint);
    if let Data::Deployment(DeploymentEvent::Authorized(authorized)) = &recorded.event.data {
        let authorized = Authorized {
            version: authorized.version.to_string(),
            digest: authorized.digest.map(|digest| digest.to_string()).unwrap_or_default(),
            use_case: authorized.use_case.as_ref().map(ToString::to_string),
            at_ms: recorded.sorted_at_ms(),
            index: recorded.index,
        };
        let state = batch.record(&ENDPOINTS, key)?;
        state.authorized.retain(|other| other.version != authorized.version);
        state.authorized.push(authorized);
        return judging::endpoint(batch, endpoint);
    }
    let Some(step) = Step::of(&recorded.event, recorded.index, recorded.sorted_at_ms()) else { return Ok(()) };
    batch.put(&SOURCES, SOURCES.key().text(endpoint).number(recorded.index), vec![Stated::of(recorded)]);
    let state = batch.record(&ENDPOINTS, key.clone())?;
    let mut followed = std::mem::take(&mut state.followed);
    STEPS.take(batch, endpoint, &mut followed, (step.place(), step), Serving::step)?;
    batch.record(&ENDPOINTS, key)?.followed = followed;
    settle(batch, endpoint)
}

/// Takes a step back that is void.
pub(crate) fn forget(batch: &mut Batch<'_>, endpoint: &str, step: (u64, u64)) -> Result<(), ProjectionError> {
    let key = ENDPOINTS.key().text(endpoint);
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
    let key = ENDPOINTS.key().text(endpoint);
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
        subjects::change(batch, gone, |state| state.places.retain(|place| place != endpoint))?;
        judging::approvals_of(batch, gone)?;
    }
    for come in now.iter().filter(|version| !before.contains(version)) {
        subjects::change(batch, come, |state| state.places.push(endpoint.to_owned()))?;
        judging::approvals_of(batch, come)?;
    }
    judging::endpoint(batch, endpoint)
}
